"""Reminders of tokens: each once, in time, also over restarts."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from adminbot.jobs.expiry_watch import ExpiryWatch
from adminbot.store import Expiry, open_store
from adminbot.values.clock import now
from adminbot.values.secret import Sealer
from tests.fakes import ended
from tests.unit.jobs.test_alarm import YOU
from tests.unit.jobs.watched import Clock, Place, bot

pytestmark = pytest.mark.anyio


class Reminding(Place):
    async def days_pass(self, days: float) -> None:
        """Days pass, and the service was started anew meanwhile."""
        self.clock.passes(days=days)
        task = asyncio.create_task(ExpiryWatch(self.store, self.alarm).run())
        await asyncio.sleep(0.1)
        await ended(task)

    async def expires(self, name: str, days: int = 90) -> None:
        await self.store.bots.add(bot(name))
        expiry = Expiry(bot(name).user_id, days, YOU, now())
        await self.store.expire(expiry.user_id, expiry, event_id=f"${name}")


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reminding]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Reminding(store, Clock(monkeypatch))


async def test_it_is_reminded_a_week_and_a_day_before_and_in_time_each_once(
    place: Reminding,
) -> None:
    await place.expires("nano")
    await place.days_pass(82)
    assert place.said == []
    heard = []
    for days in (1.5, 1, 4, 0.6, 0.5, 0.5, 10):
        await place.days_pass(days)
        heard.append(len(place.said))
    assert heard == [1, 1, 1, 2, 2, 3, 3]
    assert "due in 7 days" in place.said[0]
    assert "due tomorrow" in place.said[1]
    assert "It is time for a new token for `nano`" in place.said[2]
    assert all("!rotate nano" in text for text in place.said)


async def test_a_rotation_starts_anew(place: Reminding) -> None:
    await place.expires("nano")
    await place.days_pass(91)
    assert len(place.said) == 1
    await place.store.hand_over(bot("nano"), event_id="$r", reader=YOU, card="x")
    await place.days_pass(80)
    assert len(place.said) == 1
    await place.days_pass(4)
    assert len(place.said) == 2


async def test_many_are_told_in_one_message(place: Reminding) -> None:
    for number in range(12):
        await place.expires(f"b{number:02}")
    await place.days_pass(90)
    [text] = place.said
    assert "**12 tokens want to be renewed**" in text
    assert "and 2 more; all at once: `!rotate --all`" in text


async def test_of_a_bot_without_a_token_nothing_is_told(place: Reminding) -> None:
    await place.expires("nano")
    await place.store.signed_out(bot("nano").user_id, event_id="$r")
    await place.days_pass(100)
    await place.expires("other")
    await place.store.bot_deleted(bot("other").user_id, event_id="$d")
    await place.days_pass(100)
    assert place.said == []
    assert [it.user_id.localpart for it in await place.store.expiries.all()] == ["nano"]


async def test_what_could_not_be_told_is_told_later(place: Reminding) -> None:
    await place.expires("nano")
    place.chat.unreachable = {YOU}
    await place.days_pass(90)
    assert [room for room, _ in place.chat.said] == ["!her"]


async def test_a_clock_that_was_ahead_moves_no_date(place: Reminding) -> None:
    ahead = replace(bot("nano"), token_at=now().replace(year=now().year + 5))
    await place.store.bots.add(ahead)
    expiry = Expiry(ahead.user_id, 90, YOU, now().replace(year=now().year + 5))
    await place.store.expire(ahead.user_id, expiry, event_id="$e")
    await place.days_pass(0.1)
    await place.days_pass(91)
    assert len(place.said) == 1
