"""The list of bots and one in detail, over tests/desk.py."""

import re
from datetime import timedelta
from typing import Any

import pytest

from adminbot.store import Bot, ShownKeys
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from tests.desk import NANO, OWN, YOU, Desk, Login, signed_keys

pytestmark = pytest.mark.anyio


def names_in(listed: str) -> list[str]:
    """Sign and name of each listed bot."""
    return re.findall(r"• (\S+ \S+)", listed)


async def put(desk: Desk, name: str, seen: timedelta | None = None, **more: Any) -> Bot:
    """A bot from before, last seen so long ago, with one device."""
    user_id = UserId(name, OWN.server)
    known: dict[str, Any] = {
        "device_id": "D",
        "token_at": now(),
        "made_at": now(),
        "has_password": False,
    } | more
    bot = Bot(user_id=user_id, display_name=name, made_by=YOU, **known)
    await desk.store.bots.add(bot)
    desk.server.accounts[user_id] = Login(devices={"D": {"syt"}})
    if seen is not None:
        desk.server.seen[user_id] = now() - seen
    return bot


async def test_what_wants_a_look_is_listed_first(desk: Desk) -> None:
    await put(desk, "fresh", timedelta(minutes=2))
    await put(desk, "lazy", timedelta(days=2))
    await put(desk, "silent", timedelta(days=8))
    await put(desk, "dead", timedelta(days=80))
    await put(desk, "out", token_at=None)
    await put(desk, "new")
    ghost = await put(desk, "ghost")
    del desk.server.accounts[ghost.user_id]
    await put(desk, NANO.localpart, timedelta(minutes=1), device_id="NANO1")
    desk.server.accounts[NANO] = Login(devices={"NANO1": {"syt"}})
    desk.server.keys = {"NANO1": signed_keys("NANO1")}
    assert names_in(await desk.asks("!bots")) == [
        *("⚠️ nano", "👻 ghost", "🔴 dead", "🔴 silent", "⚪ new", "🔑 out", "🟡 lazy", "🟢 fresh")
    ]
    await desk.store.device_keys.remember(NANO, "NANO1", ShownKeys("another", "key"))
    listed = await desk.asks("!bots")
    assert names_in(listed)[0] == "🚨 nano"
    assert "Page" not in listed


async def test_twelve_bots_are_one_page_and_more_than_a_screen_are_several(desk: Desk) -> None:
    for number in range(12):
        await put(desk, f"bot{number}", timedelta(minutes=number))
    assert len(names_in(await desk.asks("!bots"))) == 12
    for number in range(12, 30):
        await put(desk, f"bot{number}", timedelta(minutes=number))
    first, second = await desk.asks("!bots"), await desk.asks("!bots 2")
    assert "Page 1 of 2, what wants a look first.\nMore: !bots 2" in first
    assert "More" not in second
    assert names_in(first + second) == [f"🟢 bot{number}" for number in reversed(range(30))]
    assert "There is no page 3; there are 2" in await desk.asks("!bots 3")


async def test_of_very_many_the_server_is_asked_for_one_page(desk: Desk) -> None:
    """The order is by what is known here; within the page by what the server says."""
    for number in range(200):
        await put(desk, f"bot{number}", timedelta(minutes=5), token_at=now())
    await put(desk, "out", token_at=None)
    told = await put(desk, "told", timedelta(minutes=5))
    await desk.store.device_keys.remember(told.user_id, "D", ShownKeys("one", "key"))
    await desk.store.device_keys.told(told.user_id, "D", ShownKeys("another", "key"))
    del desk.server.accounts[UserId("bot3", OWN.server)]
    desk.server.asked.clear()
    listed = names_in(await desk.asks("!bots"))
    assert desk.server.asked.count("devices") == len(listed) == 20
    assert listed[0] == "👻 bot3"
    assert {"🔑 out", "🟢 told", "🟢 bot17"} < set(listed)
    assert "🟢 bot18" not in listed
