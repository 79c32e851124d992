"""Which devices may command and receive: the pins, applied to raw /keys/query answers."""

import enum
import logging
from typing import Any

from adminbot.config import Trust
from adminbot.crosssigning import master_key, trusted_devices
from adminbot.ids import UserId
from adminbot.store import Store

log = logging.getLogger(__name__)


class Standing(enum.Enum):
    """What is known of a person's cross-signing identity."""

    UNKNOWN = "unknown"
    NO_IDENTITY = "no identity"
    AS_PINNED = "as pinned"
    CHANGED = "changed"


class TrustPolicy:
    """Knows the admins and the pins; pins an identity the first time it is seen."""

    def __init__(self, mode: Trust, admins: tuple[UserId, ...], store: Store) -> None:
        self._mode = mode
        self._admins = {str(admin) for admin in admins}
        self._store = store
        self._standing: dict[str, Standing] = {}

    def is_admin(self, user_id: str) -> bool:
        return user_id in self._admins

    @property
    def admins(self) -> frozenset[str]:
        return frozenset(self._admins)

    def standing(self, user_id: str) -> Standing:
        """As of the newest /keys/query answer."""
        return self._standing.get(user_id, Standing.UNKNOWN)

    async def trusted(self, user_id: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Device id → device keys of those that may command and receive, by this answer.

        Nobody's but an admin's devices ever qualify. A first identity is pinned here; another
        one than the pinned is refused as a whole.
        """
        if user_id not in self._admins:
            return {}
        if self._mode is Trust.ANY:
            return trusted_devices(answer, user_id, None)
        seen = master_key(answer, user_id)
        pinned = (await self._store.pins()).get(user_id)
        if seen is None:
            self._standing[user_id] = Standing.CHANGED if pinned else Standing.NO_IDENTITY
            return {}
        if pinned is None:
            await self._store.pin(UserId.parse(user_id), seen)
            log.info("identity pinned user=%s master_key=%s", user_id, seen)
            pinned = seen
        if seen != pinned:
            if self.standing(user_id) is not Standing.CHANGED:
                log.warning("identity CHANGED, nothing is taken from or given to user=%s", user_id)
            self._standing[user_id] = Standing.CHANGED
            return {}
        self._standing[user_id] = Standing.AS_PINNED
        return trusted_devices(answer, user_id, pinned)
