"""What the server saw of a bot last, in our own time. Changes nothing."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from adminbot.accounts.backends.base import AccountBackend
from adminbot.errors import AccountGone, HomeserverError
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Bot
from adminbot.values.clock import now
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class Sign:
    """What the server saw of a bot last. `last`: by our clock, None for never.

    `is_gone`: the account is not there. `has_session`: somebody could use the account.
    """

    last: datetime | None
    is_gone: bool = False
    has_session: bool = True


class Lookout:
    """Looks for signs of life: one request a bot, a few at once.

    Not by the list of all users: for that the server reads the table of all devices of everybody.
    """

    def __init__(self, backend: AccountBackend, account: ClientApi) -> None:
        self._backend = backend
        self._account = account
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def signs(self, bots: Iterable[Bot]) -> dict[UserId, Sign]:
        """The last sign of each bot; of a bot for which the request failed there is none."""
        every = list(bots)
        found = await asyncio.gather(*map(self._sign, every))
        return {bot.user_id: sign for bot, sign in zip(every, found, strict=True) if sign}

    async def _sign(self, bot: Bot) -> Sign | None:
        try:
            async with self._few:
                devices = await self._backend.devices(bot.user_id)
        except AccountGone:
            return Sign(None, is_gone=True)
        except HomeserverError as exc:
            log.warning("not looked for user=%s why=%s", bot.user_id, exc)
            return None
        ahead = self._account.server_time() - now()
        moments = (device.last_seen - ahead for device in devices if device.last_seen)
        return Sign(max(moments, default=None), has_session=bool(devices))

    async def is_shut(self, user_id: UserId) -> bool:
        """Whether the account is locked, closed or missing. Raises HomeserverError."""
        async with self._few:
            state = await self._backend.find(user_id)
        return state is None or state.is_locked or state.is_deactivated
