"""Other keys on a device that was trusted: told once, never called trusted."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adminbot.accounts import device_keys
from adminbot.accounts.device_keys import DeviceKeyMemory, keys_of
from adminbot.crypto.crosssigning import DeviceState, Identity
from adminbot.store import Bot, ShownKeys, Store, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer
from tests.program import fresh_keys

pytestmark = pytest.mark.anyio

YOU, NANO = UserId("you", "example.org"), UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, now(), now())


class Place:
    """A memory of keys, the server's answers, and what rang."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rung: list[ShownKeys] = []
        self.memory = DeviceKeyMemory(store, lambda bot, keys: self.rung.append(keys))
        self.identity = Identity.from_seeds(Identity.new_seeds())

    async def state(
        self, keys: dict[str, Any], *, signed: bool, bot: Bot = BOT, device: str = "NANO1"
    ) -> DeviceState:
        """The state of the device when the server shows these keys, signed by the identity."""
        if signed:
            [more] = self.identity.device_signature(str(NANO), keys)[str(NANO)].values()
            both = keys["signatures"][str(NANO)] | more["signatures"][str(NANO)]
            keys = keys | {"signatures": {str(NANO): both}}
        body = self.identity.upload_body(str(NANO))
        answer = {
            "device_keys": {str(NANO): {device: keys}},
            "master_keys": {str(NANO): body["master_key"]},
            "self_signing_keys": {str(NANO): body["self_signing_key"]},
        }
        return await self.memory.state(bot, answer, self.identity.master.public)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        await store.bots.add(BOT)
        yield Place(store)


def keys() -> dict[str, Any]:
    return fresh_keys(str(NANO), "NANO1")


async def told(place: Place) -> str | None:
    """The other keys of the device that somebody was told of."""
    known = await place.store.device_keys.find(NANO, "NANO1")
    return known.told if known else None


async def test_other_keys_are_told_once_and_again_when_they_change_again(place: Place) -> None:
    first, second, third = keys(), keys(), keys()
    assert await place.state(first, signed=False) is DeviceState.UNSIGNED, "not trusted yet"
    assert await place.state(first, signed=True) is DeviceState.TRUSTED
    assert place.rung == []
    assert await place.state(second, signed=False) is DeviceState.OTHER_KEYS
    await place.store.device_keys.told(NANO, "NANO1", keys_of(second))
    assert await place.state(second, signed=False) is DeviceState.OTHER_KEYS
    assert place.rung == [keys_of(second)]
    assert await told(place) == str(keys_of(second))
    assert await place.state(third, signed=False) is DeviceState.OTHER_KEYS
    assert place.rung == [keys_of(second), keys_of(third)]


async def test_the_same_keys_without_a_signature_are_merely_unsigned(place: Place) -> None:
    first = keys()
    await place.state(first, signed=True)
    assert await place.state(first, signed=False) is DeviceState.UNSIGNED
    assert place.rung == []


async def test_keys_that_the_identity_signs_are_the_ones_that_count_from_then_on(
    place: Place,
) -> None:
    first, second = keys(), keys()
    await place.state(first, signed=True)
    await place.state(second, signed=False)
    await place.store.device_keys.told(NANO, "NANO1", keys_of(second))
    assert await place.state(second, signed=True) is DeviceState.TRUSTED
    assert await told(place) is None
    assert await place.state(first, signed=False) is DeviceState.OTHER_KEYS


async def test_a_new_device_has_no_earlier_keys(place: Place) -> None:
    await place.state(keys(), signed=True)
    bot = replace(BOT, device_id="NANO2")
    await place.store.hand_over(bot, event_id="$new", reader=YOU, card="x")
    assert await place.store.device_keys.find(NANO, "NANO1") is None
    shown = fresh_keys(str(NANO), "NANO2")
    assert await place.state(shown, signed=False, bot=bot, device="NANO2") is DeviceState.UNSIGNED
    assert place.rung == []


async def test_a_program_that_signs_itself_may_be_about_to(place: Place) -> None:
    own = replace(BOT, own_identity=True)
    await place.state(keys(), signed=True, bot=own)
    assert await place.state(keys(), signed=False, bot=own) is DeviceState.UNSIGNED
    assert place.rung == []


async def test_one_that_signs_itself_and_does_not_is_told_after_a_while(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, second, third = replace(BOT, own_identity=True), keys(), keys()
    await place.state(keys(), signed=True, bot=own)
    assert await place.state(second, signed=False, bot=own) is DeviceState.UNSIGNED
    monkeypatch.setattr(device_keys, "_TO_SIGN_S", 0.0)
    assert await place.state(third, signed=False, bot=own) is DeviceState.OTHER_KEYS
    assert place.rung == [keys_of(third)]


async def test_a_second_key_that_changes_alone_is_noticed_too(place: Place) -> None:
    """Both were signed; what was trusted before both were remembered counts as it is."""
    first, same = keys(), keys()
    one = keys_of(first)
    await place.state(first, signed=True)
    known = await place.store.device_keys.find(NANO, "NANO1")
    assert known
    assert known.are(one)
    assert not known.are(ShownKeys(one.ed25519, keys_of(same).curve25519))
    await place.store.device_keys.remember(NANO, "NANO1", ShownKeys(one.ed25519, ""))
    assert await place.state(first, signed=False) is DeviceState.UNSIGNED
    await place.state(first, signed=True)
    known = await place.store.device_keys.find(NANO, "NANO1")
    assert known
    assert known.keys == one


async def test_a_device_that_the_program_has_still_to_pick_was_never_started(
    place: Place,
) -> None:
    picks, out = replace(BOT, device_id=None), replace(BOT, device_id=None, token_at=None)
    assert await place.state(keys(), signed=True, bot=picks) is DeviceState.NEVER_STARTED
    assert await place.state(keys(), signed=True, bot=out) is DeviceState.SIGNED_OUT
