"""An act is noted before it begins, and each step before it is taken; brakes overtake."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.accounts.act import Acts, Order
from adminbot.errors import HomeserverUnreachable, Refused, Superseded
from adminbot.store import InboxMessage, Store, open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

pytestmark = pytest.mark.anyio

YOU = UserId("you", "example.org")
NANO = UserId("nano", "example.org")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


@pytest.fixture
def acts(store: Store) -> Acts:
    return Acts(store)


def order_of(event_id: str) -> Order:
    async def say(text: str) -> None:
        raise AssertionError(text)

    async def check() -> None:
        raise Refused("locked down")

    return Order(YOU, event_id, say=say, check=check)


async def test_what_is_about_to_be_changed_is_on_disk_before(acts: Acts, store: Store) -> None:
    async with acts.begin("rotate", NANO, order_of("$1")) as act:
        assert await store.acts.find("$1") is None, "what is refused by a look is no act"
        await act.note("NANO1")
        noted = await store.acts.find("$1")
        assert noted
        assert (noted.who, noted.command, noted.target) == (str(YOU), "rotate", str(NANO))
        assert (noted.device_id, noted.outcome) == ("NANO1", None)
        await act.step("log in")
        assert await store.acts.steps("$1") == ["log in"]


async def test_nothing_is_changed_by_an_act_that_was_not_noted(acts: Acts, store: Store) -> None:
    async with acts.begin("rotate", NANO, order_of("$1")) as act:
        with pytest.raises(AssertionError, match="before the act was noted"):
            await act.step("log in")
    assert await store.acts.steps("$1") == []


async def test_an_act_that_was_cut_off_goes_on_with_what_it_noted(
    acts: Acts, store: Store
) -> None:
    async with acts.begin("newbot", NANO, order_of("$1")) as act:
        assert (act.noted_device, act.earlier_steps) == ("", ())
        await act.note("NANO1")
        await act.step("make the account")
    async with acts.begin("newbot", NANO, order_of("$1")) as act:
        assert (act.noted_device, act.earlier_steps) == ("NANO1", ("make the account",))
        assert await act.note("NANO2") == "NANO1"
        await act.step("log in")
    assert await store.acts.steps("$1") == ["make the account", "log in"]


async def test_an_act_that_waited_asks_whether_it_still_may(acts: Acts) -> None:
    async with acts.begin("rotate", NANO, order_of("$1")) as act:
        async with act.aside(), asyncio.timeout(1), acts.begin("trust", NANO, order_of("$2")):
            pass
        with pytest.raises(Refused, match="locked down"):
            await act.check()


async def test_a_brake_is_noted_before_anything_is_ended(acts: Acts, store: Store) -> None:
    async with acts.brake("revoke", NANO, order_of("$1")) as brake:
        noted = await store.acts.find("$1")
        assert noted
        assert (noted.command, noted.target, noted.outcome) == ("revoke", str(NANO), None)
        await brake.step("sign it out everywhere")
        assert await store.acts.steps("$1") == ["sign it out everywhere"]


async def test_an_act_gives_way_to_a_brake_that_came_after_it_before_a_restart(
    acts: Acts, store: Store
) -> None:
    letters = [InboxMessage(event_id, "{}", None) for event_id in ("$1", "$2", "$3")]
    await store.inbox.receive(letters, since="s")
    async with acts.brake("revoke", NANO, order_of("$2")):
        pass
    with pytest.raises(Superseded, match="`!revoke` of `@nano"):
        async with acts.begin("rotate", NANO, order_of("$1")):
            raise AssertionError("it would bring back what was revoked")
    async with acts.begin("rotate", NANO, order_of("$3")):
        pass


@pytest.mark.parametrize("fails", [False, True])
async def test_what_comes_of_a_login_that_goes_on_is_ended_once_more(
    acts: Acts, fails: bool
) -> None:
    began, goes_on, ended = asyncio.Event(), asyncio.Event(), []

    async def login() -> str:
        began.set()
        await goes_on.wait()
        return "token"

    async def rotate() -> None:
        async with acts.begin("rotate", NANO, order_of("$1")) as act:
            await act.whole(login())

    async def end() -> None:
        ended.append(goes_on.is_set())
        if fails:
            raise HomeserverUnreachable("HTTP 502")

    rotation = asyncio.create_task(rotate())
    await began.wait()
    async with acts.brake("revoke", NANO, order_of("$2")) as brake:
        ending = asyncio.create_task(brake.once_more_after_late_logins(end))
        await asyncio.sleep(0.01)
        assert not ended
        goes_on.set()
        await ending
    assert ended == [True]
    with pytest.raises(Superseded):
        await rotation


async def test_without_such_a_login_nothing_is_ended_twice(acts: Acts) -> None:
    async def end() -> None:
        raise AssertionError("once is enough")

    async with acts.brake("revoke", NANO, order_of("$1")) as brake:
        await brake.once_more_after_late_logins(end)
