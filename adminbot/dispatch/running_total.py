"""One message that says how far a long command is, edited as it goes: a decoration."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Self

from adminbot.chat.chat import Chat
from adminbot.chat.incoming import Incoming
from adminbot.errors import AdminbotError
from adminbot.values import render

_SILENT_S = 1.5  # what is over by then needs no such message
_EDIT_S = 1.0  # at most one edit in this time


class RunningTotal:
    """Says the newest text, at most once a second; nobody waits for that.

    After a crash the same message is edited: its transaction id is made of the command's event id.
    """

    def __init__(
        self,
        chat: Chat,
        incoming: Incoming,
        start: Callable[[Coroutine[None, None, None]], None],
    ) -> None:
        self._chat = chat
        self._incoming = incoming
        self._start = start
        self._text = ""
        self._changed = asyncio.Event()
        self._is_over = False
        self._event_id = ""

    def show(self, text: str) -> None:
        """Have this said next, in place of what was to be said."""
        self._text = text
        self._changed.set()

    async def __aenter__(self) -> Self:
        self._start(self._tell())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._is_over = True
        self._changed.set()

    async def _tell(self) -> None:
        said = ""
        await asyncio.sleep(_SILENT_S)
        if self._is_over:
            return
        while not self._is_over or said != self._text:
            await self._changed.wait()
            self._changed.clear()
            if said != self._text:
                said = self._text
                await self._say(said)
                await asyncio.sleep(_EDIT_S)

    async def _say(self, text: str) -> None:
        room_id, event_id = self._incoming.room_id, self._incoming.event_id
        try:
            if self._event_id:
                edit = render.new_notice(self._event_id, text)
                await self._chat.send(room_id, edit, txn=f"total-{secrets.token_hex(8)}")
            else:
                first = render.notice(text, reply_to=self._incoming.about)
                self._event_id = await self._chat.send(room_id, first, txn=f"total-{event_id}")
        except AdminbotError:  # what could not be said is said by the next edit, or by the answer
            return
