"""When the homeserver did not answer us."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.jobs.answering import Answering
from adminbot.store import Store, open_store
from adminbot.values.clock import now
from adminbot.values.secret import Sealer
from tests.unit.jobs.watched import Clock

pytestmark = pytest.mark.anyio


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def made(store: Store) -> Answering:
    return Answering(store, asyncio.Condition())


async def test_a_break_is_known_and_so_is_its_end(store: Store, time: Clock) -> None:
    answering = made(store)
    assert answering.steady_since is None
    await answering.heard()
    began = answering.steady_since
    assert began
    time.passes(minutes=1)
    await answering.heard()
    assert answering.steady_since == began
    time.passes(hours=2)
    assert answering.steady_since is None
    await answering.heard()
    assert answering.steady_since == pytest.approx(now(), abs=timedelta(seconds=5))
    unseen = answering.broken_between(now() - timedelta(days=1), now())
    assert abs(unseen - timedelta(hours=2)) < timedelta(minutes=1)
    assert answering.broken_between(now() + timedelta(hours=1), now()) == timedelta()


async def test_the_time_between_two_runs_is_a_break(store: Store, time: Clock) -> None:
    await made(store).heard()
    time.passes(hours=5)
    later = made(store)
    await later.heard()
    unseen = later.broken_between(now() - timedelta(days=1), now())
    assert abs(unseen - timedelta(hours=5)) < timedelta(minutes=1)


async def test_what_a_clock_that_was_ahead_noted_is_dropped(store: Store, time: Clock) -> None:
    time.passes(days=3650)
    await made(store).heard()
    time.passes(days=-3650)
    later = made(store)
    await later.heard()
    assert later.steady_since
    assert later.broken_between(now() - timedelta(days=1), now()) == timedelta()
