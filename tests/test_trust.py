"""Who may command and receive: trusted devices of admins, and nobody else."""

from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Human
from tests.world import World, a_human, a_person, a_world, adminbot, call, replies_to, trusted

pytestmark = pytest.mark.anyio


async def test_a_rogue_device_gets_no_card_and_no_say(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """An unsigned device of the admin reads a refusal, and no card; nothing is made for it."""
    async with a_world(homeserver, root, directory) as world:
        password = "rogue-Passw0rd!"  # the server's owner can always set one
        await set_password(homeserver, root, world.human.user_id, password)
        async with Human.open(
            homeserver.url, world.human.user_id, password=password, bootstrap=False, strict=False
        ) as rogue:
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
                lambda h: next(
                    (m for m in h.messages(world.dm) if m.event_id == last.event_id), None
                )
            )
            assert seen.failure
            assert not seen.readable
            assert not any("MATRIX_" in (m.body or "") for m in rogue.messages(world.dm))


async def test_a_stranger_gets_silence(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Somebody who is no admin gets no answer, in the admin room or in a chat of their own."""
    async with a_world(homeserver, root, directory) as world:
        person = await a_person(homeserver, root, f"stranger-{directory.name}")
        async with a_human(homeserver, person) as stranger:
            own = await stranger.create_room(
                invite=[f"@{directory.name}:example.test"], is_direct=True
            )
            await invite_by_bot(world, person.user_id)
            await stranger.join(world.room)
            await stranger.send(world.room, "!newbot mine")
            await stranger.send(world.room, "!ping")
            await world.ask("!ping")
            last = await world.ask("!bots")
            assert "mine" not in str(last.body)
            assert stranger.membership(own, f"@{directory.name}:example.test") == "invite"
            answers = [m for m in stranger.messages(world.room) if m.sender.startswith("@adminb")]
            assert not [m for m in answers if m.readable and m.type == "m.room.message"]


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
    async with a_world(homeserver, root, directory) as world:
        await set_password(homeserver, root, world.human.user_id, "new-Passw0rd!")
        async with Human.open(
            homeserver.url,
            world.human.user_id,
            password="new-Passw0rd!",
            bootstrap=False,
            strict=False,
        ) as renewed:
            await renewed.reset_identity()
            await renewed.send(world.room, "!newbot stolen")
            await renewed.wait_message(world.room, "is another one than I remember")
            await world.bot.wait_log("identity CHANGED")
            await world.bot.stop()
            words = ("trust", world.human.user_id, "--env-file", world.bot.env_file)
            code, _, err = await adminbot(*words)
            assert code == 2
            assert "nobody to ask" in err
            code, out, err = await adminbot(*words, "--yes")
            assert code == 0, err
            assert "Remembered" in out
            await world.bot.start()
            event_id = await renewed.send(world.room, "!bots")
            answer = await renewed.wait_message(world.room, lambda m: replies_to(m) == event_id)
            assert "No bots yet" in str(answer.body)


async def set_password(homeserver: Homeserver, root: Person, user_id: str, password: str) -> None:
    body = {"password": password, "logout_devices": False}
    path = f"/_synapse/admin/v2/users/{user_id}"
    (await call(homeserver, root.access_token, "PUT", path, body)).raise_for_status()


async def invite_by_bot(world: World, user_id: str, *, room: str | None = None) -> None:
    """Only the bot may invite: somebody who stole its token could do this."""
    path = f"/_matrix/client/v3/rooms/{room or world.room}/invite"
    token = world.bot.setting("ACCESS_TOKEN")
    answer = await call(world.homeserver, token, "POST", path, {"user_id": user_id})
    answer.raise_for_status()
