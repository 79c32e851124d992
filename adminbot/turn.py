"""Whose turn it is among one person's messages."""

import asyncio
from typing import Self


class Turn:
    """One person's messages are handled one after the other, unless one has to wait long."""

    def __init__(self, lock: asyncio.Lock) -> None:
        self._lock = lock
        self._mine = False

    async def __aenter__(self) -> Self:
        await self._lock.acquire()
        self._mine = True
        return self

    def release(self) -> None:
        """Let the next message in; more than once is no harm."""
        if self._mine:
            self._mine = False
            self._lock.release()

    async def __aexit__(self, *_: object) -> None:
        self.release()
