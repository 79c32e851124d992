"""Whose turn it is among one person's messages."""

import asyncio
from typing import Self


class Turn:
    """One person's commands begin one after the other; what takes longer gives its turn back.

    Without a lock there is no turn to wait for: a brake is carried out at once.
    """

    def __init__(self, lock: asyncio.Lock | None) -> None:
        self._lock = lock
        self._mine = False

    async def __aenter__(self) -> Self:
        if self._lock:
            await self._lock.acquire()
            self._mine = True
        return self

    def release(self) -> None:
        """Let the next message in; more than once is no harm."""
        if self._lock and self._mine:
            self._mine = False
            self._lock.release()

    async def __aexit__(self, *_: object) -> None:
        self.release()
