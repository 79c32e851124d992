"""Rooms entered in a bot's name: what a second run does, and that the session ends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.accounts.act import Order
from adminbot.accounts.membership import Entered
from tests.desk import NANO, YOU, Desk, a_desk

pytestmark = pytest.mark.anyio

FIRST, SECOND = "!first:example.org", "!second:example.org"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as opened:
        await opened.asks("!newbot nano")
        yield opened


async def nothing(*_: object) -> None:
    pass


async def test_a_run_that_goes_on_names_also_what_the_first_one_entered(desk: Desk) -> None:
    """An invitation that was accepted before the crash is no invitation any more."""
    await desk.store.acts.begin("$cut", who=YOU, command="join", target=str(NANO), device_id=None)
    await desk.store.acts.will("$cut", f"accept the invitation to {FIRST}")
    desk.server.inviting = {FIRST, SECOND}
    desk.server.entered = [(str(NANO), FIRST)]
    order = Order(YOU, "$cut", say=nothing, check=nothing)
    entered = await desk.services.accounts.membership.join("nano", None, order)
    assert entered == Entered((FIRST, SECOND))
    assert await desk.store.acts.steps("$cut") == [
        f"accept the invitation to {room}" for room in (FIRST, FIRST, SECOND)
    ]


async def test_no_more_than_twenty_invitations_are_accepted_at_once(desk: Desk) -> None:
    desk.server.inviting = {f"!room{number:02}:example.org" for number in range(30)}
    assert (await desk.asks("!join nano")).endswith("10 more invitations: !join nano once more")
    assert len(desk.server.entered) == 20
    assert "more" not in await desk.asks("!join nano")
    assert len(desk.server.entered) == 30


async def test_the_session_ends_also_where_a_room_refuses(desk: Desk) -> None:
    await desk.asks("!join nano !abcdefghijkl:example.org")
    assert desk.server.asked[-2:] == ["join", "log out"]
