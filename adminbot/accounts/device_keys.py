"""Whether a bot's device still has the keys with which it was trusted.

A program that lost its store, or throws its keys away (Apprise does so after 20 days), makes new
keys on the old device id, and Synapse takes them. Nobody can read what it says then: other
programs refuse a device whose keys change. Only a new device helps.
"""

from collections.abc import Callable
from typing import Any

from adminbot.crypto.crosssigning import DeviceState, device_state, trusted_devices
from adminbot.store import Bot, Store

# Called with a bot and the other Ed25519 key of its device.
Ring = Callable[[Bot, str], None]


class DeviceKeyMemory:
    """Tells a device's state, with the memory of the keys; rings once for each other key."""

    def __init__(self, store: Store, ring: Ring) -> None:
        self._store = store
        self._ring = ring

    async def in_trouble(self) -> set[str]:
        """The user ids of bots whose keys or identity somebody was alarmed about."""
        return await self._store.device_keys.in_trouble() | await self._store.bot_pins.in_trouble()

    async def state(self, bot: Bot, answer: dict[str, Any], counts: str) -> DeviceState:
        """The state of the bot's issued device.

        Args:
            answer: a raw /keys/query answer.
            counts: the master key that counts for the bot, see `device_state`.

        Raises StateError.
        """
        user_id = str(bot.user_id)
        state = device_state(answer, user_id, bot.device_id, counts)
        if bot.device_id is None or state not in (DeviceState.TRUSTED, DeviceState.UNSIGNED):
            return state
        device = trusted_devices(answer, user_id, None)[bot.device_id]
        key = str(device["keys"][f"ed25519:{bot.device_id}"])
        known = await self._store.device_keys.find(bot.user_id)
        is_known = known is not None and known.device_id == bot.device_id
        if state is DeviceState.TRUSTED:
            # New keys, too, if the identity signs them: that proves more than our memory.
            if not is_known or (known and (known.ed25519 != key or known.told)):
                await self._store.device_keys.remember(bot.user_id, bot.device_id, key)
            return state
        # A program that signs itself may be about to do so: unsigned is all that is known.
        if not is_known or not known or known.ed25519 == key or bot.own_identity:
            return state
        if known.told != key:
            self._ring(bot, key)
        return DeviceState.OTHER_KEYS
