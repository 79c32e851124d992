"""The admin room is left, spoiled or lost, and mended."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from adminbot.config.sources import read_env_file
from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Human
from tests.world import a_world, adminbot, call, replies_to, trusted

pytestmark = pytest.mark.anyio


async def invited_again(human: Human, room: str) -> None:
    await human.wait_for(lambda h: room in h.invites() or None, what="another invitation")
    await human.join(room)


async def test_who_left_is_invited_again(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """By the word in the shell, beside the service, and at every start."""
    async with a_world(homeserver, root, directory) as world:
        words = ("room", "--env-file", world.bot.env_file)
        assert await adminbot(*words) == (0, f"✅ {world.human.user_id} is in it\n", "")
        await world.human.leave(world.room)
        code, out, err = await adminbot(*words)
        assert (code, err) == (0, "")
        assert f"{world.human.user_id} is invited, and has still to accept" in out
        await invited_again(world.human, world.room)
        assert (await world.ask("!ping")).body == "🏓 pong"

        await world.human.leave(world.room)
        await world.bot.stop()
        await world.bot.start()
        await invited_again(world.human, world.room)
        assert (await world.ask("!ping")).body == "🏓 pong"


async def test_a_room_that_is_deleted_is_told_and_another_made(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        words = ("room", "--env-file", world.bot.env_file)
        path = f"/_synapse/admin/v2/rooms/{world.room}"
        body = {"purge": True, "block": True}
        (await call(homeserver, root.access_token, "DELETE", path, body)).raise_for_status()
        told = await world.human.wait_message(world.dm, "I am not in the admin room any more")
        trusted(told)
        assert "adminbot room --new" in str(told.body)
        assert "ALARM I am not in the admin room" in world.bot.log
        assert (await world.ask("!ping", room=world.dm)).body == "🏓 pong"
        code, _, err = await adminbot(*words)
        assert (code, "adminbot room --new" in err) == (1, True)

        await world.bot.stop()  # told once, also when it starts again
        await world.bot.start()
        before = world.bot.env_file.read_text()
        code, out, err = await adminbot(*words, "--new")
        assert (code, err) == (0, "")
        assert "listens in the old room until it is restarted" in out
        fresh = world.bot.setting("ROOM")
        assert world.bot.env_file.read_text() == before.replace(world.room, fresh) != before
        await world.bot.stop()
        await world.bot.start()
        await world.human.join(await world.human.wait_invite(from_=world.bot.setting("USER_ID")))
        assert (await world.ask("!ping", room=fresh)).body == "🏓 pong"
        every = [m for m in world.human.messages(world.dm) if "admin room any" in str(m.body)]
        assert every == [told]


async def test_a_room_that_was_lost_while_away_is_told_at_start(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        await world.bot.stop()
        for verb in ("leave", "forget"):
            path = f"/_matrix/client/v3/rooms/{world.room}/{verb}"
            token = world.bot.setting("ACCESS_TOKEN")
            (await call(homeserver, token, "POST", path, {})).raise_for_status()
        await world.bot.start()
        trusted(await world.human.wait_message(world.dm, "I am not in the admin room any more"))
        await world.bot.stop()
        words = ("room", "--new", "--env-file", world.bot.env_file)
        code, out, err = await adminbot(*words)
        assert (code, err) == (0, "")
        assert "It counts from the next start on" in out
        await world.bot.start()
        room = world.bot.setting("ROOM")
        await world.human.join(room)
        event_id = await world.human.send(room, "!ping")
        trusted(await world.human.wait_message(room, lambda m: replies_to(m) == event_id))


async def test_where_the_environment_wins_the_file_is_left_alone(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        before = world.bot.env_file.read_text()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adminbot", "room", "--new"),
            *("--env-file", str(world.bot.env_file)),
            stdout=asyncio.subprocess.PIPE,
            env=os.environ | {"ADMINBOT_ROOM": world.room},
        )
        out = (await process.communicate())[0].decode()
        assert process.returncode == 0
        fresh = await world.human.wait_invite(from_=world.bot.setting("USER_ID"))
        assert f"Set it there:\n  {fresh}" in out
        assert world.bot.env_file.read_text() == before


async def test_without_an_env_file_nothing_is_made(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        nowhere = world.bot.directory / "nowhere"
        settings = read_env_file(world.bot.env_file)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "adminbot", "room", "--new", "--env-file", str(nowhere)),
            stderr=asyncio.subprocess.PIPE,
            env=os.environ | {k: v for k, v in settings.items() if k != "ADMINBOT_ROOM"},
        )
        assert b"ADMINBOT_ROOM is missing" in (await process.communicate())[1]
        assert process.returncode == 1
        await asyncio.sleep(1)
        assert not world.human.invites()
