"""`!watch`, `!expiry`, and a tap on an alarm: over tests/desk.py."""

from datetime import timedelta

import pytest

from adminbot.jobs.silence_watch import MUTE
from adminbot.store import Watch
from adminbot.trust.pins import PinState
from adminbot.values.clock import now
from tests.desk import DM, NANO, OTHER, YOU, Desk, token_of

pytestmark = pytest.mark.anyio


@pytest.fixture
async def nano(desk: Desk) -> Desk:
    await token_of(desk, "!newbot nano")
    return desk


async def alarm(desk: Desk) -> str:
    """An alarm about nano is out; returns its event id."""
    moment = now()
    watch = Watch(NANO, timedelta(hours=3), YOU, moment)
    await desk.store.watch(NANO, watch, event_id="$w")
    await desk.store.watches.fell_silent([watch], moment)
    await desk.store.watches.told(YOU, moment, {str(YOU): "$alarm"})
    return "$alarm"


@pytest.mark.parametrize(
    ("typed", "silent", "said"),
    [
        ("", timedelta(hours=3), "3 h"),
        ("3h", timedelta(hours=3), "3 h"),
        ("90 min", timedelta(minutes=90), "1 h 30 min"),
        ("1H 30MIN", timedelta(minutes=90), "1 h 30 min"),
        ("2w", timedelta(days=14), "14 d"),
    ],
)
async def test_a_bot_is_watched(nano: Desk, typed: str, silent: timedelta, said: str) -> None:
    assert f"when nano is silent for {said}." in await nano.asks(f"!watch nano {typed}")
    [watch] = await nano.store.watches.all()
    assert (watch.silent, watch.tell) == (silent, YOU)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("watch nano 5min", "too short"),
        ("watch nano 0s", "too short"),
        ("watch nano 400d", "too long"),
        ("watch nano soon", "is no time that I know"),
        ("watch nano -3h", "has no --3h"),
        ("watch nobody", "is not one of my bots"),
        ("watch adminbot", "is my own account"),
        ("watch", "!watch needs a name"),
        ("expiry nano 3h", "whole days"),
        ("expiry nano 1000d", "too long"),
        ("expiry nano \u0663d", "is no time that I know"),
        ("expiry nobody", "is not one of my bots"),
    ],
)
async def test_what_cannot_be_watched(nano: Desk, line: str, why: str) -> None:
    answer = await nano.asks(f"!{line}")
    assert answer.startswith("❌")
    assert why in answer or line.endswith("-3h")
    assert await nano.store.watches.all() == []
    assert await nano.store.expiries.all() == []


async def test_it_is_ended_and_taken_over(nano: Desk) -> None:
    assert "Nobody watches nano" in await nano.asks("!watch nano off")
    await nano.asks("!watch nano")
    taken = await nano.asks("!watch nano 1d", sender=OTHER)
    assert "So far I told @you:example.org." in taken
    assert "I do not watch nano any more" in await nano.asks("!watch nano OFF")
    assert await nano.store.watches.all() == []


async def test_a_token_is_counted_in_days(nano: Desk) -> None:
    due = now() + timedelta(days=90)
    assert f"it is time on {due:%Y-%m-%d}" in await nano.asks("!expiry nano")
    assert f"{due:%Y-%m-%d}" in await nano.asks("!bot nano")
    await nano.asks("!expiry nano 2w")
    [expiry] = await nano.store.expiries.all()
    assert expiry.days == 14
    assert "I remind nobody of nano any more" in await nano.asks("!expiry nano off")


async def test_what_is_deleted_is_not_watched_any_more(nano: Desk) -> None:
    await nano.asks("!watch nano")
    await nano.asks("!expiry nano")
    await nano.asks("!deletebot nano")
    await nano.asks("nano")
    assert await nano.store.watches.all() == []
    assert await nano.store.expiries.all() == []


async def test_a_tap_makes_quiet_for_a_day_and_no_longer(nano: Desk) -> None:
    event_id = await alarm(nano)
    tapped = await nano.taps(MUTE, event_id, room_id=DM)
    [answer] = await nano.chat.answers(event_id)
    assert "nano" in answer
    [watch] = await nano.store.watches.all()
    assert watch.snoozed_until
    assert timedelta(hours=23) < watch.snoozed_until - now() <= timedelta(days=1)
    until = watch.snoozed_until
    await nano.taps(MUTE, event_id, room_id=DM)
    await nano.settled()
    [watch] = await nano.store.watches.all()
    assert watch.snoozed_until == until, "a second, forged tap makes it no longer"
    assert tapped


@pytest.mark.parametrize("why", ["somebody else", "another message", "another sign", "identity"])
async def test_a_tap_that_makes_nobody_quiet(nano: Desk, why: str) -> None:
    event_id = await alarm(nano)
    if why == "somebody else":
        await nano.taps(MUTE, event_id, room_id=DM, sender=OTHER)
    elif why == "another message":
        await nano.taps(MUTE, "$other", room_id=DM)
    elif why == "another sign":
        await nano.taps("✅", event_id, room_id=DM)
    else:
        nano.policy.state = PinState.CHANGED
        await nano.taps(MUTE, event_id, room_id=DM)
    await nano.settled()
    [watch] = await nano.store.watches.all()
    assert watch.snoozed_until is None
