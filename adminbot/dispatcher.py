"""From an incoming message to exactly one answer: permission, parsing, the error boundary.

A message stays in the inbox until its answer is out, so a crash anywhere leads to one of:
run it (nothing was begun), go on with it (the act is noted), say the answer (it is decided).
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta

from adminbot import render
from adminbot.alarm import Alarm
from adminbot.background import Background
from adminbot.cards import SAVED, CardDesk
from adminbot.chat import Chat
from adminbot.chat.incoming import REACTION, TEXT, Incoming
from adminbot.clock import now, until
from adminbot.errors import AdminbotError, StateError
from adminbot.executor import Executor
from adminbot.ids import UserId
from adminbot.permission import unreadable, why_not
from adminbot.progress import DONE, FAILED, quietly
from adminbot.router import YES, Reply, command_line
from adminbot.store import Letter, Question, Store
from adminbot.trust import TrustPolicy
from adminbot.turn import Turn

log = logging.getLogger(__name__)

_TIME_TO_CONFIRM = timedelta(minutes=2)
_REMEMBERED = timedelta(hours=1)
_TOO_LATE = (
    "That came too late: I wait two minutes for it. Nothing was changed. Type the command again."
)
_STUCK_S = 3


@dataclass(frozen=True, slots=True)
class Manners:
    """How commands are addressed: the prefix, and the names people call the bot by."""

    prefix: str
    names: tuple[str, ...]


class Dispatcher:
    """Takes incoming messages, one at a time per person, and answers each once."""

    def __init__(
        self,
        *,
        chat: Chat,
        store: Store,
        policy: TrustPolicy,
        executor: Executor,
        cards: CardDesk,
        manners: Manners,
        admin_room: str,
        alarm: Alarm,
        background: Background,
    ) -> None:
        self._chat = chat
        self._store = store
        self._policy = policy
        self._executor = executor
        self._cards = cards
        self._manners = manners
        self._admin_room = admin_room
        self._alarm = alarm
        self._start = background.start
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._held: list[Incoming] | None = []  # until `take_up`; then None

    # -- entrances

    def take(self, incoming: Incoming) -> None:
        """Called inside the sync loop: hand over and return."""
        if self._held is not None:
            self._held.append(incoming)
        else:
            self._start(self._answer(incoming, None))

    def take_up(self, letters: list[Letter]) -> None:
        """After the first sync: go on with what an earlier run left unanswered, then the rest."""
        for letter in letters:
            incoming, reply = self._opened(letter)
            log.info("taken up again event=%s decided=%s", incoming.event_id, bool(letter.reply))
            incoming = replace(incoming, age_s=int(incoming.age().total_seconds()))
            self._start(self._answer(incoming, reply))
        held, self._held = self._held or [], None
        for incoming in held:
            self.take(incoming)

    def could_not_read(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        """An admin's message whose key did not come: say so, if it may have been for us."""
        if room_id != self._admin_room and not self._chat.is_own_dm(room_id, sender):
            return
        text = unreadable(sender, code)
        self._start(self._tell(room_id, event_id, sender, text))

    # -- one message

    async def _answer(self, incoming: Incoming, reply: Reply | None) -> None:
        """Once it can be noted: as long as our own state cannot be written, it waits."""
        async with Turn(self._turns[incoming.sender]) as turn:
            while True:
                try:
                    await self._answer_in_turn(incoming, reply, turn)
                    letter = None
                except StateError:
                    self._alarm.stuck(is_stuck=True)
                    letter = await self._as_noted(incoming.event_id)
                if letter is None:
                    return
                incoming, reply = self._opened(letter)

    async def _as_noted(self, event_id: str) -> Letter | None:
        """How far it had come, once that can be read and written again; None: it is answered."""
        while True:
            await asyncio.sleep(_STUCK_S)
            with suppress(StateError):
                await self._store.check_writable()
                return await self._store.find_unanswered(event_id)

    @staticmethod
    def _opened(letter: Letter) -> tuple[Incoming, Reply | None]:
        reply = Reply.from_json(letter.reply) if letter.reply else None
        return Incoming.from_json(letter.content), reply

    async def _answer_in_turn(self, incoming: Incoming, reply: Reply | None, turn: Turn) -> None:
        if reply is None:
            if incoming.kind == REACTION:
                await self._react_to(incoming, turn)
                return
            wanted = await self._wanted(incoming, turn)
            if wanted is None:
                await self._store.answered(incoming.event_id)
                return
            incoming, line = wanted
            at_home = incoming.room_id == self._admin_room or self._chat.is_own_dm(
                incoming.room_id, incoming.sender
            )
            standing = self._policy.standing(incoming.sender)
            prefix = self._manners.prefix
            refusal = why_not(
                incoming,
                line,
                prefix,
                at_home=at_home,
                standing=standing,
                may_act=self._policy.may_receive(incoming.sender),
            )
            # What was begun was allowed then, and is finished.
            if refusal and await self._store.find_act(incoming.event_id) is None:
                await self._tell(incoming.room_id, incoming.event_id, incoming.sender, refusal)
                await self._store.answered(incoming.event_id)
                return
            reply = await self._executor.decide(incoming, line, turn)
        await self._give(incoming, reply)

    async def _react_to(self, incoming: Incoming, turn: Turn) -> None:
        """✅ or ❌ under a question, ✅ under a card."""
        question = await self._question(incoming)
        asked = question and question.event_id == incoming.relates_to
        if question and asked and question.answer == YES and incoming.body in (DONE, FAILED):
            await self._settle(incoming, question, incoming.body == DONE, turn)
        else:
            if incoming.body == SAVED:
                await self._cards.tapped(incoming.sender, incoming.relates_to)
            await self._store.answered(incoming.event_id)

    async def _wanted(self, incoming: Incoming, turn: Turn) -> tuple[Incoming, str] | None:
        """The command line in a text, or None if it is not for us (or was settled here)."""
        if incoming.confirmed:
            return incoming, incoming.body
        line = command_line(incoming.body, self._manners.prefix, self._manners.names)
        question = await self._question(incoming)
        if question:
            said = incoming.body.strip().lower()
            agreed = said == question.answer.lower() or (
                question.answer == YES and said in ("y", "ja", "oui", "si", "ok", DONE)
            )
            if agreed and not incoming.trusted:
                return incoming, line or said
            if agreed or line == "cancel" or said in ("no", "n", "cancel", FAILED):
                await self._settle(incoming, question, agreed, turn)
                return None
        return (incoming, line) if line is not None else None

    async def _question(self, incoming: Incoming) -> Question | None:
        """What this person was asked in this room, if it was not long ago."""
        for question in await self._store.questions(UserId.parse(incoming.sender)):
            if question.room_id == incoming.room_id and question.expires_at > now() - _REMEMBERED:
                return question
        return None

    async def _settle(
        self, incoming: Incoming, question: Question, agreed: bool, turn: Turn
    ) -> None:
        """Carry out, or drop, what was asked. The answering event becomes the act's event."""
        # From a run before ours, with another clock, it may seem to have longer than it had.
        if agreed and not now() < question.expires_at <= until(_TIME_TO_CONFIRM):
            await self._store.settle(question, event_id=incoming.event_id, content=None)
            await self._give(incoming, Reply(_TOO_LATE))
            return
        confirmed = replace(
            incoming,
            kind=TEXT,
            body=question.line,
            encrypted=True,
            trusted=True,
            confirmed=True,
        )
        content = confirmed.to_json() if agreed else None
        await self._store.settle(question, event_id=incoming.event_id, content=content)
        if agreed:
            await self._give(
                confirmed, await self._executor.decide(confirmed, question.line, turn)
            )
        else:
            await self._give(incoming, Reply("Left as it is. Nothing was changed."))

    # -- saying it

    async def _give(self, incoming: Incoming, reply: Reply) -> None:
        content = render.notice(reply.text, reply_to=incoming.event_id)
        try:
            event_id = await self._chat.send(
                incoming.room_id, content, txn=f"reply-{incoming.event_id}"
            )
        except StateError:
            raise  # it stays decided, and is given once that can be done
        except AdminbotError as exc:
            log.warning("answer not given event=%s why=%s", incoming.event_id, exc)
        else:
            if reply.ask:
                await self._ask(incoming, reply, event_id)
        await self._store.answered(incoming.event_id)

    async def _ask(self, incoming: Incoming, reply: Reply, event_id: str) -> None:
        line = command_line(incoming.body, self._manners.prefix, self._manners.names)
        question = Question(
            asked_of=UserId.parse(incoming.sender),
            room_id=incoming.room_id,
            event_id=event_id,
            line=reply.line or line or "",
            answer=reply.ask,
            expires_at=until(_TIME_TO_CONFIRM),
        )
        await self._store.ask(question)
        if reply.ask == YES:
            for key in (DONE, FAILED):
                await quietly(
                    self._chat.react(incoming.room_id, event_id, key, txn=f"ask-{key}-{event_id}")
                )

    async def _tell(self, room_id: str, event_id: str, sender: str, text: str) -> None:
        """Say something harmless so that also an untrusted device can read it."""
        log.info("told event=%s sender=%s", event_id, sender)
        content = render.notice(text, reply_to=event_id)
        try:
            await self._chat.tell_untrusted(room_id, sender, content, txn=f"told-{event_id}")
        except StateError:
            raise
        except AdminbotError as exc:
            log.warning("not told event=%s why=%s", event_id, exc)
