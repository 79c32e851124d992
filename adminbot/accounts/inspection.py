"""What is to be said of a bot: our own memory of it, and what the server knows now. Reads only."""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from adminbot.accounts.backends.base import AccountBackend, Can
from adminbot.accounts.identities import Identities
from adminbot.crypto.crosssigning import DeviceState, device_state, fingerprint, trusted_devices
from adminbot.errors import AccountGone
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Bot


@dataclass(frozen=True, slots=True)
class Seen:
    """When a session of a bot was last used; `is_gone`: its account is not on the server."""

    last: datetime | None
    is_gone: bool = False


@dataclass(frozen=True, slots=True)
class BotDetail:
    """A bot with what the server knows of it now."""

    bot: Bot
    seen: Seen
    addresses: tuple[str, ...]
    device_state: DeviceState


@dataclass(frozen=True, slots=True)
class DeviceDetail:
    """One session of a bot's account; `fingerprint` is empty when it has no keys yet."""

    device_id: str
    last_seen: datetime | None
    state: DeviceState
    fingerprint: str


def in_words(state: DeviceState, bot: Bot) -> str:
    """A state as it is said; of an identity that its program makes itself, none is mine."""
    if state is DeviceState.REPLACED and bot.own_identity:
        return "another identity than before"
    return state.value


_AT_ONCE = 8  # a server that answers slowly shall not have a page's look-ups of everybody


class Inspector:
    """Looks bots up on the server."""

    def __init__(
        self, backend: AccountBackend, account: ClientApi, identities: Identities
    ) -> None:
        self._backend = backend
        self._account = account
        self._identities = identities
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def seen(self, bot: Bot) -> Seen:
        """When the bot was last used: never, if it is signed out."""
        try:
            async with self._few:
                devices = await self._backend.devices(bot.user_id)
        except AccountGone:
            return Seen(None, is_gone=True)
        moments = (device.last_seen for device in devices if device.last_seen)
        return Seen(max(moments, default=None))

    async def detail(self, bot: Bot) -> BotDetail:
        """What is known of a bot. Another identity than the pinned one is told to the admins."""
        seen, addresses, answer = await asyncio.gather(
            self.seen(bot),
            self._addresses(bot),
            self._account.query_keys(bot.user_id),
        )
        counts = await self._identities.counts(bot, answer)
        state = device_state(answer, str(bot.user_id), bot.device_id, counts)
        return BotDetail(bot, seen, tuple(addresses), state)

    async def _addresses(self, bot: Bot) -> list[str]:
        if Can.ADDRESSES not in self._backend.can:
            return []
        try:
            return await self._backend.addresses(bot.user_id)
        except AccountGone:
            return []

    async def devices(self, bot: Bot) -> list[DeviceDetail]:
        """The sessions of a bot's account, the issued device first."""
        devices, answer = await asyncio.gather(
            self._backend.devices(bot.user_id), self._account.query_keys(bot.user_id)
        )
        user_id = str(bot.user_id)
        counts = await self._identities.counts(bot, answer)
        with_keys = trusted_devices(answer, user_id, None)
        details = [
            DeviceDetail(
                device.device_id,
                device.last_seen,
                device_state(answer, user_id, device.device_id, counts),
                fingerprint(with_keys[device.device_id]) if device.device_id in with_keys else "",
            )
            for device in devices
        ]
        return sorted(details, key=lambda it: (it.device_id != bot.device_id, it.device_id))
