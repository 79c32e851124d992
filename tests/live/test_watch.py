"""A bot that falls silent, on a real homeserver: told, and made quiet by a tap."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.human import Seen
from tests.world import World, replies_to, trusted

pytestmark = pytest.mark.anyio


def ago(**how: float) -> str:
    return (datetime.now(UTC) - timedelta(**how)).isoformat()


def as_if(world: World, sql: str, *values: object) -> None:
    """As if the time had passed: in the file of the stopped service."""
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db, db:
        db.execute(sql, values)


def said(world: World, text: str) -> list[Seen]:
    return [m for m in world.human.messages(world.dm) if text in (m.body or "")]


async def test_a_bot_is_watched_until_somebody_says_off(world: World) -> None:
    await world.card("is ready", "!newbot quiet")
    assert "silent for 10 min" in str((await world.ask("!watch quiet 10 min")).body)
    for bad in ("quiet 5s", "quiet soon", "nobody-here", ""):
        assert str((await world.ask(f"!watch {bad}")).body).startswith("❌"), bad
    for bad in ("quiet 5h", "quiet soon", "nobody-here", ""):
        assert str((await world.ask(f"!expiry {bad}")).body).startswith("❌"), bad
    assert "I do not watch quiet any more" in str((await world.ask("!watch quiet off")).body)
    assert "Nobody watches quiet" in str((await world.ask("!watch quiet off")).body)


async def test_an_alarm_is_made_quiet_by_a_tap(world: World) -> None:
    """The alarm was noted by a run that was cut off before it was told."""
    await world.card("is ready", "!newbot mute")
    await world.ask("!watch mute 3h")
    await world.bot.stop()
    as_if(world, "UPDATE watch SET since = ?, alarmed = ?", ago(hours=9), ago(minutes=1))
    await world.bot.start()
    await world.ask("!ping")  # a sync comes in: the server answers
    await world.human.wait_for(lambda h: said(world, "mute is silent") or None, what="the alarm")
    [alarm] = said(world, "mute is silent")
    trusted(alarm)
    assert alarm.msgtype == "m.text"
    await world.human.react(world.dm, alarm.event_id, "🔕")
    answer = await world.human.wait_message(
        world.dm, lambda seen: replies_to(seen) == alarm.event_id
    )
    trusted(answer)
    assert "mute" in str(answer.body)


async def test_a_token_that_gets_old_is_told(world: World) -> None:
    await world.card("is ready", "!newbot aging")
    assert "it is time on" in str((await world.ask("!expiry aging 30d")).body)
    await world.bot.stop()
    as_if(world, "UPDATE bot SET token_at = ? WHERE user_id LIKE '@aging:%'", ago(days=31))
    as_if(world, "UPDATE expiry SET since = ?", ago(days=31))
    await world.bot.start()
    await world.human.wait_for(
        lambda h: said(world, "It is time for a new token for aging") or None, what="the reminder"
    )
    assert "overdue" in str((await world.ask("!bot aging")).body)
    await world.bot.stop()
    await world.bot.start()
    await world.ask("!ping")
    assert len(said(world, "It is time for a new token for aging")) == 1
