PRAGMA foreign_keys=OFF;
BEGIN TRANSACTION;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
INSERT INTO fact VALUES('encrypted !Xd_fXIcwfMx2Mus28nYQGn5aBjTsS_X8bh8VZrjepPU','1');
INSERT INTO fact VALUES('verification @you-adminbot:example.test','{"user_id": "@you-adminbot:example.test", "room_id": "!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw", "transaction": "$request", "txn": "txn", "since": "2026-11-26T08:09:47.071401+00:00", "verified": false}');
INSERT INTO fact VALUES('since','s71_1_0_1_7_1_4_29_0_1_1_1_1_1');
CREATE TABLE sealed (name TEXT PRIMARY KEY, blob BLOB NOT NULL) STRICT;
INSERT INTO sealed VALUES('cross-signing seeds',X'91a30e25ab92f1cc17f7902a57c7973b97aebada2bdaf7bae0806979ab51ba5350a247f88b23caf3253fefbe49fd2df108312669de8f1674735c4fe6df823933b801138737088c526c425946ebb7f7dfa26f3c05cc356605998a99f14d6477a1c62c9d24fdf47ce7cbff81a3eab545fabf9574d53c04469a06fc4e613f35352200a26c888b9f6f3456a7da37160b327b0e96cb939b219285a133bc67bae8844adb56d46bf070243f62aa2ad3e945897c8589104eb6af63607c172c57e0cb8cda8448c099950d8979712a01d15a1affd2ffffed6e9e316f48c3424db796b1656396dd4720aca8cd198a58b00395b5a84996ee57fe3269f5e3e5ee677bf219b4f88f53e6b4e76e607d2a6ca451e2dd98f81009');
INSERT INTO sealed VALUES('identity @nanobot:example.test',X'd6624c5289df725d552ab88fa9becda0a2a531943cdab49e7b25f059bf8b41dc4ff47e85859ca6e911cc598cae9744286e819a6c7e8a1ed1c5713ac5af80edb964ecd53e3a3a5feb2b24cdf249a67ac2a0bea3fe1803e6846d6fd66faab9014ff6795075ad72e93b314ca7feda4f82fa1fabd6512ec6bc7f1d718552b36633c776bb9902e9026d68f0ba3dda736d09bb1def575605394807549f53366076801e69970d27c39a8987548d988382a21d835cc2c27e6b3ed40dfebba6fc447a3a25d30d4d91');
INSERT INTO sealed VALUES('identity @quiet:example.test',X'140c2677e8741c9831366cf1d135265bf83e6c61226c159a3c14387da17d8f457fd94ec66115ba9da5aead49bb9fa56101dc0807400679cc9112bc1c3f98ed2dfd3dd2b64b24e2782464c80f2578428c5aa0529cc69d974a70e17be631d3cf81262715fe706c75ff2f9c22c0e897a9b912f38be37fe0a53b689bc8e202f9f2103ebe81590ff68b9a83dcd87b68ee297e1c0b2947c51733213aa83e010559ae40e2e81813268d7a354c627b0f4b4a5b3ad21dfc9b0b45a47ded5d7ed13a0b49b3227558f3');
CREATE TABLE bot (
        user_id TEXT PRIMARY KEY,
        display_name TEXT NOT NULL,
        device_id TEXT,                -- NULL: signed out, the next token gets a new device
        has_password INTEGER NOT NULL, -- 1: cards carry a password, too
        made_by TEXT NOT NULL,
        made_at TEXT NOT NULL,         -- times are ISO 8601, UTC
        token_at TEXT,
        deleted_at TEXT
    , own_identity INTEGER NOT NULL DEFAULT 0) STRICT;
