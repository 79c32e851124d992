"""The lockdown: no change is begun, whoever asks.

A change that a crash cut off is finished also during a lockdown.
"""

import logging
from datetime import datetime
from functools import partial

from adminbot.errors import LockedDown
from adminbot.store import SHELL, Entry, Kind, Store
from adminbot.values.clock import now
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

_LOCKED = "lockdown"


class Lockdown:
    """Lasts, also across restarts, until the operator types `adminbot unlock` in the shell."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def locked(self) -> bool:
        """Asked each time: the shell lifts the lockdown beside a running service."""
        return await self._store.facts.get(_LOCKED) is not None

    async def check_unlocked(self) -> None:
        """Raises LockedDown during a lockdown."""
        if await self.locked():
            raise LockedDown(
                "I am locked down and change nothing.",
                "Whoever runs this server lifts that in the shell: `adminbot unlock`",
            )

    async def lock(self, who: UserId, device: str = "") -> bool:
        """Refuse every change from now on; returns whether there was a lockdown already.

        `device`: that the person typed on.
        """
        if await self.locked():
            return True
        noted = f"{who} {now().isoformat(timespec='seconds')}"
        entry = Entry(Kind.CHANGE, str(who), "lockdown", device=device)
        await self._store.audit.add(entry, partial(self._store.facts.put, _LOCKED, noted))
        log.warning("LOCKDOWN user=%s", who)
        return False

    async def unlock(self) -> tuple[UserId, datetime] | None:
        """Lift the lockdown; returns who had begun the lockdown and when, None if nobody had."""
        noted = await self._store.facts.get(_LOCKED)
        if noted is None:
            return None
        entry = Entry(Kind.CHANGE, SHELL, "unlock")
        await self._store.audit.add(entry, partial(self._store.facts.forget, _LOCKED))
        who, at = noted.split(" ")
        return UserId.parse(who), datetime.fromisoformat(at)
