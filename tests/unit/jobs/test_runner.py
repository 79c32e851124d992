"""The loop of whatever goes on by itself: when there is a round, and what a failure ends."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from adminbot.errors import HomeserverUnreachable, StateError
from adminbot.jobs.runner import Job
from tests.fakes import ended

pytestmark = pytest.mark.anyio


class Counting(Job):
    """Counts its rounds; what each is to do and return is put in by the test."""

    name = "counting"
    retry_s = 0.2
    broken_s = 0.5

    def __init__(self, each: Callable[["Counting"], Awaitable[float | None]]) -> None:
        super().__init__()
        self.rounds = 0
        self._each = each

    async def round(self) -> float | None:
        self.rounds += 1
        return await self._each(self)


@asynccontextmanager
async def running(job: Job) -> AsyncIterator[None]:
    task = asyncio.create_task(job.run())
    try:
        yield
        assert not task.done()
    finally:
        await ended(task)


async def until(is_so: Callable[[], object], *, within_s: float = 2) -> float:
    """Returns how long that took."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.005)
    return loop.time() - began


async def forever() -> None:
    await asyncio.Event().wait()


async def never(job: Counting) -> None:
    """No round before somebody wakes it."""


async def test_a_round_says_when_the_next_one_is_due() -> None:
    async def soon(job: Counting) -> float:
        return 0.1

    job = Counting(soon)
    async with running(job):
        assert 0.15 < await until(lambda: job.rounds == 3) < 1


async def test_without_a_time_there_is_none_before_it_is_woken() -> None:
    job = Counting(never)
    async with running(job):
        await asyncio.sleep(0.1)
        assert job.rounds == 1
        job.wake()
        assert await until(lambda: job.rounds == 2) < 1
        await asyncio.sleep(0.1)
        assert job.rounds == 2, "once"


async def test_who_is_woken_during_a_round_has_another() -> None:
    """What is new may have come after the round looked for it."""

    async def slow(job: Counting) -> None:
        await asyncio.sleep(0.05)

    job = Counting(slow)
    async with running(job):
        await until(lambda: job.rounds == 1)
        job.wake()
        await until(lambda: job.rounds == 2)


async def test_who_is_woken_before_it_runs_has_one_round() -> None:
    job = Counting(never)
    job.wake()
    async with running(job):
        await asyncio.sleep(0.1)
        assert job.rounds == 1


@pytest.mark.parametrize(
    ("problem", "pause_s"),
    [(HomeserverUnreachable("HTTP 502"), 0.2), (StateError(), 0.2), (RuntimeError("a bug"), 0.5)],
)
async def test_a_round_that_fails_is_logged_and_had_again_later(
    problem: Exception, pause_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    async def once(job: Counting) -> None:
        if job.rounds == 1:
            raise problem

    job = Counting(once)
    async with running(job):
        took_s = await until(lambda: job.rounds == 2)
    assert pause_s - 0.05 < took_s < pause_s + 0.28
    [record] = caplog.records
    is_foreseen = pause_s == 0.2
    assert record.levelno == (logging.WARNING if is_foreseen else logging.ERROR)
    assert bool(record.exc_info) is not is_foreseen, "of a bug the log has the place"
    assert record.getMessage().startswith("counting waits" if is_foreseen else "counting failed")


# -- items


async def test_an_item_that_hangs_keeps_neither_rounds_nor_other_items_waiting() -> None:
    done: list[str] = []

    async def good() -> None:
        done.append("good")

    async def each(job: Counting) -> None:
        job.beside("bad", forever)
        job.beside(f"good{job.rounds}", good)

    job = Counting(each)
    async with running(job):
        await until(lambda: len(done) > 2)


async def test_an_item_that_is_under_way_is_not_begun_again() -> None:
    begun: list[int] = []

    async def each(job: Counting) -> None:
        async def item() -> None:
            begun.append(job.rounds)
            await forever()

        job.beside("item", item)

    job = Counting(each)
    async with running(job):
        await until(lambda: begun)
        job.wake()
        await until(lambda: job.rounds == 2)
        await asyncio.sleep(0.05)
    assert begun == [1]


@pytest.mark.parametrize(
    ("problem", "pause_s"), [(HomeserverUnreachable("HTTP 502"), 0.2), (RuntimeError("bug"), 0.5)]
)
async def test_an_item_that_failed_rests_whoever_wakes_the_job(
    problem: Exception, pause_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    tries = 0

    async def item() -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise problem

    async def each(job: Counting) -> None:
        if tries < 2:
            job.beside(7, item)

    job = Counting(each)
    async with running(job):
        await until(lambda: tries == 1)
        job.wake()
        took_s = await until(lambda: tries == 2)
    assert pause_s - 0.05 < took_s < pause_s + 0.28
    assert " item=7" in caplog.records[0].getMessage()


async def test_once_an_item_is_done_there_is_a_round() -> None:
    """What it brought about may have to be waited for."""

    async def item() -> None:
        await asyncio.sleep(0.05)

    async def each(job: Counting) -> None:
        if job.rounds == 1:
            job.beside("item", item)

    job = Counting(each)
    async with running(job):
        await until(lambda: job.rounds == 2)


async def test_who_is_cancelled_ends_its_items() -> None:
    ends: list[str] = []

    async def item() -> None:
        try:
            await forever()
        finally:
            ends.append("item")

    async def each(job: Counting) -> None:
        job.beside("item", item)

    async with running(Counting(each)):
        await asyncio.sleep(0.02)
    assert ends == ["item"]
