"""Who may command and receive: trusted devices of admins, and nobody else."""

import json
from pathlib import Path
from typing import Any

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from adminbot.store import Bot as StoredBot, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.human import Seen
from tests.world import (
    World,
    a_human,
    a_person,
    a_world,
    adminbot,
    another_login,
    call,
    join_all,
    on_server,
    replies_to,
    rows,
    trusted,
)

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]


async def test_a_rogue_device_gets_no_card_and_no_say(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """An unsigned device of the admin reads a refusal, and no card; nothing is made for it."""
    async with (
        a_world(homeserver, root, directory) as world,
        another_login(world, root) as rogue,
    ):
        await rogue.wait_for(lambda h: h.membership(world.room, h.user_id) == "join" or None)
        event_id = await rogue.send(world.room, "!newbot stolen")
        refusal = await rogue.wait_message(
            world.room,
            lambda m: "is not verified, so I did nothing" in (m.body or ""),
            sender=f"@{directory.name}:example.test",
        )
        assert refusal.encrypted
        assert refusal.relates_to == {"m.in_reply_to": {"event_id": event_id}}

        await world.card("is ready", "!newbot honest")
        assert "stolen" not in str((await world.ask("!bots")).body)
        last = await world.human.wait_message(
            world.dm, lambda m: (m.body or "").startswith("MATRIX_")
        )
        seen = await rogue.wait_for(
            lambda h: next((m for m in h.messages(world.dm) if m.event_id == last.event_id), None)
        )
        assert seen.failure
        assert not seen.readable
        assert not any("MATRIX_" in (m.body or "") for m in rogue.messages(world.dm))


async def test_a_stranger_gets_silence(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Somebody who is no admin gets no answer, in the admin room or in a chat of their own.

    Nor is kept what they send: neither the message nor the keys to it.
    """
    async with a_world(homeserver, root, directory) as world:
        person = await a_person(homeserver, root, f"stranger-{directory.name}")
        async with a_human(homeserver, person) as stranger:
            bot = f"@{directory.name}:example.test"
            own = await stranger.create_room(invite=[bot], is_direct=True)
            await invite_by_bot(world, person.user_id)
            await stranger.join(world.room)
            await world.human.wait_membership(world.room, person.user_id, "join")
            before = len(said_on_server(world, world.room))
            theirs = [await stranger.send(world.room, "!newbot mine")]
            theirs.append(await stranger.send(world.room, "!ping"))
            path = f"/_matrix/client/v3/rooms/{world.room}/send/m.room.message/clear"
            in_clear = {"msgtype": "m.text", "body": "!ping"}  # needs no key to be read
            theirs.append((await stranger.raw("PUT", path, in_clear))["event_id"])
            theirs.append(await stranger.react(world.room, theirs[0], "✅"))
            await world.ask("!ping")
            last = await world.ask("!bots")
            assert "mine" not in str(last.body)
            assert stranger.membership(own, bot) == "invite"
            users: JSON = {world.human.user_id: [], person.user_id: []}
            path = "/_matrix/client/v3/keys/query"
            keys = await world.human.raw("POST", path, {"device_keys": users})

        fresh = said_on_server(world, world.room)[before:]
        assert [kind for kind, _ in fresh if kind != "m.reaction"] == ["m.room.encrypted"] * 2
        assert not [content for _, content in fresh if any(it in content for it in theirs)]
        assert not on_server(
            homeserver, "SELECT 1 FROM device_inbox WHERE user_id = ?", person.user_id
        )
        taken_in = [row[0] for row in rows(world.bot.data_dir / "adminbot.db", EVERY_LETTER)]
        assert last.relates_to
        assert last.relates_to["m.in_reply_to"]["event_id"] in taken_in
        assert not set(taken_in) & set(theirs)
        crypto = world.bot.data_dir / "crypto" / "crypto.db"
        kept = {row[0] for row in rows(crypto, "SELECT sender_key FROM megolminboundsessions")}
        assert curve25519_of(keys, world.human.user_id) in kept
        assert curve25519_of(keys, person.user_id) not in kept


EVERY_LETTER = "SELECT event_id FROM inbox"


def curve25519_of(answer: JSON, user_id: str) -> str:
    """The identity key of somebody's only device, in a /keys/query answer."""
    [device] = answer["device_keys"][user_id].values()
    return str(device["keys"][f"curve25519:{device['device_id']}"])


def said_on_server(world: World, room: str) -> list[tuple[str, str]]:
    """(type, content) of everything that the bot has sent there, as the server has it."""
    sql = (
        "SELECT type, json FROM events JOIN event_json USING (event_id) "
        "WHERE sender = ? AND events.room_id = ? ORDER BY stream_ordering"
    )
    own = world.bot.setting("USER_ID")
    return [(row["type"], row["json"]) for row in on_server(world.homeserver, sql, own, room)]


async def test_an_admin_in_clear_text_is_told(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        bot = f"@{directory.name}:example.test"
        room = await world.human.create_room(invite=[bot], encrypted=False, is_direct=True)
        await world.human.wait_membership(room, bot, "join")
        await world.human.send(room, "!newbot clear")
        told = await world.human.wait_message(room, "That came unencrypted, so I did nothing")
        assert told.sender == bot
        assert "clear" not in str((await world.ask("!bots")).body)

        crowded = await world.human.create_room(invite=[bot, root.user_id], encrypted=True)
        await world.human.wait_membership(crowded, bot, "join")
        await world.human.send(crowded, "!ping")
        told = await world.human.wait_message(crowded, "in the admin room or in our private chat")
        trusted(told)

        # A private chat without encryption is none for a card, though they are in no other.
        await world.human.leave(world.dm)
        await world.bot.stop()
        sealer = Sealer.from_base64(Secret(world.bot.setting("STORE_KEY")))
        async with open_store(world.bot.data_dir, sealer) as store:
            await store._db.write("DELETE FROM dm")
        await world.bot.start()
        before = len(said_on_server(world, room))
        await world.ask(f"!newbot clear-{directory.name}")
        fresh = await world.human.wait_invite(from_=bot)
        await world.human.join(fresh)
        trusted(
            await world.human.wait_message(fresh, lambda m: (m.body or "").startswith("MATRIX_"))
        )
        assert said_on_server(world, room)[before:] == []


async def test_a_card_finds_a_new_chat_when_somebody_is_in_the_old_one(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        person = await a_person(homeserver, root, f"third-{directory.name}")
        await invite_by_bot(world, person.user_id, room=world.dm)
        async with a_human(homeserver, person) as third:
            await third.join(world.dm)
            await world.human.wait_membership(world.dm, person.user_id, "join")
            await world.ask("!newbot private")
            fresh = await world.human.wait_invite(from_=f"@{directory.name}:example.test")
            await world.human.join(fresh)
            block = await world.human.wait_message(
                fresh, lambda m: (m.body or "").startswith("MATRIX_")
            )
            trusted(block)
            assert not any("MATRIX" in (m.body or "") for m in third.messages(world.dm))


async def test_one_without_cross_signing_is_told_how_and_pinned_then(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        await world.bot.stop()
        person = await a_person(homeserver, root, f"late-{directory.name}")
        text = world.bot.env_file.read_text()
        admins = world.bot.setting("ADMINS")
        world.bot.env_file.write_text(text.replace(admins, f"{admins} {person.user_id}"))
        await world.bot.start()
        async with a_human(homeserver, person, bootstrap=False, strict=False) as late:
            await late.wait_for(lambda h: len(h.invites()) == 2 or None)
            for room in list(late.invites()):
                await late.join(room)
            await late.send(world.room, "!ping")
            await late.wait_message(world.room, "has no cross-signing yet")
            await late.reset_identity()
            event_id = await late.send(world.room, "!ping")
            answer = await late.wait_message(world.room, lambda m: replies_to(m) == event_id)
            assert answer.body == "🏓 pong"


async def test_a_changed_identity_stops_everything_until_the_operator_says_so(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """For the old device and the new one; after that the new one counts, and the old no more."""
    async with (
        a_world(homeserver, root, directory) as world,
        another_login(world, root) as renewed,
    ):
        await world.ask("!ping")
        await renewed.reset_identity()
        await renewed.send(world.room, "!newbot stolen")
        await renewed.wait_message(world.room, "is another one than I remember")
        await world.human.only_verified(False)  # their own app would not send any more
        assert "is another one than I remember" in str((await typed(world, "!newbot old")).body)
        await world.bot.wait_log("identity CHANGED")
        await world.bot.wait_log("ALARM identity changed")
        words = ("trust", world.human.user_id, "--env-file", world.bot.env_file)
        code, _, err = await adminbot(*words)
        assert code == 2
        assert "nobody to ask" in err
        code, out, err = await adminbot(*words, "--yes")
        assert code == 0, err
        assert "Remembered" in out  # and the running service knows it from now on
        event_id = await renewed.send(world.room, "!bots")
        answer = await renewed.wait_message(world.room, lambda m: replies_to(m) == event_id)
        assert "No bots yet" in str(answer.body)
        assert "is not verified, so I did nothing" in str((await typed(world, "!newbot old")).body)


async def typed(world: World, line: str) -> Seen:
    """The answer to a line, on a device that does not count: what it makes of it is its own."""
    event_id = await world.say(line)
    return await world.human.wait_message(world.room, lambda m: replies_to(m) == event_id)


async def test_a_card_that_waits_does_not_go_to_a_replaced_identity(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """It was made for the old identity; the new one, of the same user, gets no key of it."""
    async with a_world(homeserver, root, directory) as world:
        you = UserId.parse(world.human.user_id)
        await world.ask("!ping")
        await world.bot.stop()
        sealer = Sealer.from_base64(Secret(world.bot.setting("STORE_KEY")))
        bot = StoredBot(UserId("x", "example.test"), "x", "X1", False, you, now(), now())
        card = json.dumps({"intro": "for you", "block": "MATRIX_ACCESS_TOKEN=waiting"})
        async with open_store(world.bot.data_dir, sealer) as store:
            await store.hand_over(bot, event_id="$none", reader=you, card=card)
        async with another_login(world, root) as thief:
            await thief.reset_identity()
            await world.bot.start()
            await world.bot.wait_log("card waits")
            await thief.send(world.room, "!ping")
            await thief.wait_message(world.room, "is another one than I remember")
            assert not [m for m in thief.messages(world.dm) if m.readable and m.encrypted]
            assert "card delivered" not in world.bot.log


async def test_the_other_admins_are_alarmed_once(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        person = await a_person(homeserver, root, f"other-{directory.name}")
        await world.bot.stop()
        text, admins = world.bot.env_file.read_text(), world.bot.setting("ADMINS")
        world.bot.env_file.write_text(text.replace(admins, f"{admins} {person.user_id}"))
        async with a_human(homeserver, person) as other:
            await world.bot.start()
            room, dm = await join_all(other, world.bot)
            event_id = await other.send(room, "!ping")
            await other.wait_message(room, lambda m: replies_to(m) == event_id)

            # Who owns the server takes the account over, and its identity with it.
            async with another_login(world, root) as thief:
                await thief.reset_identity()
                await thief.send(room, "!newbot loot")
                alarm = await other.wait_message(dm, "shows another cross-signing identity")
                trusted(alarm)
                assert alarm.msgtype == "m.text"
                assert alarm.content["m.mentions"] == {}, "a private chat rings anyway"
                assert f"adminbot trust {world.human.user_id}" in str(alarm.body)
                await thief.wait_message(room, "is another one than I remember")

                await world.bot.stop()
                await world.bot.start()
                again = await thief.send(room, "!newbot loot")
                await thief.wait_message(room, "is another one", after=again)
                event_id = await other.send(room, "!bots")
                answer = await other.wait_message(room, lambda m: replies_to(m) == event_id)
                assert "No bots yet" in str(answer.body)
            rung = [m for m in other.messages(dm) if "another cross-signing" in str(m.body)]
            assert rung == [alarm]


async def test_no_card_is_asked_for_where_a_stranger_looks_on(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Nothing is made, it is said who it is, and the private chat still does."""
    async with a_world(homeserver, root, directory) as world:
        person = await a_person(homeserver, root, f"looker-{directory.name}")
        await invite_by_bot(world, person.user_id)
        await world.human.wait_membership(world.room, person.user_id, "invite")
        refused = await world.ask(f"!newbot hidden-{directory.name}")
        assert f"because {person.user_id} is in it. Nothing was made." in str(refused.body)
        assert "No bots yet" in str((await world.ask("!bots")).body)
        card = await world.card("is ready", f"!newbot hidden-{directory.name}", room=world.dm)
        assert card.token


@pytest.mark.parametrize(
    ("kind", "content", "why"),
    [
        ("join_rules", {"join_rule": "public"}, "others can join it without an invitation"),
        (
            "history_visibility",
            {"history_visibility": "world_readable"},
            "its history is open to everybody",
        ),
    ],
)
async def test_a_chat_that_was_opened_up_is_left_and_the_reason_said(
    homeserver: Homeserver,
    root: Person,
    directory: Path,
    kind: str,
    content: dict[str, str],
    why: str,
) -> None:
    async with a_world(homeserver, root, directory) as world:
        await set_state_by_bot(world, f"m.room.{kind}", content)
        await world.human.wait_message(world.dm, lambda m: m.type == f"m.room.{kind}", after=8)
        made = await world.ask(f"!newbot private-{directory.name}")
        assert "is ready" in str(made.body)
        fresh = await world.human.wait_invite(from_=f"@{directory.name}:example.test", timeout=60)
        await world.human.join(fresh)
        trusted(await world.human.wait_message(fresh, f"because {why}"))
        trusted(
            await world.human.wait_message(fresh, lambda m: (m.body or "").startswith("MATRIX_"))
        )
        assert not any("MATRIX_" in (m.body or "") for m in world.human.messages(world.dm))


async def test_withheld_keys_are_understood(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """A person whose app gives keys to verified devices only is told so, and how to go on."""
    async with a_world(homeserver, root, directory) as world:
        await world.human.only_verified(True)
        event_id = await world.say("!ping")
        told = await world.human.wait_message(
            world.room, "your app gives keys to verified devices only", timeout=5
        )
        assert replies_to(told) == event_id
        assert f"adminbot verify {world.human.user_id}" in str(told.body)
        again = await world.say("!ping")  # the same session: once is enough
        await world.human.only_verified(False)
        assert (await world.ask("!ping")).body == "🏓 pong"
        assert not [m for m in world.human.messages(world.room) if replies_to(m) == again]


async def set_state_by_bot(world: World, kind: str, content: dict[str, str]) -> None:
    """Only the bot may: somebody who stole its token could do this."""
    path = f"/_matrix/client/v3/rooms/{world.dm}/state/{kind}/"
    token = world.bot.setting("ACCESS_TOKEN")
    (await call(world.homeserver, token, "PUT", path, content)).raise_for_status()


async def invite_by_bot(world: World, user_id: str, *, room: str | None = None) -> None:
    """Only the bot may invite: somebody who stole its token could do this."""
    path = f"/_matrix/client/v3/rooms/{room or world.room}/invite"
    token = world.bot.setting("ACCESS_TOKEN")
    answer = await call(world.homeserver, token, "POST", path, {"user_id": user_id})
    answer.raise_for_status()
