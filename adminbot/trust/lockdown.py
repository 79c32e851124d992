"""What keeps a change from being begun, whoever asks: a lockdown, its age, too many of them.

A change that was begun and cut off is not held up here: it is finished.
"""

import logging
from datetime import datetime, timedelta

from adminbot.errors import Refused
from adminbot.store import Store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import format_duration

log = logging.getLogger(__name__)

_LOCKED = "lockdown"
_MOST, _WITHIN = 120, timedelta(minutes=10)


class Restraint:
    """Asked before each change; the lockdown lasts until the operator lifts it in the shell."""

    def __init__(self, store: Store, max_age: timedelta) -> None:
        self._store = store
        self._max_age = max_age

    async def check(self, who: UserId, *, age: timedelta, is_brake: bool = False) -> None:
        """Raises Refused unless this person may begin a change; `age` is that of the command.

        However many changes there were, a brake works.
        """
        await self.check_unlocked()
        if age > self._max_age:
            ago = format_duration(int(age.total_seconds()))
            raise Refused(
                f"That was sent while I was away, {ago} ago. Nothing was done.",
                "Send it again if you still want it.",
            )
        if not is_brake and await self._store.acts.count_since(who, now() - _WITHIN) >= _MOST:
            log.warning("too many changes user=%s", who)
            raise Refused(
                f"You have asked for {_MOST} changes in {format_duration(_WITHIN.seconds)}. "
                "Nothing was done.",
                "Wait a few minutes. If that was not you: `!lockdown`",
            )

    async def check_unlocked(self) -> None:
        """Raises Refused during a lockdown."""
        if await self.locked():
            raise Refused(
                "I am locked down and change nothing.",
                "Whoever runs this server lifts that in the shell: `adminbot unlock`",
            )

    async def locked(self) -> bool:
        """Asked each time: the shell lifts it beside a running service."""
        return await self._store.facts.get(_LOCKED) is not None

    async def lock(self, who: UserId) -> bool:
        """Refuse every change from now on; returns whether that was so before."""
        if await self.locked():
            return True
        await self._store.facts.set(_LOCKED, f"{who} {now().isoformat(timespec='seconds')}")
        log.warning("LOCKDOWN user=%s", who)
        return False


async def unlock(store: Store) -> tuple[UserId, datetime] | None:
    """Lift the lockdown; returns who had asked for it and when, None if nobody had."""
    noted = await store.facts.get(_LOCKED)
    if noted is None:
        return None
    await store.facts.drop(_LOCKED)
    who, at = noted.split(" ")
    return UserId.parse(who), datetime.fromisoformat(at)
