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

from adminbot.cards.delivery import SAVED, CardDelivery
from adminbot.chat import Chat
from adminbot.chat.incoming import REACTION, Incoming
from adminbot.dispatch.executor import Executor
from adminbot.dispatch.permission import unreadable, why_no_tap, why_not
from adminbot.dispatch.progress import DONE, FAILED, quietly
from adminbot.dispatch.questions import (
    Verdict,
    answered,
    how_to_confirm,
    is_in_time,
    not_long_ago,
    noted_as,
    time_to_confirm_ends,
)
from adminbot.dispatch.router import Reply, command_line
from adminbot.dispatch.turn import Turn
from adminbot.errors import AdminbotError, StateError
from adminbot.jobs.alarm import Alarm
from adminbot.jobs.background import Background
from adminbot.store import InboxMessage, Question, Store
from adminbot.trust.lockdown import Sparing
from adminbot.trust.pins import TrustPolicy
from adminbot.values import render
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

_TOO_LATE = (
    "That came too late: I wait two minutes for it. Nothing was changed. Type the command again."
)
_LEFT = "Left as it is. Nothing was changed."
_ALL_THE_SAME = " To do it all the same, type `{answer}`."
_TOO_EARLY = (
    "I cannot tell whether that was written after the command, so it confirms nothing. "
    "Nothing was changed. Type the command again."
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
        cards: CardDelivery,
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
        self._server = UserId.parse(chat.user_id).server
        self._alarm = alarm
        self._start = background.start
        self._sparing = Sparing()
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

    def take_up(self, letters: list[InboxMessage]) -> None:
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
        if not self._sparing.allows(sender, room_id):
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

    async def _as_noted(self, event_id: str) -> InboxMessage | None:
        """How far it had come, once that can be read and written again; None: it is answered."""
        while True:
            await asyncio.sleep(_STUCK_S)
            with suppress(StateError):
                await self._store.check_writable()
                return await self._store.inbox.find_unanswered(event_id)

    @staticmethod
    def _opened(letter: InboxMessage) -> tuple[Incoming, Reply | None]:
        reply = Reply.from_json(letter.reply) if letter.reply else None
        return Incoming.from_json(letter.content), reply

    async def _answer_now(self, incoming: Incoming, reply: Reply | None) -> None:
        if reply is not None:
            await self._give(incoming, reply)
            return
        async with self._reading[incoming.sender]:
            meant = await self._meant(incoming)
            if isinstance(meant, _Run) and self._executor.asks_at_once(meant.incoming, meant.line):
                # What it asks must be known before this person's next message is read.
                meant = await self._executor.decide(incoming, meant.line, Turn(None))
        match meant:
            case _Run(incoming, line):
                at_once = self._executor.is_at_once(line)
                async with Turn(None if at_once else self._turns[incoming.sender]) as turn:
                    reply = await self._executor.decide(incoming, line, turn)
                    await self._give(incoming, reply)
                return
            case Reply():
                await self._give(incoming, meant)
                return
            case _Refuse(text) if self._sparing.allows(incoming.sender, incoming.room_id):
                await self._tell(incoming.room_id, incoming.about, incoming.sender, text)
            case _CardTap():
                await self._cards.tapped(incoming.sender, incoming.relates_to)
        await self._store.inbox.answered(incoming.event_id)

    async def _meant(self, incoming: Incoming) -> _Run | _Refuse | _CardTap | Reply | None:
        """What is to be done about a message; None: it is not for us.

        Local work only: whatever this person sends next, a brake included, waits for it.
        """
        if incoming.confirmed:
            return await self._allowed(incoming, incoming.body)
        every = not_long_ago(await self._store.questions.of(UserId.parse(incoming.sender)))
        here = [question for question in every if question.room_id == incoming.room_id]
        if incoming.kind == REACTION:
            return await self._tapped(incoming, here)
        line = command_line(incoming.body, self._manners.prefix, self._manners.names)
        if line == "cancel" and every:
            return await self._typed(incoming, every, every[0], Verdict.DECLINED)
        if said := answered(incoming, line, self._server, here):
            return await self._typed(incoming, here, *said)
        return await self._allowed(incoming, line) if line is not None else None

    async def _allowed(self, incoming: Incoming, line: str) -> _Run | _Refuse:
        refusal = self._why_not(incoming, line)
        # What was begun was allowed then, and is finished.
        if refusal and await self._store.acts.find(incoming.event_id) is None:
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
        self, incoming: Incoming, questions: list[Question]
    ) -> _Run | _Refuse | _CardTap | Reply | None:
        """✅ or ❌ under a question that a tap may answer, ✅ under a card."""
        asked = [q for q in questions if q.tap and q.event_id == incoming.relates_to]
        if not asked:
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
        if incoming.body == DONE:
            return await self._agreed(incoming, asked[0])
        # Anybody may have forged that: the word still counts.
        await self._store.questions.only_typed(asked[0])
        left = _LEFT + _ALL_THE_SAME.format(answer=asked[0].answer)
        return await self._close(incoming, [], Reply(left))

    async def _typed(
        self, incoming: Incoming, questions: list[Question], question: Question, said: Verdict
    ) -> _Run | _Refuse | Reply:
        """A typed answer, also a no, counts only as the command would that it is about."""
        refusal = self._why_not(incoming, question.line)
        if refusal:
            return _Refuse(refusal)
        if said is Verdict.AGREED:
            return await self._agreed(incoming, question)
        if said is Verdict.DECLINED:
            return await self._close(incoming, questions, Reply(_LEFT))
        return Reply(_TOO_EARLY if said is Verdict.EARLIER else how_to_confirm(questions))

    async def _agreed(self, incoming: Incoming, question: Question) -> _Run | Reply:
        if not is_in_time(question):
            return await self._close(incoming, [question], Reply(_TOO_LATE))
        confirmed = replace(
            incoming, body=question.line, encrypted=True, trusted=True, confirmed=True
        )
        await self._store.inbox.settle(
            [question], event_id=incoming.event_id, content=confirmed.to_json(), reply=None
        )
        return _Run(confirmed, question.line)

    async def _close(self, incoming: Incoming, questions: list[Question], reply: Reply) -> Reply:
        await self._store.inbox.settle(
            questions,
            event_id=incoming.event_id,
            content=incoming.to_json(),
            reply=reply.to_json(),
        )
        return reply

    # -- saying it

    async def _give(self, incoming: Incoming, reply: Reply) -> None:
        content = render.notice(reply.text, reply_to=incoming.about)
        try:
            event_id = await self._chat.send(
                incoming.room_id, content, txn=f"reply-{incoming.event_id}"
            )
        except StateError:
            raise  # it stays decided, and is given once that can be done
        except AdminbotError as exc:
            log.warning("answer not given event=%s why=%s", incoming.event_id, exc)
            await self._store.questions.drop(noted_as(incoming))
            await self._store.inbox.answered(incoming.event_id)
            return
        if reply.ask:
            await self._store.questions.asked(noted_as(incoming), event_id, time_to_confirm_ends())
        await self._store.inbox.answered(incoming.event_id)
        if reply.tap:
            await self._put_marks(incoming.room_id, event_id)

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
