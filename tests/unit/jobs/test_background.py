"""Work that nobody waits for. No server."""

import asyncio

import pytest

from adminbot.jobs.background import Background, guarded

pytestmark = pytest.mark.anyio


async def broken() -> int:
    raise RuntimeError("a bug")


async def good() -> int:
    return 7


async def test_a_failure_becomes_a_value_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert await guarded(good(), "work", otherwise=0) == 7
    assert not caplog.records
    assert await guarded(broken(), "work", otherwise=0) == 0
    [record] = caplog.records
    assert (record.getMessage(), bool(record.exc_info)) == ("work failed", True)


async def test_one_that_fails_ends_none_of_the_others(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def fails() -> None:
        raise RuntimeError("a bug")

    async def works() -> None:
        await asyncio.sleep(0.01)
        done.append("works")

    async with asyncio.TaskGroup() as tasks:
        background = Background(tasks)
        background.start(fails())
        background.start(works())
    assert done == ["works"]
    assert len(caplog.records) == 1


async def test_who_is_cancelled_is_cancelled() -> None:
    async def forever() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(guarded(forever(), "work", otherwise=None))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
