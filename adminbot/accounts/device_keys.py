"""Whether a bot's device still has the keys with which it was trusted.

A program that lost its store, or throws its keys away (Apprise does so after 20 days), makes new
keys on the old device id, and Synapse takes them. Nobody can read what it says then: other
programs refuse a device whose keys change. Only a new device helps.
"""

import time
from collections.abc import Callable
from typing import Any

from adminbot.crypto.crosssigning import DeviceState, device_state, trusted_devices
from adminbot.store import Bot, ShownKeys, Store
from adminbot.values.ids import UserId

# Called with a bot and the other keys of its device.
Ring = Callable[[Bot, ShownKeys], None]

_TO_SIGN_S = 600.0  # how long a program that signs itself may take for it


def keys_of(device: dict[str, Any]) -> ShownKeys:
    """The public keys of a device of `trusted_devices`."""
    device_id = device["device_id"]
    ed25519, curve25519 = (
        device["keys"].get(f"{kind}:{device_id}", "") for kind in ("ed25519", "curve25519")
    )
    return ShownKeys(str(ed25519), str(curve25519))


class DeviceKeyMemory:
    """Tells a device's state, with the memory of the keys; rings once for each other keys."""

    def __init__(self, store: Store, ring: Ring) -> None:
        self._store = store
        self._ring = ring
        self._unsigned: dict[UserId, float] = {}  # monotonic: since when other keys are shown

    async def state(self, bot: Bot, answer: dict[str, Any], counts: str) -> DeviceState:
        """The state of the bot's issued device.

        Args:
            answer: a raw /keys/query answer.
            counts: the master key that counts for the bot, see `device_state`.

        Raises StateError.
        """
        user_id = str(bot.user_id)
        state = device_state(answer, user_id, bot.device_id, counts)
        if state is DeviceState.SIGNED_OUT and bot.token_at:
            return DeviceState.NEVER_STARTED  # its program picks the device, and has not yet
        if bot.device_id is None or state not in (DeviceState.TRUSTED, DeviceState.UNSIGNED):
            return state
        keys = keys_of(trusted_devices(answer, user_id, None)[bot.device_id])
        known = await self._store.device_keys.find(bot.user_id, bot.device_id)
        is_trusted = state is DeviceState.TRUSTED
        # New keys, too, if the identity signs them: that proves more than our memory.
        if is_trusted and (known is None or known.keys != keys or known.told):
            await self._store.device_keys.remember(bot.user_id, bot.device_id, keys)
        if is_trusted or known is None or known.are(keys):
            self._unsigned.pop(bot.user_id, None)
            return state
        if bot.own_identity and self._may_be_about_to_sign(bot.user_id):
            return state
        if known.told != str(keys):
            self._ring(bot, keys)
        return DeviceState.OTHER_KEYS

    def _may_be_about_to_sign(self, user_id: UserId) -> bool:
        """Whether other keys were first seen a short time ago, also where they changed again."""
        since = self._unsigned.setdefault(user_id, time.monotonic())
        return time.monotonic() - since < _TO_SIGN_S
