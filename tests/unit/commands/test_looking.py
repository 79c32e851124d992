"""The list of bots and one in detail, over tests/desk.py."""

import re
from dataclasses import replace
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
    listed = await desk.asks("!bots")
    assert len(names_in(listed)) == 12
    assert "Page" not in listed
    assert "There is no page 2; there is one. Type: !bots" in await desk.asks("!bots 2")
    for number in range(12, 20):
        await put(desk, f"bot{number}", timedelta(minutes=number))
    first, second = await desk.asks("!bots"), await desk.asks("!bots 2")
    assert "Page 1 of 2, what wants a look first.\nMore: !bots 2" in first
    assert "More" not in second
    assert names_in(first + second) == [f"🟢 bot{number}" for number in reversed(range(20))]
    for wrong in ("3", "0", "99999"):
        assert f"There is no page {wrong}; there are 2" in await desk.asks(f"!bots {wrong}")


async def test_a_word_is_looked_for_in_name_display_name_note_and_app(desk: Desk) -> None:
    await put(desk, "kitchen7", timedelta(minutes=1))
    await put(desk, "stove", timedelta(minutes=1), note="Alarms of the KÜCHE, and more " * 3)
    await put(desk, "fridge", timedelta(minutes=1), app="nanobot")
    for word, found in (
        ("kitch", ["kitchen7"]),
        ("@kitchen7:example.org", ["kitchen7"]),
        ("küche", ["stove"]),
        ("Ku\u0308che", ["stove"]),
        ("nanobot", ["fridge"]),
        ("env", ["kitchen7", "stove"]),
        ("7 1", ["kitchen7"]),
        ('"of the"', ["stove"]),
        ("example", []),
        ("%", []),
        ("\ud83e7", ["kitchen7"]),
        ("_", []),
    ):
        listed = await desk.asks(f"!bots {word}")
        assert sorted(it.split(" ")[1] for it in names_in(listed)) == found, word
    assert "No bot has “example” in its name, note or app. All of them: !bots" in await desk.asks(
        "!bots example"
    )
    assert "🟢 stove (Alarms of the KÜCHE, an…) seen 1 min ago" in await desk.asks("!bots stove")
    assert "There is no page 2; there is one. Type: !bots stove" in await desk.asks(
        "!bots stove 2"
    )
    assert "There is no page page; there is one" in await desk.asks("!bots stove page")


async def test_pages_of_a_word_go_on_with_the_word(desk: Desk) -> None:
    for number in range(30):
        await put(desk, f"bot{number}", timedelta(minutes=number), note="in two words")
    assert 'More: !bots "two words" 3' in await desk.asks('!bots "two words" 2')
    assert "More: !bots two 2" in await desk.asks("!bots two")


async def test_a_paused_bot_is_shown_as_paused(desk: Desk) -> None:
    await put(desk, "fresh", timedelta(minutes=2), is_paused=True)
    listed = await desk.asks("!bots")
    assert "• ⏸ fresh paused, seen 2 min ago" in listed
    detail = await desk.asks("!bot fresh")
    assert "• ⏸ Paused. On again: !resume fresh" in detail
    shut = await put(desk, "shut", timedelta(minutes=2))
    desk.server.accounts[shut.user_id].is_locked = True
    assert "• ⏸ Locked, and not by me. On again: !resume shut" in await desk.asks("!bot shut")


async def test_one_in_detail_is_all_that_is_known(desk: Desk) -> None:
    moment = now()
    bot = await put(
        desk,
        "stove",
        timedelta(minutes=3),
        made_at=moment - timedelta(days=400),
        token_at=moment - timedelta(days=3),
        adopted_at=moment - timedelta(days=3),
        note="Alarms of the kitchen",
        app="nanobot",
        room_id="!room:example.org",
    )
    desk.server.accounts[bot.user_id].addresses = ["10.0.0.7"]
    desk.server.entered += [(str(bot.user_id), "!a"), (str(bot.user_id), "!b")]
    write = desk.store._db.write
    watched = (
        "INSERT INTO watch (user_id, silent_s, tell, since, snoozed_until) VALUES (?,?,?,?,?)"
    )
    until = moment + timedelta(hours=5)
    name = str(bot.user_id)
    await write(watched, name, 10800, str(YOU), moment.isoformat(), until.isoformat())
    expires = "INSERT INTO expiry (user_id, days, tell, since) VALUES (?, ?, ?, ?)"
    await write(expires, name, 90, str(YOU), moment.isoformat())

    day, due = "%Y-%m-%d", moment + timedelta(days=87)
    assert (await desk.asks("!bot stove")).splitlines() == [
        "🤖 stove",
        "📝 Alarms of the kitchen",
        "• Account: @stove:example.org",
        f"• Made: {bot.made_at:{day}}, adopted {moment - timedelta(days=3):{day}} "
        "by @you:example.org",
        "• Seen 3 min ago from 10.0.0.7",
        "• App: nanobot, room !room:example.org",
        "• Device: D",
        "• Trust: never started",
        "• Token: at least 3 d old",
        f"• Expiry: every 90 d, due {due:{day}}",
        "• Watch: tells @you:example.org after 3 h of silence, "
        f"🔕 until {until:%Y-%m-%d %H:%M} UTC",
        "• Rooms: 2",
    ]
    await desk.store.bots.add(replace(bot, token_at=moment, device_id=None))
    said = await desk.asks("!bot stove")
    assert "• Token: 1 s old" in said
    assert "• Device: its program picks one" in said
    await desk.store.bots.add(replace(bot, device_id=None))
    assert "• Device: none with keys" in await desk.asks("!bot stove")
    del desk.server.accounts[bot.user_id]
    said = await desk.asks("!bot stove")
    assert "👻 not on the server any more" in said
    assert "Rooms" not in said


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
    assert desk.server.asked.count("devices") == len(listed) == 12
    assert listed[0] == "👻 bot3"
    assert {"🔑 out", "🟢 told", "🟢 bot9"} < set(listed)
    assert "🟢 bot10" not in listed
    assert {"🟢 bot10", "🟢 bot21"} <= set(names_in(await desk.asks("!bots 2")))
    last = await desk.asks("!bots 17")
    assert len(names_in(last)) == 10
    assert "More" not in last
