"""What the card of a new token is for. No server."""

from pathlib import Path

import pytest

from adminbot.accounts.handover import Purpose
from tests.desk import NANO, Desk, a_desk

pytestmark = pytest.mark.anyio

NEXT_STEP = {
    Purpose.NEW: "Start the program and invite",
    Purpose.RENEWED: "keep its data",
    Purpose.FRESH_DEVICE: "with an empty data folder",
}


async def purpose_of(desk: Desk, line: str) -> Purpose:
    """Type a line that ends in a card; returns what the card is for."""
    assert "✅" in await desk.asks(line)
    intro = desk.chat.secrets[-2]
    [found] = [purpose for purpose, step in NEXT_STEP.items() if step in intro]
    return found


async def test_only_a_rotation_in_place_tells_an_owner_to_keep_the_data(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        assert await purpose_of(desk, "!newbot nano") is Purpose.NEW
        assert await purpose_of(desk, "!rotate nano") is Purpose.RENEWED
        assert await purpose_of(desk, "!rotate nano --new-device") is Purpose.FRESH_DEVICE
        assert await purpose_of(desk, "!rotate nano") is Purpose.RENEWED


async def test_where_the_device_is_gone_the_card_says_so(tmp_path: Path) -> None:
    """After `revoke`, and where the program has logged itself out."""
    async with a_desk(tmp_path) as desk:
        await purpose_of(desk, "!newbot nano")
        await desk.asks("!revoke nano")
        await desk.asks("nano")
        assert await purpose_of(desk, "!rotate nano") is Purpose.FRESH_DEVICE
        desk.server.accounts[NANO].devices.clear()
        assert await purpose_of(desk, "!rotate nano") is Purpose.FRESH_DEVICE
