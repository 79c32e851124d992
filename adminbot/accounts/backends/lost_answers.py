"""What is done about answers that got lost: the same steps again, from the first."""

import logging
from collections.abc import Awaitable, Callable

from adminbot.errors import HomeserverUnreachable
from adminbot.homeserver.values import Session

log = logging.getLogger(__name__)

TRIES = 5


async def until_known(once: Callable[[], Awaitable[Session]]) -> Session:
    """Repeat all steps after a lost answer, five times in all. Raises HomeserverUnreachable.

    The repetition begins with the first step, so a session of a lost answer ends with the rest.
    """
    for tries_left in reversed(range(TRIES)):
        try:
            return await once()
        except HomeserverUnreachable as exc:
            log.warning("outcome unknown why=%s tries_left=%s", exc, tries_left)
            if not tries_left:
                raise
    raise AssertionError("unreachable")
