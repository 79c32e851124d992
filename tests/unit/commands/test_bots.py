"""The commands about managed bots, over tests/desk.py."""

import pytest

from tests.desk import NANO, Desk, token_of

pytestmark = pytest.mark.anyio


async def test_a_session_of_another_device_is_not_handed_over(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    seen = len(desk.chat.secrets)
    desk.server.lies_about_device = "ELSEWHERE"
    assert "❌" in await desk.asks("!rotate nano")
    assert len(desk.chat.secrets) == seen


async def test_a_device_that_a_logout_deleted_is_not_used_again(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    [before] = desk.server.accounts[NANO].devices
    desk.server.accounts[NANO].devices.clear()
    await token_of(desk, "!rotate nano")
    assert before not in desk.server.accounts[NANO].devices
    assert f"MATRIX_DEVICE_ID={before}\n" not in desk.chat.secrets[-1]
