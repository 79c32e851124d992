"""The facts about a bot, from our store and from the server as of now. Changes nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adminbot.accounts.backends.base import AccountBackend, Can
from adminbot.accounts.device_keys import DeviceKeyMemory
from adminbot.accounts.identities import Identities
from adminbot.crypto.crosssigning import DeviceState, device_state, fingerprint, trusted_devices
from adminbot.errors import AccountGone
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Bot, Expiry, Store, Watch


@dataclass(frozen=True, slots=True)
class Seen:
    """When a bot's session was last used (UTC, None: never); `is_gone`: the account is missing."""

    last: datetime | None
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """A bot in the list: when it was last used, and the state of its device."""

    bot: Bot
    seen: Seen
    state: DeviceState


@dataclass(frozen=True, slots=True)
class BotDetail:
    """A bot with the server's present facts.

    `addresses`: the IP addresses that the bot was used from. `rooms`: how many it is in.
    `is_locked`: no session of it can do anything now, whoever locked the account.
    """

    bot: Bot
    seen: Seen
    addresses: tuple[str, ...]
    device_state: DeviceState
    rooms: int
    is_locked: bool
    watch: Watch | None
    expiry: Expiry | None


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    """One session of a bot's account; `fingerprint` is empty while the device has no keys."""

    device_id: str
    last_seen: datetime | None
    state: DeviceState
    fingerprint: str


def in_words(state: DeviceState, bot: Bot) -> str:
    """A device's state in words for a person."""
    # REPLACED reads "another identity than mine"; a bot that signs itself has no identity of mine.
    if state is DeviceState.REPLACED and bot.own_identity:
        return "another identity than before"
    if state is DeviceState.OTHER_KEYS and bot.own_identity:
        return "other keys than before"
    return state.value


_AT_ONCE = 8  # requests: a slow server shall not get the look-ups of a whole `!bots` page at once


class Inspector:
    """Looks bots up on the server."""

    def __init__(
        self,
        backend: AccountBackend,
        account: ClientApi,
        store: Store,
        identities: Identities,
        keys: DeviceKeyMemory,
    ) -> None:
        self._backend = backend
        self._account = account
        self._store = store
        self._identities = identities
        self._keys = keys
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def seen(self, bot: Bot) -> Seen:
        """When the bot was last used: never, if the bot is signed out. Raises HomeserverError."""
        try:
            async with self._few:
                devices = await self._backend.devices(bot.user_id)
        except AccountGone:
            return Seen(None, is_gone=True)
        moments = (device.last_seen for device in devices if device.last_seen)
        return Seen(max(moments, default=None))

    async def detail(self, bot: Bot) -> BotDetail:
        """All facts about a bot. Rings for another identity than the pinned identity.

        Raises HomeserverError, StateError.
        """
        seen, addresses, rooms, account, answer = await asyncio.gather(
            self.seen(bot),
            self._addresses(bot),
            self._backend.rooms(bot.user_id),
            self._backend.find(bot.user_id),
            self._account.query_keys(bot.user_id),
        )
        return BotDetail(
            bot=bot,
            seen=seen,
            addresses=tuple(addresses),
            device_state=await self._state(bot, answer),
            rooms=len(rooms),
            is_locked=bot.is_paused or (account is not None and account.is_locked),
            watch=await self._store.watches.find(bot.user_id),
            expiry=await self._store.expiries.find(bot.user_id),
        )

    async def _state(self, bot: Bot, answer: dict[str, Any]) -> DeviceState:
        """The state of the issued device, which may ring."""
        return await self._keys.state(bot, answer, await self._identities.counts(bot, answer))

    async def standings(self, bots: Sequence[Bot]) -> list[Standing]:
        """How these bots are by what the server says now. One request a bot, and one for all.

        Rings as `detail` does. Raises HomeserverError, StateError.
        """
        seen, answer = await asyncio.gather(
            asyncio.gather(*(self.seen(bot) for bot in bots)),
            self._account.query_keys(*(bot.user_id for bot in bots)),
        )
        return [
            Standing(bot, last, await self._state(bot, answer))
            for bot, last in zip(bots, seen, strict=True)
        ]

    async def _addresses(self, bot: Bot) -> list[str]:
        if Can.ADDRESSES not in self._backend.can:
            return []
        try:
            return await self._backend.addresses(bot.user_id)
        except AccountGone:
            return []

    async def devices(self, bot: Bot) -> list[DeviceDetail]:
        """The sessions of a bot's account, the issued device first.

        Rings as `detail` does. Raises HomeserverError, AccountGone, StateError.
        """
        devices, answer = await asyncio.gather(
            self._backend.devices(bot.user_id), self._account.query_keys(bot.user_id)
        )
        user_id = str(bot.user_id)
        counts = await self._identities.counts(bot, answer)
        issued = await self._keys.state(bot, answer, counts)
        # None: every device whose keys carry the device's own signature, whoever's identity.
        with_keys = trusted_devices(answer, user_id, None)
        details = [
            DeviceDetail(
                device.device_id,
                device.last_seen,
                issued
                if device.device_id == bot.device_id
                else device_state(answer, user_id, device.device_id, counts),
                fingerprint(with_keys[device.device_id]) if device.device_id in with_keys else "",
            )
            for device in devices
        ]
        return sorted(
            details, key=lambda detail: (detail.device_id != bot.device_id, detail.device_id)
        )
