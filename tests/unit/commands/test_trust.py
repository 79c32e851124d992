"""The commands about whose devices are trusted, over tests/desk.py."""

from dataclasses import replace
from typing import Any

import pytest

from adminbot.accounts.device_keys import keys_of
from adminbot.crypto.crosssigning import fingerprint
from adminbot.values.ids import UserId
from tests.desk import NANO, YOU, Desk, signed_keys, token_of

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
    signed = signs(desk)
    assert await desk.asks(shown.split(" ")[-1]) == "✅ Device NANO2 of nano is trusted."
    assert signed == [(NANO, desk.server.keys["NANO2"])]


def signs(desk: Desk) -> list[Any]:
    """From now on signatures are only noted, here."""
    signed: list[Any] = []

    async def sign(user_id: UserId, device_keys: dict[str, Any]) -> None:
        signed.append((user_id, device_keys))

    desk.services.accounts.signer.sign = sign  # type: ignore[method-assign]
    return signed


async def test_other_keys_are_not_signed_and_the_remedy_is_said(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.device_id
    before, after = signed_keys(bot.device_id), signed_keys(bot.device_id)
    await desk.store.device_keys.remember(NANO, bot.device_id, keys_of(before))
    desk.server.keys = {bot.device_id: after}
    signed = signs(desk)
    refused = await desk.asks("!trust nano")
    assert "shows other keys than the ones I signed" in refused
    assert "I signed nothing" in refused
    assert "!rotate nano --new-device" in refused
    assert signed == []
    assert set(desk.alarms) == {str(keys_of(after))}
    for line in ("!bot nano", "!devices nano"):
        said = await desk.asks(line)
        assert "other keys than the ones I signed" in said
        assert "!rotate nano --new-device" in said


async def test_the_device_chosen_of_several_is_the_bots(desk: Desk) -> None:
    """Of a bot whose program picks its device, and shows two."""
    await token_of(desk, "!newbot nano")
    bot = await desk.store.bots.find(NANO)
    assert bot
    picks = replace(bot, device_id=None)
    await desk.store.hand_over(picks, event_id="$x", reader=YOU, card="x")
    desk.server.keys = {name: signed_keys(name) for name in ("ONE", "TWO")}
    desk.server.accounts[NANO].devices = {"ONE": {"syt_1"}, "TWO": {"syt_2"}}
    assert "Trust: never started" in await desk.asks("!bot nano")
    assert "has no such device" in await desk.asks("!trust nano")
    signed = signs(desk)
    asked = await desk.asks("!trust nano TWO")
    assert "is trusted" in await desk.asks(asked.splitlines()[-2].split(" ")[-1])

    assert signed == [(NANO, desk.server.keys["TWO"])]
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.device_id == "TWO"
    assert [it.device_id for it in await desk.store.awaited.all()] == ["TWO"]
    known = await desk.store.device_keys.find(NANO, "TWO")
    assert known
    assert known.keys == keys_of(desk.server.keys["TWO"])


async def test_what_a_missing_word_is_called(desk: Desk) -> None:
    assert await desk.asks("!trust") == "❌ !trust needs a name. Type: !trust NAME [DEVICE]"
    assert "That is more than !trust takes" in await desk.asks("!trust nano NANO1 KEYS")
