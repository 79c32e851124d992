"""The weekly line: only if there is something."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.accounts.lookout import Sign
from adminbot.jobs.weekly import Weekly
from adminbot.store import open_store
from adminbot.values.clock import now
from adminbot.values.secret import Sealer
from tests.fakes import ended
from tests.unit.jobs.test_alarm import ROOM
from tests.unit.jobs.watched import Clock, Place, bot

pytestmark = pytest.mark.anyio


class Looking(Place):
    async def days_pass(self, days: float) -> None:
        self.clock.passes(days=days)
        task = asyncio.create_task(Weekly(self.chat, self.store, self.seen, ROOM).run())
        await asyncio.sleep(0.1)
        await ended(task)


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Looking]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        made = Looking(store, Clock(monkeypatch))
        await made.days_pass(0)
        yield made


async def test_nothing_is_said_where_nothing_lies_about(place: Looking) -> None:
    await place.store.bots.add(bot("nano"))
    await place.days_pass(8)
    place.seen.saw("nano")
    await place.days_pass(8)
    assert place.seen.asked
    assert not any("nano" in text and "silent" in text for text in place.said)


async def test_what_lies_about_is_named_once_a_week(place: Looking) -> None:
    for name in ("a", "b", "c", "d", "quiet", "old"):
        await place.store.bots.add(replace(bot(name), made_at=now() - timedelta(days=400)))
        place.seen.signs_of[bot(name).user_id] = Sign(None)
    place.seen.signs_of[bot("quiet").user_id] = Sign(now() - timedelta(days=100))
    place.seen.saw("old")
    aged = replace(bot("old"), token_at=now() - timedelta(days=400))
    await place.store.bots.add(aged)
    await place.days_pass(6)
    assert place.said == []
    await place.days_pass(1.1)
    [text] = place.said
    assert "4 never used: `a`, `b`, `c` and 1 more. Away with it: `!deletebot a`" in text
    assert "1 silent for 90 days: `quiet`" in text
    assert "1 with a token of over a year: `old`. A new one: `!rotate old`" in text
    await place.days_pass(1)
    assert len(place.said) == 1
    place.chat.txns.clear()
    await place.days_pass(7)
    assert len(place.said) == 2
    assert len(place.seen.asked) == 2


async def test_a_clock_that_was_ahead_does_not_end_it(place: Looking) -> None:
    await place.store.facts.set("weekly", (now() + timedelta(days=3650)).isoformat())
    await place.store.bots.add(replace(bot("a"), made_at=now() - timedelta(days=40)))
    place.seen.signs_of[bot("a").user_id] = Sign(None)
    await place.days_pass(0.1)
    await place.days_pass(8)
    assert len(place.said) == 1
