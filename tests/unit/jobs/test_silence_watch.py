"""Silence: told once, told again after a day, taken back; over restarts and whatever the clock."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.accounts.lookout import Sign
from adminbot.jobs.answering import Answering
from adminbot.jobs.silence_watch import SilenceWatch
from adminbot.store import Watch, open_store
from adminbot.values.clock import now
from adminbot.values.secret import Sealer
from tests.counting import counting
from tests.fakes import ended
from tests.unit.jobs.test_alarm import HER, YOU
from tests.unit.jobs.watched import Clock, Place, bot

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)


class Watching(Place):
    """A silence watch of one run."""

    def begin(self) -> None:
        """As after a start."""
        self.answering = Answering(self.store, asyncio.Condition())
        self.watch = SilenceWatch(self.chat, self.store, self.seen, self.alarm, self.answering)
        self.watch.retry_s = self.watch.broken_s = 0.01

    async def watches(self, *names: str, silent: timedelta = 3 * HOUR) -> None:
        for name in names:
            await self.store.bots.add(bot(name))
            watch = Watch(bot(name).user_id, silent, YOU, now())
            await self.store.watch(watch.user_id, watch, event_id=f"${name}")

    async def looks(self, **how: float) -> None:
        """The time passes, the server answers all along, and the watch does its rounds."""
        whole = timedelta(**how)
        for _ in range(20):
            self.clock.passes(seconds=whole.total_seconds() / 20)
            await self.hears()
        task = asyncio.create_task(self.watch.run())
        try:
            for _ in range(6):
                self.watch.wake()
                await asyncio.sleep(0.02)
        finally:
            await ended(task)

    async def hears(self) -> None:
        """The server answers, and has answered since the last time."""
        self.answering._last = self.answering._last and now()
        await self.answering.heard()


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watching]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        made = Watching(store, Clock(monkeypatch))
        made.begin()
        await made.hears()
        made.clock.passes(hours=1)
        yield made


async def test_a_silence_is_told_once_and_its_end_once(place: Watching) -> None:
    await place.watches("nano")
    place.seen.saw("nano")
    await place.looks(hours=2)
    assert place.said == []
    await place.looks(hours=1.2)
    [alarm] = place.said
    assert alarm.startswith("⚠️ **nano** is silent: seen 3 h")
    assert "!watch nano off" in alarm
    for _ in range(3):
        await place.looks(hours=1)
    assert len(place.said) == 1
    place.seen.saw("nano")
    await place.looks(minutes=10)
    assert place.said[1:] == ["✅ `nano` is back."]
    await place.looks(hours=4)
    assert len(place.said) == 3, "the next silence is another one"


async def test_a_lively_bot_is_asked_for_once_in_its_time(place: Watching) -> None:
    await place.watches("nano")
    for _ in range(12):
        place.seen.saw("nano")
        await place.looks(hours=1)
    assert place.said == []
    assert len(place.seen.asked) <= 6


async def test_an_alarm_counts_for_a_tap_before_its_mark_is_there(
    place: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    known: list[int] = []

    async def react(room_id: str, event_id: str, key: str, *, txn: str) -> str:
        known.append(len(await place.store.watches.alarmed_by(event_id, YOU)))
        return "$mark"

    monkeypatch.setattr(place.chat, "react", react)
    await place.watches("nano")
    place.seen.saw("nano")
    await place.looks(hours=1)
    await place.looks(hours=3)
    assert known == [1]


async def test_nothing_is_asked_of_a_bot_that_nobody_watches(place: Watching) -> None:
    await place.store.bots.add(bot("other"))
    await place.looks(hours=9)
    assert place.seen.asked == []
    await place.watches("nano")
    await place.looks(hours=9)
    assert place.seen.asked
    assert all(names == ["nano"] for names in place.seen.asked)


async def test_many_are_looked_at_together_and_told_in_one_message(place: Watching) -> None:
    names = [f"b{number:02}" for number in range(50)]
    await place.watches(*names)
    place.seen.saw(*names)
    await place.looks(hours=1)
    place.seen.asked.clear()
    with counting() as counted:
        await place.looks(hours=3)
    assert counted.risen() == {"adminbot_alarms_total{about=silence}": 50}
    [alarm] = place.said
    assert "**50 bots are silent**" in alarm
    assert alarm.count("• ") == 11
    assert [len(asked) for asked in place.seen.asked[:1]] == [50]


async def test_no_alarm_where_the_server_did_not_answer(place: Watching) -> None:
    """Nobody could have seen a sign: neither in that time, nor right after."""
    await place.watches("nano")
    place.seen.saw("nano")
    await place.looks(hours=1)
    place.clock.passes(hours=5)
    await place.answering.heard()
    await place.looks(minutes=5)
    await place.looks(hours=1)  # and the outage itself counts for nothing later, either
    assert place.said == []
    await place.looks(hours=2)
    assert len(place.said) == 1


async def test_no_alarm_right_after_a_start(place: Watching) -> None:
    await place.watches("nano")
    place.seen.saw("nano")
    await place.looks(hours=1)
    place.clock.passes(hours=48)
    place.begin()
    await place.answering.heard()
    await place.looks(minutes=5)
    assert place.said == []


async def test_an_alarm_that_was_cut_off_is_told_as_the_same(place: Watching) -> None:
    await place.watches("nano")
    place.seen.saw("nano")
    await place.looks(hours=1)
    place.chat.hangs = {"!you"}
    await place.looks(hours=3)
    [watch] = await place.store.watches.all()
    assert watch.alarmed
    assert not watch.told
    place.chat.hangs = set()
    place.begin()
    await place.answering.heard()
    await place.looks(minutes=1)
    assert len(place.said) == 1
    [watch] = await place.store.watches.all()
    assert watch.told == {str(YOU): "$e"}


async def test_a_snooze_lasts_a_day_and_then_it_is_told_again(place: Watching) -> None:
    await place.watches("nano")
    place.seen.saw("nano")
    await place.looks(hours=4)
    muted = await place.store.watches.alarmed_by("$e", YOU)
    assert len(muted) == 1
    assert await place.store.watches.alarmed_by("$e", HER) == []
    await place.store.watches.snooze(muted, timedelta())
    place.chat.txns.clear()
    await place.looks(hours=20)
    assert len(place.said) == 1
    await place.looks(hours=5)
    assert len(place.said) == 2
    assert "is silent" in place.said[1]


async def test_a_snooze_by_a_clock_that_was_ahead_ends_all_the_same(place: Watching) -> None:
    await place.watches("nano")
    place.seen.saw("nano")
    await place.looks(hours=4)
    await place.store.watches.snooze(
        await place.store.watches.alarmed_by("$e", YOU), -timedelta(days=3650)
    )
    place.chat.txns.clear()
    await place.looks(hours=1)
    await place.looks(hours=25)
    assert len(place.said) == 2


@pytest.mark.parametrize("why", ["paused", "signed out", "gone", "locked by others", "deleted"])
async def test_of_a_bot_that_can_give_no_sign_nothing_is_told(place: Watching, why: str) -> None:
    await place.watches("nano")
    nano = bot("nano")
    place.seen.saw("nano")
    if why == "paused":
        await place.store.paused(nano.user_id, paused=True, event_id="$p")
    elif why == "signed out":
        await place.store.signed_out(nano.user_id, event_id="$r")
    elif why == "gone":
        place.seen.signs_of[nano.user_id] = Sign(None, is_gone=True)
    elif why == "locked by others":
        place.seen.shut.add(nano.user_id)
    else:
        await place.store.bot_deleted(nano.user_id, event_id="$d")
    for _ in range(3):
        await place.looks(hours=4)
    assert place.said == []
    if why == "deleted":
        assert await place.store.watches.all() == []


async def test_who_is_no_admin_any_more_leaves_it_to_all_admins(place: Watching) -> None:
    await place.store.bots.add(bot("nano"))
    gone = replace(YOU, localpart="gone")
    watch = Watch(bot("nano").user_id, HOUR, gone, now())
    await place.store.watch(watch.user_id, watch, event_id="$w")
    place.seen.signs_of[watch.user_id] = Sign(None)
    await place.looks(hours=2)
    assert sorted(room for room, _ in place.chat.said) == ["!her", "!you"]
