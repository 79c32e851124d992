"""The mark under a command during and after the work: a decoration, never an answer."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Self

from adminbot.chat.chat import Chat
from adminbot.chat.incoming import Incoming
from adminbot.dispatch.turn import BLINK_S
from adminbot.errors import AdminbotError, StateError

log = logging.getLogger(__name__)

WORKING, DONE, FAILED = "⏳", "✅", "❌"


class Progress:
    """⏳ under a command longer than a blink, then ✅ or ❌ in place of ⏳ (or `always`)."""

    def __init__(
        self,
        chat: Chat,
        incoming: Incoming,
        start: Callable[[Coroutine[None, None, None]], None],
        *,
        always: bool,
    ) -> None:
        self._chat = chat
        self._incoming = incoming
        self._start = start
        self._always = always
        self._began = False
        self._mark = FAILED

    def succeeded(self, *, with_question: bool) -> None:
        """Put ✅ in the end; under a command with a question, no mark."""
        self._mark = "" if with_question else DONE

    async def __aenter__(self) -> Self:
        self._shown = asyncio.create_task(self._show())
        return self

    async def _show(self) -> str | None:
        await asyncio.sleep(BLINK_S)
        self._began = True
        return await quietly(self._react(WORKING))

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if not self._began:
            self._shown.cancel()
        if kind and (issubclass(kind, StateError) or not issubclass(kind, Exception)):
            return  # it is not over: it will be gone on with
        if self._began or self._always:
            self._start(self._replace())

    async def _replace(self) -> None:
        shown = await self._shown if self._began else None
        if self._mark:
            await quietly(self._react(self._mark))
        if shown:
            room_id = self._incoming.room_id
            await self._chat.redact(room_id, shown, reason=None, txn=f"unmark-{shown}")

    def _react(self, key: str) -> Coroutine[None, None, str]:
        event_id = self._incoming.about
        return self._chat.react(self._incoming.room_id, event_id, key, txn=f"{key}-{event_id}")


async def quietly(sending: Coroutine[None, None, str]) -> str | None:
    """Await a decoration: a failure is logged and nothing else."""
    try:
        return await sending
    except AdminbotError as exc:
        log.info("mark not placed why=%s", exc)
        return None
