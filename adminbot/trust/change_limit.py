"""Limits on what an admin may change: no old commands, not too many changes in a short time."""

import logging
from datetime import timedelta

from adminbot.errors import TooManyChanges, TooOld
from adminbot.store import Store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import format_duration

log = logging.getLogger(__name__)

_MOST, _WITHIN = 120, timedelta(minutes=10)


class ChangeLimit:
    """Asked before each change. `max_age`: older commands are not carried out."""

    def __init__(self, store: Store, max_age: timedelta) -> None:
        self._store = store
        self._max_age = max_age

    async def check(self, who: UserId, *, age: timedelta, is_brake: bool = False) -> None:
        """Raises TooOld, TooManyChanges unless `who` may begin a change by a command of that age.

        A brake works however many changes there were.
        """
        if age > self._max_age:
            ago = format_duration(int(age.total_seconds()))
            raise TooOld(
                f"That was sent while I was away, {ago} ago. Nothing was done.",
                "Send it again if you still want it.",
            )
        if not is_brake and await self._store.acts.count_since(who, now() - _WITHIN) >= _MOST:
            log.warning("too many changes user=%s", who)
            raise TooManyChanges(
                f"You have asked for {_MOST} changes in {format_duration(_WITHIN.seconds)}. "
                "Nothing was done.",
                "Wait a few minutes. If that was not you: `!lockdown`",
            )
