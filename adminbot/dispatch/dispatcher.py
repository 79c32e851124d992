"""From an incoming message to exactly one answer, and the order in which messages are taken.

A message stays in the inbox until the answer is out. A crash therefore leads to one of: run the
command (nothing was begun), go on with the command (the act is noted), say the answer (the answer
is decided).

The meaning of a message is found in order of arrival, by local work only. Then a person's commands
begin one after the other, each as long as a blink. Brakes, and commands that need no server, wait
for no other command.
"""

import asyncio
import logging
from collections import defaultdict
from dataclasses import replace

from adminbot.cards.delivery import CardDelivery
from adminbot.chat.incoming import Incoming
from adminbot.dispatch.executor import Executor
from adminbot.dispatch.interpreter import CardTap, Interpreter, Refuse, Run
from adminbot.dispatch.permission import unreadable
from adminbot.dispatch.replies import Replies
from adminbot.dispatch.router import Reply
from adminbot.dispatch.stuck import StuckState
from adminbot.dispatch.turn import Turn
from adminbot.errors import StateError
from adminbot.jobs.background import Background
from adminbot.store import InboxMessage

log = logging.getLogger(__name__)


class Dispatcher:
    """Takes incoming messages and answers each once."""

    def __init__(
        self,
        interpreter: Interpreter,
        executor: Executor,
        replies: Replies,
        cards: CardDelivery,
        stuck: StuckState,
        background: Background,
    ) -> None:
        self._interpreter = interpreter
        self._executor = executor
        self._replies = replies
        self._cards = cards
        self._stuck = stuck
        self._start = background.start
        # By user id. `_reading` is held until the meaning of a message is known: no request.
        self._reading: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._held: list[Incoming] | None = []  # until `take_up`; then None

    # -- entrances

    def take(self, incoming: Incoming) -> None:
        """Called inside the sync loop: hand over and return."""
        if self._held is not None:
            self._held.append(incoming)
        else:
            self._start(self._answer(incoming, None))

    def take_up(self, messages: list[InboxMessage]) -> None:
        """After the first sync: go on with what an earlier run left unanswered, then the rest."""
        for message in messages:
            incoming, reply = _opened(message)
            log.info("taken up again event=%s decided=%s", incoming.event_id, bool(message.reply))
            incoming = replace(incoming, age_s=int(incoming.age().total_seconds()))
            self._start(self._answer(incoming, reply))
        held, self._held = self._held or [], None
        for incoming in held:
            self.take(incoming)

    def could_not_read(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        """Answer an admin's message whose key did not come, if it may have been a command."""
        if self._interpreter.may_be_for_us(room_id, sender):
            text = unreadable(sender, code)
            self._start(self._tell(room_id, event_id, sender, text))

    async def _tell(self, room_id: str, event_id: str, sender: str, text: str) -> None:
        await self._replies.tell(room_id, event_id, sender, text)

    # -- one message

    async def _answer(self, incoming: Incoming, reply: Reply | None) -> None:
        """Answer as soon as the answer can be noted; wait while our state cannot be written."""
        while True:
            try:
                await self._answer_now(incoming, reply)
            except StateError:
                message = await self._stuck.until_writable(incoming.event_id)
            else:
                return
            if message is None:
                return
            incoming, reply = _opened(message)

    async def _answer_now(self, incoming: Incoming, reply: Reply | None) -> None:
        """`reply`: the answer, if it is decided already."""
        if reply is not None:
            await self._replies.answer(incoming, reply)
            return
        async with self._reading[incoming.sender]:
            meaning = await self._interpreter.meaning_of(incoming)
            if isinstance(meaning, Run) and meaning.asks_at_once:
                # What it asks must be known before this person's next message is read.
                meaning = await self._executor.decide(incoming, meaning.line, Turn(None))
        await self._do(incoming, meaning)

    async def _do(
        self, incoming: Incoming, meaning: Run | Refuse | CardTap | Reply | None
    ) -> None:
        """What Interpreter.meaning_of returned; a Reply is decided already."""
        match meaning:
            case Run(confirmed, line, at_once):
                async with Turn(None if at_once else self._turns[incoming.sender]) as turn:
                    reply = await self._executor.decide(confirmed, line, turn)
                    await self._replies.answer(confirmed, reply)
                return
            case Reply():
                await self._replies.answer(incoming, meaning)
                return
            case Refuse(text, line, command):
                await self._replies.refuse(incoming, text, line, command)
            case CardTap():
                await self._cards.tapped(incoming.sender, incoming.relates_to)
        await self._replies.no_answer(incoming)


def _opened(message: InboxMessage) -> tuple[Incoming, Reply | None]:
    reply = Reply.from_json(message.reply) if message.reply else None
    return Incoming.from_json(message.content), reply
