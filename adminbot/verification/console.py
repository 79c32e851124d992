"""The sessions of `adminbot verify`: what is told to whoever is at the shell. No I/O."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adminbot.values.ids import UserId
from adminbot.verification import texts
from adminbot.verification.sas import ShortString

JSON = dict[str, Any]


class ConsoleSession:
    """A person at the shell, there for the verification with one admin.

    `updates`: what control.py sends to the shell, as its module docstring says.
    """

    def __init__(self) -> None:
        self.updates: asyncio.Queue[JSON] = asyncio.Queue()

    def say(self, text: str) -> None:
        self.updates.put_nowait({"say": text})

    def show(self, shown: ShortString | None, transaction: str) -> None:
        """Show the emoji. `of` comes back with the answer, which no other exchange may take."""
        if shown:
            update = {"emoji": shown.emoji, "numbers": shown.numbers, "of": transaction}
            self.updates.put_nowait(update)

    def end(self, *, verified: bool, text: str) -> None:
        self.updates.put_nowait({"done" if verified else "failed": text})


class ConsoleSessions:
    """The open sessions, by the admin who is to be verified."""

    def __init__(self) -> None:
        self._open: defaultdict[UserId, set[ConsoleSession]] = defaultdict(set)

    @contextmanager
    def open(self, user_id: UserId) -> Iterator[ConsoleSession]:
        session = ConsoleSession()
        self._open[user_id].add(session)
        try:
            yield session
        finally:
            self._open[user_id].discard(session)

    def __contains__(self, user_id: UserId) -> bool:
        return bool(self._open.get(user_id))

    def say(self, user_id: UserId, text: str) -> None:
        """Say a text in every session for this admin."""
        for session in self._of(user_id):
            session.say(texts.at_shell(text, user_id))

    def show(self, user_id: UserId, shown: ShortString | None, transaction: str) -> None:
        for session in self._of(user_id):
            session.show(shown, transaction)

    def verified(self, user_id: UserId) -> None:
        for session in self._of(user_id):
            session.end(verified=True, text=texts.at_shell(texts.DONE, user_id))

    def failed(self, user_id: UserId, why: str) -> None:
        for session in self._of(user_id):
            session.end(verified=False, text=texts.failed_at_shell(why, user_id))

    def _of(self, user_id: UserId) -> list[ConsoleSession]:
        return list(self._open.get(user_id, ()))