INSERT INTO bot VALUES('@clawbot:example.test','clawbot','CLAWBOTWVP3',1,'@you-adminbot:example.test','2026-11-26T08:08:36.540804+00:00','2026-11-26T08:08:36.540807+00:00',NULL,1);
INSERT INTO bot VALUES('@gone:example.test','gone','GONE74NMMA',0,'@you-adminbot:example.test','2026-11-26T08:08:36.860064+00:00','2026-11-26T08:08:36.860068+00:00','2026-11-26T08:08:38.536576+00:00',0);
INSERT INTO bot VALUES('@nanobot:example.test','My assistant','NANOBOTBFWE',0,'@you-adminbot:example.test','2026-11-26T08:08:36.202203+00:00','2026-11-26T08:08:37.618327+00:00',NULL,0);
INSERT INTO bot VALUES('@quiet:example.test','quiet','QUIET2X',0,'@you-adminbot:example.test','2026-11-26T08:08:37.225181+00:00','2026-11-26T08:09:47.061142+00:00',NULL,0);
INSERT INTO bot VALUES('@off:example.test','off',NULL,0,'@you-adminbot:example.test','2026-11-26T09:32:01.564370+00:00',NULL,NULL,0);
CREATE TABLE card (
        id INTEGER PRIMARY KEY,
        bot TEXT NOT NULL,
        reader TEXT NOT NULL,
        made_at TEXT NOT NULL,
        content BLOB,                  -- sealed, and only until both messages are out
        room_id TEXT,
        intro_id TEXT,
        block_id TEXT,
        vanishes_at TEXT,
        gone_at TEXT
    ) STRICT;
INSERT INTO card VALUES(1,'@nanobot:example.test','@you-adminbot:example.test','2026-11-26T08:08:36.233403+00:00',NULL,'!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw','$nAu65CP2ttEO2_H8XsROcdD8EyGRyuwuT4Y_HPT11og','$yvnciiHc4NsOQ6rYqefrOt8v95XWKVmfQeuo76kXvnI','2026-11-26T08:08:37.648426+00:00','2026-11-26T08:08:37.878867+00:00');
INSERT INTO card VALUES(2,'@clawbot:example.test','@you-adminbot:example.test','2026-11-26T08:08:36.564523+00:00',NULL,'!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw','$mCcoNAm3ryPxbtZdsCMr3FOu5FOo3ZJUXdPSPqWWOs8','$Ln76eQuzYb_eKocLrgfW5q-hy_4gvu_j_5mGuQCGMmI','2026-11-26T09:08:36.672490+00:00',NULL);
INSERT INTO card VALUES(3,'@gone:example.test','@you-adminbot:example.test','2026-11-26T08:08:36.876371+00:00',NULL,'!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw','$GK9c4RQLj454sBCYSwFk8skizfW9ADRAEArd-2VItXA','$ZbKfja3PvdalutmUZtQ5Hyb9a1xLUrNAJeleTUpvnmw','2026-11-26T08:08:38.536860+00:00','2026-11-26T08:08:38.680439+00:00');
INSERT INTO card VALUES(4,'@quiet:example.test','@you-adminbot:example.test','2026-11-26T08:08:37.335742+00:00',NULL,'!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw','$WIESPUSg7Z4QrZnA60BH29hyK5wZFmcvEZnXzYID_Lw','$8LyM43kkII9VUjBWQWtoDaG0NlYBMwr6xSXkRBNo-Bo','2026-11-26T08:08:38.219491+00:00','2026-11-26T08:08:38.331879+00:00');
INSERT INTO card VALUES(5,'@nanobot:example.test','@you-adminbot:example.test','2026-11-26T08:08:37.648496+00:00',NULL,'!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw','$HxEaOm3FfzZUl6I9RRBjokajBdmxHWSbh7wlDQwtO9U','$6O8TRrcjQVj4MNLcLzswHyXwCG8AcmSbm5YgWKinSZU','2026-11-26T09:08:37.709527+00:00',NULL);
INSERT INTO card VALUES(6,'@quiet:example.test','@you-adminbot:example.test','2026-11-26T08:09:47.061717+00:00',X'a3646b20bcf34fc95cfb3cfc79240bbc6f9608c0cbe9397a697b9beed9795cb8fc8f907b07b4717a395db6d38b2965f31eb2f856f251de964bc4c3481e89760c06ae41b3984697379b5c6f08d23d66733e74c0fa4fed9d858710d615',NULL,NULL,NULL,NULL,NULL);
INSERT INTO card VALUES(7,'@off:example.test','@you-adminbot:example.test','2026-11-26T09:32:01.567215+00:00',NULL,'!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw','$intro','$block','2026-11-26T09:32:01.604240+00:00','2026-11-26T09:32:01.604659+00:00');
CREATE TABLE pin (user_id TEXT PRIMARY KEY, master_key TEXT NOT NULL, at TEXT NOT NULL, verified_at TEXT, alarmed TEXT) STRICT;
INSERT INTO pin VALUES('@you-adminbot:example.test','noW2YYNdmi0KpgjyvX8bSiLCqKBIpfO+qv/JtKLi1Xs','2026-11-26T08:08:34.952474+00:00',NULL,NULL);
CREATE TABLE dm (user_id TEXT PRIMARY KEY, room_id TEXT NOT NULL) STRICT;
INSERT INTO dm VALUES('@you-adminbot:example.test','!SePJSyeD9gC2irH9aL4hCaElFnS2MLQ53kloI_46DQw');
CREATE TABLE inbox (
        event_id TEXT PRIMARY KEY,
        position INTEGER NOT NULL,     -- order of arrival
        content BLOB,                  -- the sealed message, and only until it is answered
        reply BLOB,                    -- the sealed answer, and only until it is out
        megolm TEXT                    -- "sender_key session_id index": a replay is refused
    ) STRICT;
