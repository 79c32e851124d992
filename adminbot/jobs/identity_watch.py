"""Looks whether the bots still show the identities and the device keys that count.

Looks at all bots at each start and every half hour, because the server reports changes only of
accounts that share a room with us; at single bots when the server reports a change.
"""

import time
from collections.abc import Collection

from adminbot.accounts.device_keys import DeviceKeyMemory
from adminbot.accounts.identities import Identities
from adminbot.errors import AdminbotError
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs.runner import Job
from adminbot.store import Store

_LOOK_S = 1800.0
_AT_ONCE = 50  # bots in one request


class IdentityWatch(Job):
    """Has every identity, and the keys of every issued device, compared with what is known."""

    name = "identity watch"
    retry_s = 60.0
    broken_s = _LOOK_S

    def __init__(
        self, account: ClientApi, store: Store, identities: Identities, keys: DeviceKeyMemory
    ) -> None:
        super().__init__()
        self._account = account
        self._store = store
        self._identities = identities
        self._keys = keys
        self._changed: set[str] = set()  # user ids
        self._all_at = 0.0  # monotonic: when all bots are to be looked at again

    def wake(self, user_ids: Collection[str] = ()) -> None:
        """The devices or identities of some users changed: look now."""
        self._changed.update(user_ids)
        super().wake()

    async def round(self) -> float:
        """Look at the changed bots; at all bots if half an hour has passed."""
        began = time.monotonic()
        changed, self._changed = self._changed, set()
        are_all_due = began >= self._all_at
        try:
            await self._look(None if are_all_due else changed)
        except AdminbotError:
            self._changed |= changed
            raise
        if are_all_due:
            self._all_at = began + _LOOK_S
        return self._all_at - time.monotonic()

    async def _look(self, only: set[str] | None) -> None:
        """`only`: user ids; None: all bots."""
        bots = self._store.bots
        due = await bots.all() if only is None else await bots.among(only)
        for start in range(0, len(due), _AT_ONCE):
            some = due[start : start + _AT_ONCE]
            answer = await self._account.query_keys(*(bot.user_id for bot in some))
            for bot in some:
                counts = await self._identities.counts(bot, answer)
                await self._keys.state(bot, answer, counts)
