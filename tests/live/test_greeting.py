"""What is said first in each room, and that a person can read it."""

import asyncio
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Seen
from tests.world import World, a_world, trusted

pytestmark = pytest.mark.anyio


def greetings(world: World, room: str) -> list[Seen]:
    seen = world.human.messages(room)
    return [it for it in seen if (it.body or "").startswith("👋")]


async def test_each_room_is_greeted_once_and_the_rooms_have_two_names(
    homeserver: Homeserver, root: Person, tmp_path: Path
) -> None:
    async with a_world(homeserver, root, tmp_path / "butler", PREFIX="?") as world:
        for room in (world.room, world.dm):
            await world.human.wait_message(room, lambda it: (it.body or "").startswith("👋"))
            [greeting] = greetings(world, room)
            trusted(greeting)
            assert "?help" in str(greeting.body)
            assert greeting.msgtype == "m.notice"
        assert "I am butler." in str(greetings(world, world.room)[0].body)
        state = await world.human.raw("GET", f"/_matrix/client/v3/rooms/{world.room}/state")
        [name] = [it["content"]["name"] for it in state if it["type"] == "m.room.name"]
        assert name == "butler: admin room"

        await world.bot.stop()
        await world.bot.start()
        await world.ask("?ping")
        await asyncio.sleep(1)
        assert len(greetings(world, world.room)) == len(greetings(world, world.dm)) == 1
