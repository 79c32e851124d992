"""While our own state cannot be written: messages wait, and the admin room hears why."""

import asyncio
from contextlib import suppress

from adminbot.errors import StateError
from adminbot.jobs.alarm import Alarm
from adminbot.store import InboxMessage, Store

_LOOK_AGAIN_S = 3


class StuckState:
    """Waits until our own state can be written again."""

    def __init__(self, store: Store, alarm: Alarm) -> None:
        self._store = store
        self._alarm = alarm

    async def until_writable(self, event_id: str) -> InboxMessage | None:
        """How far an answer has come, once our state is readable and writable; None: answered."""
        self._alarm.stuck(is_stuck=True)
        while True:
            await asyncio.sleep(_LOOK_AGAIN_S)
            with suppress(StateError):
                await self._store.check_writable()
                return await self._store.inbox.find_unanswered(event_id)
