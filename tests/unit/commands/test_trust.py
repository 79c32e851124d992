"""The commands about whose devices are trusted, over tests/desk.py."""

from typing import Any

import pytest

from adminbot.crypto.crosssigning import fingerprint
from adminbot.values.ids import UserId
from tests.desk import NANO, Desk, signed_keys, token_of

pytestmark = pytest.mark.anyio


async def test_keys_that_changed_after_the_question_are_not_signed(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.keys = {"NANO2": signed_keys("NANO2")}
    desk.server.accounts[NANO].devices["NANO2"] = {"syt_other"}
    asked = await desk.asks("!trust nano NANO2")
    word = asked.splitlines()[-2].split(" ")[-1]
    assert "answer with their last block" in asked
    desk.server.keys = {"NANO2": signed_keys("NANO2")}
    assert "changed meanwhile. I signed nothing" in await desk.asks(word)


async def test_another_device_is_signed_once_its_last_block_is_typed(desk: Desk) -> None:
    """All of the fingerprint that the question showed must be that of the device then."""
    await token_of(desk, "!newbot nano")
    desk.server.keys = {"NANO2": signed_keys("NANO2")}
    desk.server.accounts[NANO].devices["NANO2"] = {"syt_other"}
    asked = await desk.asks("!trust nano NANO2")
    shown = asked.splitlines()[-2]
    assert shown == fingerprint(desk.server.keys["NANO2"])
    assert "That names nothing" in await desk.asks("yes")
    signed: list[Any] = []

    async def sign(user_id: UserId, device_keys: dict[str, Any]) -> None:
        signed.append((user_id, device_keys))

    desk.services.accounts.signer.sign = sign  # type: ignore[method-assign]
    assert await desk.asks(shown.split(" ")[-1]) == "✅ Device NANO2 of nano is trusted."
    assert signed == [(NANO, desk.server.keys["NANO2"])]


async def test_what_a_missing_word_is_called(desk: Desk) -> None:
    assert await desk.asks("!trust") == "❌ !trust needs a name. Type: !trust NAME [DEVICE]"
    assert "That is more than !trust takes" in await desk.asks("!trust nano NANO1 KEYS")