INSERT INTO inbox VALUES('$T-lt8MpsAZn_Sls98Abn6CV4_tdiXu7W46caoL7RPM0',1,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 0');
INSERT INTO inbox VALUES('$Ez1RhYeXPwWU5RzY6r97AmCYpilkUtJJOPwuOMlUWsE',2,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 1');
INSERT INTO inbox VALUES('$NNYj3PIsifrfUa9AaBkQf-ke6Wb85vC-u1lvyyzEL2M',3,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 2');
INSERT INTO inbox VALUES('$IJz3BAuSH8NLa0j8FEp9tOndECQpwjnDpyUlOsKvlYk',4,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 3');
INSERT INTO inbox VALUES('$dHjxzBkMLJA-798JmttkJHVRehPjBD5_CBVAVPE63Ck',5,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 4');
INSERT INTO inbox VALUES('$ofvMvQjixG4afyWESOAKoaxQcbNdCmSK41vspE4IUao',6,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 5');
INSERT INTO inbox VALUES('$0uSY2DdtFRsv80zwzJM44sE5s5jgHXcNoFuVGxFLIRs',7,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 6');
INSERT INTO inbox VALUES('$zyP0TEctLhl9jr14PTp8DXvRjxo0TkP5YJvoBO_Q9zI',8,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 7');
INSERT INTO inbox VALUES('$bnfZNklkFRww7eTC5_bl-ryKsgOwwti90p3toFZmwAI',9,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 8');
INSERT INTO inbox VALUES('$fgDN7cymBkuLUSyni032tXfaBNuoaEwkK1dONm-dKpM',10,NULL,NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 9');
INSERT INTO inbox VALUES('$a0LFdq8o3MM4IyIouEXzGbhR1YeaZ2W5128jKQhpxp0',11,X'dddbf4afd74b6e8a319b10ab2b8e4758ad17d5478aa50d5f627d63e4c2205ca37ecd3b71dd9d052b2c9df84a3f517f55a6bfb17a89c00d170584c2f255ca6adc8fb7a71199a325d2edcc09119a216717d7c3d1a31b65a06583c2c90b1469575bee40e5df4081c0de5b539b29a7afba642f1be5df64947e4b0b703bebcdf9b6b8934eb57875c1e8a375d66dbd4a996ff261a1691a2165627d5801e2ce4c18b7693354cc9ca2bb51750e5d4eec18fc43982169c4f3ede94df465b60262508e7c726253bd4b69ed5f12f1e86cefa9c5b27e061ddd7a3712774d04c92493378fee9ce97a816ba4e02dd308414196f2ded668663401ca146284b44e8bccdbe0925708dbbacdb211e8c90c0a836fe5add69cb389f7cafdbeb0dd96e8f5d28f7781d89d1ebe3b6a3976af0de27652c0a582fb9413bb9a063be4ace2384b1633d0e1746c6e3ce7e87b8809d24f2ab4c919b6d9dc3b40d4b730628a7c3f7b6b8a205277a811a146d5c57edb8bdb1551964f99b5da1b0135618cb89fe2ce834f311251872f97fb62ecb188a7bf7dc297e4c16757c661794cb51e487a4fac76d479163427e9ee1ee8c0b6cdd8b185f3679c80c8c18266012ef71738675882379b1b72a7e3a451fc571a73f5820a1e20d4070fd4a95dfbfb26',NULL,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 10');
INSERT INTO inbox VALUES('$made',12,NULL,NULL,NULL);
INSERT INTO inbox VALUES('$revoked',13,NULL,NULL,NULL);
CREATE TABLE act (
        event_id TEXT PRIMARY KEY,
        who TEXT NOT NULL,
        command TEXT NOT NULL,
        target TEXT NOT NULL,
        began_at TEXT NOT NULL,
        ended_at TEXT,
        outcome TEXT,                  -- NULL: under way, or cut off
        device_id TEXT                 -- what `newbot` was about to make
    ) STRICT;
INSERT INTO act VALUES('$T-lt8MpsAZn_Sls98Abn6CV4_tdiXu7W46caoL7RPM0','@you-adminbot:example.test','newbot','@nanobot:example.test','2026-11-26T08:08:36.197227+00:00','2026-11-26T08:08:36.233127+00:00','done','NANOBOTBFWE');
INSERT INTO act VALUES('$Ez1RhYeXPwWU5RzY6r97AmCYpilkUtJJOPwuOMlUWsE','@you-adminbot:example.test','newbot','@clawbot:example.test','2026-11-26T08:08:36.540176+00:00','2026-11-26T08:08:36.563842+00:00','done','CLAWBOTWVP3');
INSERT INTO act VALUES('$NNYj3PIsifrfUa9AaBkQf-ke6Wb85vC-u1lvyyzEL2M','@you-adminbot:example.test','newbot','@gone:example.test','2026-11-26T08:08:36.858753+00:00','2026-11-26T08:08:36.876034+00:00','done','GONE74NMMA');
INSERT INTO act VALUES('$IJz3BAuSH8NLa0j8FEp9tOndECQpwjnDpyUlOsKvlYk','@you-adminbot:example.test','newbot','@quiet:example.test','2026-11-26T08:08:37.224500+00:00','2026-11-26T08:08:37.335512+00:00','done','QUIETDVA9K');
INSERT INTO act VALUES('$dHjxzBkMLJA-798JmttkJHVRehPjBD5_CBVAVPE63Ck','@you-adminbot:example.test','rotate','@nanobot:example.test','2026-11-26T08:08:37.617740+00:00','2026-11-26T08:08:37.648231+00:00','done','NANOBOTBFWE');
INSERT INTO act VALUES('$0uSY2DdtFRsv80zwzJM44sE5s5jgHXcNoFuVGxFLIRs','@you-adminbot:example.test','revoke','@quiet:example.test','2026-11-26T08:08:38.155031+00:00','2026-11-26T08:08:38.219612+00:00','done',NULL);
INSERT INTO act VALUES('$bnfZNklkFRww7eTC5_bl-ryKsgOwwti90p3toFZmwAI','@you-adminbot:example.test','deletebot','@gone:example.test','2026-11-26T08:08:38.516466+00:00','2026-11-26T08:08:38.536955+00:00','done',NULL);
INSERT INTO act VALUES('$a0LFdq8o3MM4IyIouEXzGbhR1YeaZ2W5128jKQhpxp0','@you-adminbot:example.test','rotate','@clawbot:example.test','2026-11-26T08:08:38.853160+00:00',NULL,NULL,'CLAWBOTWVP3');
INSERT INTO act VALUES('$later','@you-adminbot:example.test','rotate','@quiet:example.test','2026-11-26T08:09:47.048219+00:00','2026-11-26T08:09:47.061377+00:00','done','QUIET2X');
INSERT INTO act VALUES('$made','@you-adminbot:example.test','newbot','@off:example.test','2026-11-26T09:32:01.563027+00:00','2026-11-26T09:32:01.566879+00:00','done','OFFK3Y');
INSERT INTO act VALUES('$revoked','@you-adminbot:example.test','revoke','@off:example.test','2026-11-26T09:32:01.588762+00:00','2026-11-26T09:32:01.604317+00:00','done',NULL);
CREATE TABLE awaited (             -- bots whose device has still to show its keys
        user_id TEXT PRIMARY KEY,
        device_id TEXT NOT NULL,
        tell TEXT NOT NULL,            -- who is told once it is trusted
        since TEXT NOT NULL
    ) STRICT;
INSERT INTO awaited VALUES('@nanobot:example.test','NANOBOTBFWE','@you-adminbot:example.test','2026-11-26T08:08:37.648325+00:00');
INSERT INTO awaited VALUES('@clawbot:example.test','CLAWBOTWVP3','@you-adminbot:example.test','2026-11-26T08:08:36.564095+00:00');
INSERT INTO awaited VALUES('@quiet:example.test','QUIET2X','@you-adminbot:example.test','2026-11-26T08:09:47.061507+00:00');
CREATE TABLE step (                -- what an act was about to change, before it did
        event_id TEXT NOT NULL,
        at TEXT NOT NULL,
        what TEXT NOT NULL
    ) STRICT;
INSERT INTO step VALUES('$T-lt8MpsAZn_Sls98Abn6CV4_tdiXu7W46caoL7RPM0','2026-11-26T08:08:36.202284+00:00','make the account');
INSERT INTO step VALUES('$Ez1RhYeXPwWU5RzY6r97AmCYpilkUtJJOPwuOMlUWsE','2026-11-26T08:08:36.540868+00:00','make the account');
INSERT INTO step VALUES('$NNYj3PIsifrfUa9AaBkQf-ke6Wb85vC-u1lvyyzEL2M','2026-11-26T08:08:36.860142+00:00','make the account');
INSERT INTO step VALUES('$IJz3BAuSH8NLa0j8FEp9tOndECQpwjnDpyUlOsKvlYk','2026-11-26T08:08:37.225248+00:00','make the account');
INSERT INTO step VALUES('$IJz3BAuSH8NLa0j8FEp9tOndECQpwjnDpyUlOsKvlYk','2026-11-26T08:08:37.243991+00:00','publish its identity');
INSERT INTO step VALUES('$dHjxzBkMLJA-798JmttkJHVRehPjBD5_CBVAVPE63Ck','2026-11-26T08:08:37.618450+00:00','set a password');
INSERT INTO step VALUES('$dHjxzBkMLJA-798JmttkJHVRehPjBD5_CBVAVPE63Ck','2026-11-26T08:08:37.626780+00:00','log in');
INSERT INTO step VALUES('$dHjxzBkMLJA-798JmttkJHVRehPjBD5_CBVAVPE63Ck','2026-11-26T08:08:37.635391+00:00','end every other session');
INSERT INTO step VALUES('$0uSY2DdtFRsv80zwzJM44sE5s5jgHXcNoFuVGxFLIRs','2026-11-26T08:08:38.155486+00:00','sign it out everywhere');
INSERT INTO step VALUES('$bnfZNklkFRww7eTC5_bl-ryKsgOwwti90p3toFZmwAI','2026-11-26T08:08:38.517036+00:00','deactivate it');
INSERT INTO step VALUES('$a0LFdq8o3MM4IyIouEXzGbhR1YeaZ2W5128jKQhpxp0','2026-11-26T08:08:38.854070+00:00','set a password');
INSERT INTO step VALUES('$made','2026-11-26T09:32:01.564892+00:00','make the account');
INSERT INTO step VALUES('$revoked','2026-11-26T09:32:01.603622+00:00','sign it out everywhere');
CREATE TABLE question (
        asked_of TEXT NOT NULL,
        room_id TEXT NOT NULL,
        event_id TEXT NOT NULL,        -- "about $command" until the question is out
        line TEXT NOT NULL,
        answer TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        tap INTEGER NOT NULL,          -- 1: a tap on ✅ will do
        megolm TEXT,                   -- "sender_key session_id index" of the command
        PRIMARY KEY (asked_of, room_id, answer)
    ) STRICT;
INSERT INTO question VALUES('@you-adminbot:example.test','!Xd_fXIcwfMx2Mus28nYQGn5aBjTsS_X8bh8VZrjepPU','$XEye3HvL8aqAXNwJ88ZJ8tBHsVKjxKP5GnMUvKQtfAA','deletebot clawbot','clawbot','2026-11-26T08:10:38.780565+00:00',0,'bpW28sAZf9rzBHS9lGdvv/BNhZzLrDZgMrDKaQjegDE JlkQdSXTyuFV2OOzBo5GOMB02MSO+bQ8ltqn7kI0Mbc 9');
CREATE TABLE bot_pin (             -- which identity of a bot counts, once it was seen or out
        user_id TEXT PRIMARY KEY,
        master_key TEXT NOT NULL,
        alarmed TEXT                   -- the other master key that was told of last
    ) STRICT;
INSERT INTO bot_pin VALUES('@nanobot:example.test','RctCYbVhpgR4xGvjkTu3StsuYSvYnmu85YBXpKiTBRg',NULL);
INSERT INTO bot_pin VALUES('@quiet:example.test','h19Sf/b/UJchsolikGB9bKXkvGBKm4pP5h/hsfROyVI',NULL);
CREATE INDEX inbox_open ON inbox (position) WHERE content IS NOT NULL;
CREATE UNIQUE INDEX inbox_megolm ON inbox (megolm);
CREATE INDEX step_act ON step (event_id);
CREATE INDEX act_target ON act (target);
COMMIT;
PRAGMA user_version=4;
