"""Awaited devices: how soon they are seen."""

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.values.clock import now
from tests.program import a_program, sync
from tests.world import World, call, trusted

pytestmark = pytest.mark.anyio


async def wait_longer(world: World, name: str, age: timedelta) -> None:
    """Put back when this bot began to be awaited; the bot is started anew, and looks at once."""
    await world.bot.stop()
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db, db:
        since = (now() - age).isoformat()
        sql = "UPDATE awaited SET since = ? WHERE user_id = ?"
        assert db.execute(sql, (since, f"@{name}:example.test")).rowcount == 1
    await world.bot.start()
    await asyncio.sleep(2)


async def online_after(world: World, name: str, began: float) -> float:
    text = f"{name} is online and trusted"
    told = await world.human.wait_message(world.dm, text, timeout=15)
    trusted(told)
    return (told.decrypted_at or 0) - began


async def test_minutes_after_the_card_it_takes_seconds(world: World, tmp_path: Path) -> None:
    card = await world.card("is ready", "!newbot minutes")
    await wait_longer(world, "minutes", timedelta(minutes=110))
    async with a_program(card, tmp_path / "store"):
        assert await online_after(world, "minutes", time.monotonic()) < 6


async def test_who_shares_a_room_is_seen_at_once(world: World, tmp_path: Path) -> None:
    """However long it has been awaited: the server tells."""
    card = await world.card("is ready", "!newbot neighbour")
    me = world.bot.setting("USER_ID")
    room = await world.human.create_room(invite=[me, "@neighbour:example.test"])
    await world.human.wait_membership(room, me, "join")
    path = f"/_matrix/client/v3/rooms/{room}/join"
    (await call(world.homeserver, card.token, "POST", path, {})).raise_for_status()
    await wait_longer(world, "neighbour", timedelta(days=30))
    async with a_program(card, tmp_path / "store") as program:
        assert await online_after(world, "neighbour", time.monotonic()) < 6
        await sync(program)
