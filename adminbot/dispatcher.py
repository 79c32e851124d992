"""From an incoming message to exactly one answer: permission, questions, who waits for whom.

A message stays in the inbox until its answer is out, so a crash anywhere leads to one of:
run it (nothing was begun), go on with it (the act is noted), say the answer (it is decided).

What a message means is seen in order of arrival, by local work only. Then a person's commands
begin one after the other, each as long as a blink; brakes, and what needs no server, wait for
none of them.
"""

import asyncio
import logging
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, replace

from adminbot import render
from adminbot.alarm import Alarm
from adminbot.background import Background
from adminbot.cards import SAVED, CardDesk
from adminbot.chat import Chat
from adminbot.chat.incoming import REACTION, Incoming
from adminbot.errors import AdminbotError, StateError
from adminbot.executor import Executor
from adminbot.permission import unreadable, why_no_tap, why_not
from adminbot.progress import DONE, FAILED, quietly
from adminbot.questions import Questions, Verdict, how_to_confirm, is_in_time, verdict
from adminbot.router import Reply, command_line
from adminbot.store import Letter, Question, Store
from adminbot.trust import TrustPolicy
from adminbot.turn import Turn

log = logging.getLogger(__name__)

_TOO_LATE = (
    "That came too late: I wait two minutes for it. Nothing was changed. Type the command again."
)
_LEFT = "Left as it is. Nothing was changed."
_TOO_EARLY = (
    "That was written before I asked, so it confirms nothing. Nothing was changed. To confirm, "
    "answer `{answer}` once more."
)
_STUCK_S = 3


@dataclass(frozen=True, slots=True)
class Manners:
    """How commands are addressed: the prefix, and the names people call the bot by."""

    prefix: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Run:
    """Carry this command line out."""

    incoming: Incoming
    line: str


@dataclass(frozen=True, slots=True)
class _Refuse:
    """Say this so that an untrusted device can read it, too."""

    text: str


@dataclass(frozen=True, slots=True)
class _CardTap:
    """Somebody may have tapped on a card."""


class Dispatcher:
    """Takes incoming messages and answers each once."""

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
        self._questions = Questions(store)
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
        while True:
            try:
                await self._answer_now(incoming, reply)
            except StateError:
                self._alarm.stuck(is_stuck=True)
                letter = await self._as_noted(incoming.event_id)
            else:
                return
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

    async def _answer_now(self, incoming: Incoming, reply: Reply | None) -> None:
        if reply is not None:
            await self._give(incoming, reply)
            return
        async with self._reading[incoming.sender]:
            meant = await self._meant(incoming)
        match meant:
            case _Run(incoming, line):
                at_once = self._executor.is_at_once(line)
                async with Turn(None if at_once else self._turns[incoming.sender]) as turn:
                    reply = await self._executor.decide(incoming, line, turn)
                    await self._give(incoming, reply, line)
                return
            case Reply():
                await self._give(incoming, meant)
                return
            case _Refuse(text):
                await self._tell(incoming.room_id, incoming.about, incoming.sender, text)
            case _CardTap():
                await self._cards.tapped(incoming.sender, incoming.relates_to)
        await self._store.answered(incoming.event_id)

    async def _meant(self, incoming: Incoming) -> _Run | _Refuse | _CardTap | Reply | None:
        """What is to be done about a message; None: it is not for us.

        Local work only: whatever this person sends next, a brake included, waits for it.
        """
        if incoming.confirmed:
            return await self._allowed(incoming, incoming.body)
        question = await self._questions.find(incoming.sender, incoming.room_id)
        if incoming.kind == REACTION:
            return await self._tapped(incoming, question)
        line = command_line(incoming.body, self._manners.prefix, self._manners.names)
        said = verdict(incoming, line, question) if question else None
        if question and said:
            return await self._typed(incoming, line, question, said)
        return await self._allowed(incoming, line) if line is not None else None

    async def _allowed(self, incoming: Incoming, line: str) -> _Run | _Refuse:
        refusal = self._why_not(incoming, line)
        # What was begun was allowed then, and is finished.
        if refusal and await self._store.find_act(incoming.event_id) is None:
            return _Refuse(refusal)
        return _Run(incoming, line)

    def _why_not(self, incoming: Incoming, line: str) -> str:
        return why_not(
            incoming,
            line,
            self._manners.prefix,
            at_home=self._is_at_home(incoming),
            standing=self._policy.standing(incoming.sender),
            may_act=self._policy.may_receive(incoming.sender),
        )

    def _is_at_home(self, incoming: Incoming) -> bool:
        return incoming.room_id == self._admin_room or self._chat.is_own_dm(
            incoming.room_id, incoming.sender
        )

    # -- answers to questions

    async def _tapped(
        self, incoming: Incoming, question: Question | None
    ) -> _Run | _Refuse | _CardTap | Reply | None:
        """✅ or ❌ under a question that a tap may answer, ✅ under a card."""
        if not (question and question.tap and question.event_id == incoming.relates_to):
            return _CardTap() if incoming.body == SAVED else None
        if incoming.body not in (DONE, FAILED):
            return None
        refusal = why_no_tap(
            incoming.sender,
            self._manners.prefix,
            at_home=self._is_at_home(incoming),
            standing=self._policy.standing(incoming.sender),
            may_act=self._policy.may_receive(incoming.sender),
        )
        if refusal:
            return _Refuse(refusal)
        return await self._settle(incoming, question, agreed=incoming.body == DONE)

    async def _typed(
        self, incoming: Incoming, line: str | None, question: Question, said: Verdict
    ) -> _Run | _Refuse | Reply:
        """A typed answer, also a no, counts only as a command would."""
        refusal = self._why_not(incoming, line or incoming.body)
        if refusal:
            return _Refuse(refusal)
        if said is Verdict.EARLIER:
            return Reply(_TOO_EARLY.format(answer=question.answer))
        if said is Verdict.UNCLEAR:
            return Reply(how_to_confirm(question))
        return await self._settle(incoming, question, agreed=said is Verdict.AGREED)

    async def _settle(
        self, incoming: Incoming, question: Question, *, agreed: bool
    ) -> _Run | Reply:
        """Close the question. After a yes the answering event is the act's event."""
        outcome: Incoming | Reply
        if not agreed:
            outcome = Reply(_LEFT)
        elif not is_in_time(question):
            outcome = Reply(_TOO_LATE)
        else:
            outcome = replace(
                incoming, body=question.line, encrypted=True, trusted=True, confirmed=True
            )
        await self._questions.close(question, incoming, outcome)
        return outcome if isinstance(outcome, Reply) else _Run(outcome, question.line)

    # -- saying it

    async def _give(self, incoming: Incoming, reply: Reply, line: str | None = None) -> None:
        """Say the answer. `line`: the command line that it answers."""
        if reply.ask:
            line = line or command_line(incoming.body, self._manners.prefix, self._manners.names)
            question = await self._questions.ask(incoming, line or "", reply)
        content = render.notice(reply.text, reply_to=incoming.about)
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
                await self._questions.sent(question, event_id)
            if reply.tap:
                await self._put_marks(incoming.room_id, event_id)
        await self._store.answered(incoming.event_id)

    async def _put_marks(self, room_id: str, event_id: str) -> None:
        for key in (DONE, FAILED):
            txn = f"ask-{key}-{event_id}"
            await quietly(self._chat.react(room_id, event_id, key, txn=txn))

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
