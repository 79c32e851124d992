"""Who sits at the shell, waiting for a verification to come to its end. No I/O."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adminbot.values.ids import UserId
from adminbot.verification.sas import ShortString

JSON = dict[str, Any]


class ConsoleSession:
    """Somebody at the shell, there for the verification with one person."""

    def __init__(self) -> None:
        self.updates: asyncio.Queue[JSON] = asyncio.Queue()

    def say(self, text: str) -> None:
        self.updates.put_nowait({"say": text})

    def show(self, shown: ShortString | None, transaction: str) -> None:
        """`of` comes back with the answer, so that it cannot be taken for another exchange's."""
        if shown:
            update = {"emoji": shown.emoji, "numbers": shown.numbers, "of": transaction}
            self.updates.put_nowait(update)

    def end(self, *, verified: bool, text: str) -> None:
        self.updates.put_nowait({"done" if verified else "failed": text})


class ConsoleSessions:
    """All of them, by the person that they are there for."""

    def __init__(self) -> None:
        self._taken: defaultdict[UserId, set[ConsoleSession]] = defaultdict(set)

    @contextmanager
    def take(self, user_id: UserId) -> Iterator[ConsoleSession]:
        seat = ConsoleSession()
        self._taken[user_id].add(seat)
        try:
            yield seat
        finally:
            self._taken[user_id].discard(seat)

    def __contains__(self, user_id: UserId) -> bool:
        return bool(self._taken.get(user_id))

    def at(self, user_id: UserId) -> list[ConsoleSession]:
        return list(self._taken.get(user_id, ()))
