"""The tables, and the migrations of older files."""

import aiosqlite

from adminbot.errors import SetupError

# Append only: the n-th entry takes the file from version n-1 to version n.
MIGRATIONS = (
    """
    CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE sealed (name TEXT PRIMARY KEY, blob BLOB NOT NULL) STRICT;
    CREATE TABLE bot (
        user_id TEXT PRIMARY KEY,
        display_name TEXT NOT NULL,
        device_id TEXT,                -- NULL: signed out, the next token gets a new device
        has_password INTEGER NOT NULL, -- 1: cards carry a password, too
        made_by TEXT NOT NULL,
        made_at TEXT NOT NULL,         -- times are ISO 8601, UTC
        token_at TEXT,
        deleted_at TEXT
    ) STRICT;
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
    CREATE TABLE pin (user_id TEXT PRIMARY KEY, master_key TEXT NOT NULL, at TEXT NOT NULL) STRICT;
    CREATE TABLE dm (user_id TEXT PRIMARY KEY, room_id TEXT NOT NULL) STRICT;
    CREATE TABLE inbox (
        event_id TEXT PRIMARY KEY,
        position INTEGER NOT NULL,     -- order of arrival
        content BLOB,                  -- the sealed message, and only until it is answered
        reply BLOB,                    -- the sealed answer, and only until it is out
        megolm TEXT                    -- "sender_key session_id index": a replay is refused
    ) STRICT;
    CREATE INDEX inbox_open ON inbox (position) WHERE content IS NOT NULL;
    CREATE UNIQUE INDEX inbox_megolm ON inbox (megolm);
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
    CREATE TABLE question (
        asked_of TEXT NOT NULL,
        room_id TEXT NOT NULL,
        event_id TEXT NOT NULL,
        line TEXT NOT NULL,
        answer TEXT NOT NULL,
        expires_at TEXT NOT NULL,
        PRIMARY KEY (asked_of, room_id)
    ) STRICT;
    """,
    """
    ALTER TABLE bot ADD COLUMN own_identity INTEGER NOT NULL DEFAULT 0; -- 1: it signs itself
    ALTER TABLE pin ADD COLUMN verified_at TEXT; -- when we compared emoji with this identity
    ALTER TABLE pin ADD COLUMN alarmed TEXT;     -- the other master key that was told of last
    CREATE TABLE awaited (             -- bots whose device has still to show its keys
        user_id TEXT PRIMARY KEY,
        device_id TEXT NOT NULL,
        tell TEXT NOT NULL,            -- who is told once it is trusted
        since TEXT NOT NULL
    ) STRICT;
    """,
    """
    CREATE TABLE step (                -- what an act was about to change, before it did
        event_id TEXT NOT NULL,
        at TEXT NOT NULL,
        what TEXT NOT NULL
    ) STRICT;
    CREATE INDEX step_act ON step (event_id);
    """,
    """
    DROP TABLE question;               -- whatever was open then was open for two minutes
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
    CREATE INDEX act_target ON act (target);
    CREATE TABLE bot_pin (             -- which identity of a bot counts, once it was seen or out
        user_id TEXT PRIMARY KEY,
        master_key TEXT NOT NULL,
        alarmed TEXT                   -- the other master key that was told of last
    ) STRICT;
    """,
    """
    ALTER TABLE bot ADD COLUMN app TEXT NOT NULL DEFAULT '';    -- the profile's name; '': plain
    ALTER TABLE bot ADD COLUMN room_id TEXT NOT NULL DEFAULT '';    -- for the app's settings
    ALTER TABLE bot ADD COLUMN room_alias TEXT NOT NULL DEFAULT ''; -- if the room was typed so
    """,
    """
    -- Rooms from before are not greeted: their people know us. The admin room's id is a setting.
    INSERT INTO fact SELECT 'greeted ' || room_id, '1' FROM dm;
    INSERT INTO fact SELECT 'greeted the admin room', '1' FROM fact WHERE name = 'since';
    """,
    """
    CREATE TABLE device_key (          -- the keys with which a bot's device was last trusted
        user_id TEXT PRIMARY KEY,
        device_id TEXT NOT NULL,
        ed25519 TEXT NOT NULL,         -- unpadded base64
        told TEXT                      -- the other key that was told of last
    ) STRICT;
    """,
    """
    ALTER TABLE device_key ADD COLUMN curve25519 TEXT NOT NULL DEFAULT ''; -- '': not known yet
    """,
    """
    ALTER TABLE bot ADD COLUMN note TEXT NOT NULL DEFAULT '';
    ALTER TABLE bot ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;      -- 1: its account is locked
    ALTER TABLE bot ADD COLUMN adopted_at TEXT;                        -- NULL: made here
    ALTER TABLE card ADD COLUMN kind TEXT NOT NULL DEFAULT 'bot';      -- see cards.py, CardKind
    CREATE TABLE section (             -- logins made so far, of a card with several
        event_id TEXT NOT NULL,        -- of the command's message
        bot TEXT NOT NULL,
        content BLOB NOT NULL,         -- sealed
        PRIMARY KEY (event_id, bot)
    ) STRICT;
    CREATE TABLE watch (               -- bots whose silence is told
        user_id TEXT PRIMARY KEY,
        silent_s INTEGER NOT NULL,
        tell TEXT NOT NULL,
        since TEXT NOT NULL,
        snoozed_until TEXT,
        alarmed TEXT,                  -- when somebody was told of the present silence
        alarm_ids TEXT                 -- the event ids of that alarm
    ) STRICT;
    CREATE TABLE expiry (              -- bots whose tokens are to be rotated in time
        user_id TEXT PRIMARY KEY,
        days INTEGER NOT NULL,
        tell TEXT NOT NULL,
        since TEXT NOT NULL,
        reminded TEXT                  -- the last reminder that is out
    ) STRICT;
    ALTER TABLE act ADD COLUMN part_of TEXT;   -- the message, where an act is one of several
    ALTER TABLE act ADD COLUMN is_stopped INTEGER NOT NULL DEFAULT 0;  -- 1: by `!cancel`
    ALTER TABLE act ADD COLUMN device TEXT NOT NULL DEFAULT '';        -- that the person typed on
    CREATE INDEX act_part ON act (part_of) WHERE part_of IS NOT NULL;
    CREATE TABLE audit (               -- what was done, refused and told; append-only
        id INTEGER PRIMARY KEY,
        at TEXT NOT NULL,              -- when it began
        ended_at TEXT NOT NULL,
        who TEXT NOT NULL,
        device TEXT NOT NULL,          -- '': not known
        kind TEXT NOT NULL,            -- 'change', 'refusal', 'alarm'
        what TEXT NOT NULL,            -- the command's name, or what the alarm was about
        target TEXT NOT NULL,
        outcome TEXT NOT NULL,
        event_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX audit_target ON audit (target, id);
    CREATE INDEX audit_who ON audit (who, id);
    CREATE INDEX act_open ON act (event_id) WHERE outcome IS NULL;
    INSERT INTO audit (at, ended_at, who, device, kind, what, target, outcome, event_id)
        SELECT began_at, coalesce(ended_at, began_at), who, '', 'change', command, target, outcome,
        event_id FROM act WHERE outcome IS NOT NULL ORDER BY rowid;
    CREATE TRIGGER act_has_ended AFTER UPDATE OF outcome ON act
        WHEN OLD.outcome IS NULL AND NEW.outcome IS NOT NULL
        BEGIN
            INSERT INTO audit (at, ended_at, who, device, kind, what, target, outcome, event_id)
            VALUES (NEW.began_at, NEW.ended_at, NEW.who, NEW.device, 'change', NEW.command,
                NEW.target, NEW.outcome, NEW.event_id);
        END;
    CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
    CREATE TRIGGER audit_is_not_cut BEFORE DELETE ON audit
        BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
    """,
    """
    -- Thousands of bots: what one command looks up must not cost more for that.
    CREATE INDEX bot_worst ON bot (token_at IS NOT NULL, coalesce(token_at, made_at), user_id)
        WHERE deleted_at IS NULL;
    CREATE INDEX device_key_told ON device_key (user_id) WHERE told IS NOT NULL;
    CREATE INDEX bot_pin_alarmed ON bot_pin (user_id) WHERE alarmed IS NOT NULL;
    CREATE INDEX act_who ON act (who, began_at);
    CREATE INDEX card_bot ON card (bot, id);
    CREATE INDEX card_open ON card (id) WHERE gone_at IS NULL;
    """,
)


async def migrate(db: aiosqlite.Connection) -> None:
    """Bring the file up to the newest version. Raises SetupError if the file is newer.

    Each migration is one transaction with its version number: after a crash the next start goes on
    with the first missing migration.
    """
    [(done,)] = await db.execute_fetchall("PRAGMA user_version")
    if done > len(MIGRATIONS):
        raise SetupError(
            "The data directory was written by a newer adminbot.",
            "Use that version, or restore a backup from before.",
        )
    for version, script in enumerate(MIGRATIONS[done:], start=done + 1):
        # `executescript` runs no transaction of its own. And PRAGMA stands on a line of its own: a
        # script may end in a comment, which would swallow the rest of the line.
        await db.executescript(f"BEGIN;\n{script}\nPRAGMA user_version = {version};\nCOMMIT;")
