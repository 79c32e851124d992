"""The order of one person's messages."""

import asyncio
from typing import Self

BLINK_S = 0.6  # an ordinary command is done by then


class Turn:
    """The turn of one message. `lock` belongs to the person; nobody else waits for it.

    A person's commands begin one after the other. After a blink the turn is given back, whatever
    has become of the command. Without a lock there is no turn to wait for: a brake is carried out
    at once.
    """

    def __init__(self, lock: asyncio.Lock | None) -> None:
        self._lock = lock
        self._mine = False

    async def __aenter__(self) -> Self:
        if self._lock:
            await self._lock.acquire()
            self._mine = True
            self._timer = asyncio.get_running_loop().call_later(BLINK_S, self.release)
        return self

    def release(self) -> None:
        """Let the next message in; more than once is no harm."""
        if self._lock and self._mine:
            self._mine = False
            self._timer.cancel()
            self._lock.release()

    async def __aexit__(self, *_: object) -> None:
        self.release()
