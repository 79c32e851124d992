"""A lockdown that is begun in the chat, and who hears of it."""

import pytest

from tests.desk import DM, ROOM, YOU, Desk

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("room_id", "told"),
    [(DM, ["🔒 `@you:example.org` has locked me down: I change nothing."]), (ROOM, [])],
)
async def test_a_lockdown_is_told_where_it_was_not_begun(
    desk: Desk, room_id: str, told: list[str]
) -> None:
    lockdown = desk.services.lockdown
    assert not await lockdown.begin(YOU, room_id)
    assert await desk.lockdown.locked()
    assert await lockdown.begin(YOU, room_id), "it was so before"
    assert desk.alarms == told
