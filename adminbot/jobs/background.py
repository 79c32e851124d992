"""Work that nobody waits for: what fails is logged and ends nothing else."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine
from typing import TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")


async def guarded(work: Awaitable[T], what: str, *, otherwise: T) -> T:
    """The result of some work, or `otherwise` where the work fails. `what`: a name for the log."""
    try:
        return await work
    except Exception:  # a bug, in whatever it was: what runs beside it must go on
        log.exception("%s failed", what)
        return otherwise


class Background:
    """Starts work in a task group, guarded."""

    def __init__(self, tasks: asyncio.TaskGroup) -> None:
        self._tasks = tasks

    def start(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.create_task(guarded(work, "background work", otherwise=None))
