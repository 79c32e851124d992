"""What goes on by itself: one loop for all jobs.

A new job is a file here with a subclass of `Job`, and a line in app/jobs.py.
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
    """Does rounds until cancelled. A failure is logged, and the round is repeated later.

    `name`: in the log. `retry_s`: seconds to wait after an AdminbotError; `broken_s`: after any
    other exception, a bug.
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
        """Have the next round now, or right after the present round."""
        self._woken.set()

    async def run(self) -> None:
        """Do rounds, until cancelled."""
        async with asyncio.TaskGroup() as self._tasks:
            while True:
                self._woken.clear()  # first: what comes during a round is not missed
                pause_s = await self._attempt(self.round)
                # No wait_for: in Python 3.11 it loses a cancellation that meets the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause_s):
                        await self._woken.wait()

    def beside(self, item: Hashable, work: Work) -> None:
        """Work on one item beside the rounds, so that no other item waits for a slow one.

        Does nothing while the same item is under way. Afterwards there is a round, after a failure
        only once the pause is over: a round that still finds the item begins the work again.
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
        """Returns the seconds to wait afterwards, whatever happens; None: none."""
        attempt = self._unless_foreseen(work, about)
        return await guarded(attempt, f"{self.name}{about}", otherwise=self.broken_s)

    async def _unless_foreseen(self, work: Work, about: str) -> float | None:
        try:
            return await work()
        except AdminbotError as exc:
            log.warning("%s waits%s in_s=%s why=%s", self.name, about, self.retry_s, exc)
            return self.retry_s
