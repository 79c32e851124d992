"""Other keys on a device that was trusted: told once, never called trusted."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adminbot.accounts.device_keys import DeviceKeyMemory
from adminbot.crypto.crosssigning import DeviceState, Identity
from adminbot.store import Bot, Store, open_store
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
        self.rung: list[str] = []
        self.memory = DeviceKeyMemory(store, lambda bot, key: self.rung.append(key))
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


def key_of(device: dict[str, Any]) -> str:
    return str(device["keys"]["ed25519:NANO1"])


async def test_other_keys_are_told_once_and_again_when_they_change_again(place: Place) -> None:
    first, second, third = keys(), keys(), keys()
    assert await place.state(first, signed=False) is DeviceState.UNSIGNED, "not trusted yet"
    assert await place.state(first, signed=True) is DeviceState.TRUSTED
    assert place.rung == []
    assert await place.state(second, signed=False) is DeviceState.OTHER_KEYS
    await place.store.device_keys.told(NANO, key_of(second))
    assert await place.state(second, signed=False) is DeviceState.OTHER_KEYS
    assert place.rung == [key_of(second)]
    assert await place.memory.in_trouble() == {str(NANO)}
    assert await place.state(third, signed=False) is DeviceState.OTHER_KEYS
    assert place.rung == [key_of(second), key_of(third)]


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
    await place.store.device_keys.told(NANO, key_of(second))
    assert await place.state(second, signed=True) is DeviceState.TRUSTED
    assert await place.memory.in_trouble() == set()
    assert await place.state(first, signed=False) is DeviceState.OTHER_KEYS


async def test_a_new_device_has_no_earlier_keys(place: Place) -> None:
    await place.state(keys(), signed=True)
    bot = replace(BOT, device_id="NANO2")
    shown = fresh_keys(str(NANO), "NANO2")
    assert await place.state(shown, signed=False, bot=bot, device="NANO2") is DeviceState.UNSIGNED
    assert place.rung == []


async def test_a_program_that_signs_itself_may_be_about_to(place: Place) -> None:
    own = replace(BOT, own_identity=True)
    await place.state(keys(), signed=True, bot=own)
    assert await place.state(keys(), signed=False, bot=own) is DeviceState.UNSIGNED
    assert place.rung == []
