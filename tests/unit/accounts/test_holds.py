"""Who works on which account: acts wait for each other, brakes for nobody."""

import asyncio

import pytest

from adminbot.accounts.holds import Holds
from adminbot.errors import Refused, Superseded
from adminbot.values.ids import UserId

pytestmark = pytest.mark.anyio

NANO = UserId("nano", "example.org")
OTHER = UserId("other", "example.org")


@pytest.fixture
def holds() -> Holds:
    return Holds()


async def forever(holds: Holds, began: asyncio.Event) -> None:
    async with holds.act(NANO):
        began.set()
        await asyncio.Event().wait()


async def asleep(holds: Holds, began: asyncio.Event, wake: asyncio.Event) -> None:
    async with holds.act(NANO) as hold, hold.aside():
        began.set()
        await wake.wait()


async def test_two_acts_on_one_account_come_one_after_the_other(holds: Holds) -> None:
    seen = []

    async def act(name: str) -> None:
        async with holds.act(NANO):
            seen.append(f"{name} begins")
            await asyncio.sleep(0)
            seen.append(f"{name} ends")

    await asyncio.gather(act("first"), act("second"))
    assert seen == ["first begins", "first ends", "second begins", "second ends"]


async def test_who_sleeps_holds_no_lock(holds: Holds) -> None:
    began, wake = asyncio.Event(), asyncio.Event()
    sleeper = asyncio.create_task(asleep(holds, began, wake))
    await began.wait()
    async with asyncio.timeout(1), holds.act(NANO):
        with pytest.raises(Refused, match="waits for Synapse's login limit"):
            holds.check_nobody_waits(NANO)
        holds.check_nobody_waits(OTHER)
        wake.set()
        await asyncio.sleep(0.01)
        assert not sleeper.done()  # it wants the lock back before it goes on
    await sleeper


@pytest.mark.parametrize("sleeps", [True, False])
async def test_a_brake_overtakes_whoever_works_or_sleeps(holds: Holds, sleeps: bool) -> None:
    began, never = asyncio.Event(), asyncio.Event()
    work = asleep(holds, began, never) if sleeps else forever(holds, began)
    act = asyncio.create_task(work)
    await began.wait()
    waiting = asyncio.create_task(forever(holds, asyncio.Event()))
    await asyncio.sleep(0)
    async with asyncio.timeout(1), holds.brake(NANO, "revoke") as under_way:
        assert not under_way
    for task in (act, waiting):
        with pytest.raises(Superseded, match="`!revoke` of `@nano"):
            await task
    async with asyncio.timeout(1), holds.act(NANO):
        pass


async def test_what_comes_after_a_brake_waits_for_its_end(holds: Holds) -> None:
    async with holds.brake(NANO, "revoke"):
        began = asyncio.Event()
        later = asyncio.create_task(forever(holds, began))
        await asyncio.sleep(0.01)
        assert not began.is_set()
    async with asyncio.timeout(1):
        await began.wait()
    later.cancel()


async def test_a_brake_on_one_account_leaves_the_others_alone(holds: Holds) -> None:
    began = asyncio.Event()
    act = asyncio.create_task(forever(holds, began))
    await began.wait()
    async with holds.brake(OTHER, "revoke"):
        pass
    await asyncio.sleep(0)
    assert not act.done()
    act.cancel()


async def test_a_service_that_stops_is_no_brake(holds: Holds) -> None:
    """What a stop cuts off is taken up again by the next start: no answer is given."""
    began = asyncio.Event()
    act = asyncio.create_task(forever(holds, began))
    await began.wait()
    act.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act
    act = asyncio.create_task(forever(holds, asyncio.Event()))
    await asyncio.sleep(0)
    async with holds.brake(NANO, "revoke"):
        act.cancel()
    with pytest.raises(asyncio.CancelledError):
        await act


async def test_a_brake_knows_of_the_requests_that_go_on(holds: Holds) -> None:
    go_on = asyncio.Event()

    async def request() -> bool:
        return await go_on.wait()

    async def act_on() -> None:
        async with holds.act(NANO) as hold:
            await hold.whole(request())

    act = asyncio.create_task(act_on())
    await asyncio.sleep(0.01)
    async with holds.brake(NANO, "revoke") as under_way:
        go_on.set()
        [task] = under_way
        assert await task
    with pytest.raises(Superseded):
        await act
    async with holds.brake(NANO, "revoke") as under_way:
        assert not under_way
