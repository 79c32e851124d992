"""What goes on by itself: one loop for all of it.

A new job is a file with a class in it, and a line in app/jobs.py.
"""

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable
from contextlib import suppress
from typing import ClassVar

from adminbot.errors import AdminbotError
from adminbot.jobs.background import guarded

log = logging.getLogger(__name__)

# Returns the seconds to wait afterwards; None: nothing to wait for.
Work = Callable[[], Awaitable[float | None]]


class Job(ABC):
    """Does its rounds until cancelled. Whatever fails is logged and tried again.

    `name`: in the log. `retry_s`: pause after an error that was foreseen, an AdminbotError;
    `broken_s`: after any other.
    """

    name: ClassVar[str]
    retry_s: float
    broken_s: float

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._under_way: set[Hashable] = set()

    @abstractmethod
    async def round(self) -> float | None:
        """Do what is due. Returns the seconds until the next round; None: not before `wake`."""

    def wake(self) -> None:
        """Have the next round now, or at once after the one that is under way."""
        self._woken.set()

    async def run(self) -> None:
        """Do rounds, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                self._woken.clear()
                pause_s = await self._attempt(self.round)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()

    def beside(self, item: Hashable, work: Work) -> None:
        """Work on one item beside the rounds: where it hangs, no other item waits for it.

        Does nothing while this item is under way. Once it is not, there is a round; after a
        failure that is a pause later, and the round begins the item again if it still has to.
        """
        if item not in self._under_way:
            self._under_way.add(item)
            self._tasks.create_task(self._by_itself(item, work))

    async def _by_itself(self, item: Hashable, work: Work) -> None:
        try:
            if pause_s := await self._attempt(work, f" item={item}"):
                await asyncio.sleep(pause_s)
        finally:
            self._under_way.discard(item)
            self._woken.set()

    async def _attempt(self, work: Work, about: str = "") -> float | None:
        """The pause that is due afterwards."""
        attempt = self._unless_foreseen(work, about)
        return await guarded(attempt, f"{self.name}{about}", otherwise=self.broken_s)

    async def _unless_foreseen(self, work: Work, about: str) -> float | None:
        try:
            return await work()
        except AdminbotError as exc:
            log.warning("%s waits%s in_s=%s why=%s", self.name, about, self.retry_s, exc)
            return self.retry_s
