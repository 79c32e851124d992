"""A message's meaning: a command, an answer to a question, a tap on a card or alarm, or nothing.

Local work only: the sender's next message, a brake included, waits for the result.
"""

from dataclasses import dataclass, replace

from adminbot.cards.text import SAVED
from adminbot.chat.incoming import PICTURE, REACTION, Incoming
from adminbot.dispatch.progress import DONE, FAILED
from adminbot.dispatch.questions import (
    LEFT,
    STOPPING,
    TOO_EARLY,
    TOO_LATE,
    Verdict,
    answered,
    how_to_confirm,
    is_in_time,
    left_for_now,
    not_long_ago,
    sent_picture,
    wants_picture,
    yes_or_no,
)
from adminbot.dispatch.router import Reply
from adminbot.dispatch.services import Services
from adminbot.dispatch.suggestions import is_suggestion, line_of, not_with_a_slash
from adminbot.jobs.silence_watch import MUTE
from adminbot.metrics import count
from adminbot.metrics.table import COMMANDS, UNKNOWN, Outcome
from adminbot.store import Question, Store, Watch
from adminbot.values.ids import UserId

_SAVED = SAVED.replace("\ufe0f", "")  # as `reaction_of` has it: clients differ in that sign


@dataclass(frozen=True, slots=True)
class Run:
    """Carry a command line out; `at_once`: without waiting for the sender's earlier commands."""

    incoming: Incoming
    line: str
    at_once: bool

    @property
    def asks_at_once(self) -> bool:
        """Whether the first part is local work: a brake asks, and needs the server afterwards."""
        return self.at_once and not self.incoming.confirmed


@dataclass(frozen=True, slots=True)
class Refuse:
    """Refuse in a form that also an untrusted device can read.

    `command`: the name of the command in `line`, if it would have changed something.
    """

    text: str
    line: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class CardTap:
    """Somebody may have tapped on a card."""


class Interpreter:
    """Finds out what to do about a message, and closes answered questions."""

    def __init__(self, services: Services, store: Store) -> None:
        self._router = services.router
        self._rules = services.rules
        self._server = services.accounts.registry.server
        self._store = store

    def may_be_for_us(self, room_id: str, sender: str) -> bool:
        """Whether an unreadable message may have been a command."""
        return self._rules.is_at_home(room_id, sender)

    async def meaning_of(self, incoming: Incoming) -> Run | Refuse | CardTap | Reply | None:
        """What to do about a message; None: the message is not for us."""
        if incoming.confirmed or incoming.chosen:
            return await self._allowed(incoming, incoming.body)
        asked = not_long_ago(await self._store.questions.of(UserId.parse(incoming.sender)))
        asked_here = [question for question in asked if question.room_id == incoming.room_id]
        if incoming.kind == REACTION:
            return await self._tapped(incoming, asked_here)
        if incoming.kind == PICTURE:
            return await self._pictured(incoming, asked_here)
        line = self._rules.line_in(incoming.body)
        if asked and line is not None and self._declines(line):
            return await self._cancelled(incoming, asked)
        if said := _said_to_offered(incoming, asked_here):
            return await self._typed(incoming, asked_here, asked_here[0], said)
        to_be_named = [
            question
            for question in asked_here
            if not is_suggestion(question.answer) and not wants_picture(question)
        ]
        if answer := answered(incoming, line, self._server, to_be_named):
            return await self._typed(incoming, to_be_named, *answer)
        return await (self._allowed(incoming, line) if line is not None else self._talk(incoming))

    async def _talk(self, incoming: Incoming) -> Refuse | Reply | None:
        """Talk is not for us, but for a command of ours with the slash of other programs."""
        line = self._rules.slash_line_in(incoming.body)
        command = self._router.find_in(line)
        if command is None or not self._rules.is_at_home(incoming.room_id, incoming.sender):
            return None
        refusal = self._why_not(incoming, line)
        return Refuse(refusal) if refusal else Reply(not_with_a_slash(line, command))

    async def _pictured(
        self, incoming: Incoming, questions: list[Question]
    ) -> Run | Refuse | Reply | None:
        """A picture with a command as its caption, or one that was asked for."""
        line = self._rules.line_in(incoming.body)
        if line is not None:
            return await self._allowed(incoming, line)
        found = sent_picture(incoming, questions)
        if found is None:
            return None
        question, is_later = found
        if refusal := self._why_not(incoming, question.line):
            return self._refused(refusal, question.line)
        return await self._agreed(incoming, question) if is_later else Reply(TOO_EARLY)

    def _declines(self, line: str) -> bool:
        """Whether the line is only a command which says no to every open question."""
        command = self._router.find(line)
        return command is not None and command.declines

    async def _allowed(self, incoming: Incoming, line: str) -> Run | Refuse:
        refusal = self._why_not(incoming, line)
        # What was begun was allowed then, and is finished.
        if refusal and await self._store.acts.find(incoming.event_id) is None:
            return self._refused(refusal, line)
        return self._run(incoming, line)

    def _refused(self, text: str, line: str) -> Refuse:
        command = self._router.find_in(line)
        count(COMMANDS, command.name if command else UNKNOWN, Outcome.REFUSED)
        return Refuse(text, line, command.name if command and command.is_audited else "")

    def _why_not(self, incoming: Incoming, line: str) -> str:
        command = self._router.find_in(line)
        before_verified = command is not None and command.before_verified
        return self._rules.why_not(incoming, before_verified=before_verified)

    def _run(self, incoming: Incoming, line: str) -> Run:
        command = self._router.find_in(line)
        return Run(incoming, line, at_once=command is not None and command.at_once)

    # -- answers to questions

    async def _tapped(
        self, incoming: Incoming, questions: list[Question]
    ) -> Run | Refuse | CardTap | Reply | None:
        """✅ or ❌ under a question, 🔕 under an alarm, or 🗑️ under a card (✅ does it, too)."""
        if incoming.body == MUTE:
            return await self._muted(incoming)
        asked = [q for q in questions if q.tap and q.event_id == incoming.relates_to]
        if not asked:
            return CardTap() if incoming.body in (_SAVED, DONE) else None
        if incoming.body not in (DONE, FAILED):
            return None
        refusal = self._rules.why_no_tap(incoming)
        if refusal:
            return self._refused(refusal, asked[0].line)
        if incoming.body == DONE:
            return await self._agreed(incoming, asked[0])
        if is_suggestion(asked[0].answer):
            return await self._close(incoming, asked, Reply(LEFT))
        # Anybody may have forged that: the word still counts.
        await self._store.questions.only_typed(asked[0])
        return await self._close(incoming, [], Reply(left_for_now(asked[0])))

    async def _muted(self, incoming: Incoming) -> Refuse | Reply | None:
        """🔕 under an alarm, by who was told: quiet for a day, and no longer, since anybody may
        have forged that.
        """
        sender = UserId.parse(incoming.sender)
        muted = await self._store.watches.alarmed_by(incoming.relates_to, sender)
        if not muted:
            return None
        if refusal := self._rules.why_no_tap(incoming):
            return Refuse(refusal)
        await self._store.watches.snooze(muted, incoming.age())
        return await self._close(incoming, [], Reply(_quiet(muted)))

    async def _typed(
        self, incoming: Incoming, questions: list[Question], question: Question, said: Verdict
    ) -> Run | Refuse | Reply:
        """A typed answer, also a no, counts only where the questioned command would count."""
        refusal = self._why_not(incoming, question.line)
        if refusal:
            return self._refused(refusal, question.line)
        if said is Verdict.AGREED:
            return await self._agreed(incoming, question)
        if said is Verdict.DECLINED:
            return await self._close(incoming, questions, Reply(LEFT))
        return Reply(TOO_EARLY if said is Verdict.EARLIER else how_to_confirm(questions))

    async def _cancelled(self, incoming: Incoming, questions: list[Question]) -> Refuse | Reply:
        """No to every open question; and what goes on for many accounts begins no further one."""
        if refusal := self._why_not(incoming, questions[0].line):
            return Refuse(refusal)
        stopped = await self._store.acts.stop(UserId.parse(incoming.sender))
        return await self._close(incoming, questions, Reply(STOPPING if stopped else LEFT))

    async def _agreed(self, incoming: Incoming, question: Question) -> Run | Reply:
        """Turn the answer into the questioned command, confirmed."""
        if not is_in_time(question):
            return await self._close(incoming, [question], Reply(TOO_LATE))
        allowed = replace(incoming, encrypted=True, trusted=True)
        if is_suggestion(question.answer):
            # A later question is about the line that was typed, and its answer comes after that.
            line = line_of(question.answer)
            confirmed = replace(allowed, body=line, chosen=True, megolm=question.megolm)
        else:
            line = question.line
            confirmed = replace(allowed, body=line, confirmed=question.answer)
        await self._store.inbox.settle(
            [question], event_id=incoming.event_id, content=confirmed.to_json(), reply=None
        )
        return self._run(confirmed, line)

    async def _close(self, incoming: Incoming, questions: list[Question], reply: Reply) -> Reply:
        await self._store.inbox.settle(
            questions,
            event_id=incoming.event_id,
            content=incoming.to_json(),
            reply=reply.to_json(),
        )
        return reply


def _quiet(muted: list[Watch]) -> str:
    name = muted[0].user_id.localpart
    which = f"`{name}`" if len(muted) == 1 else f"these {len(muted)}"
    return (
        f"🔕 Quiet about {which} for a day. I tell you again if it is silent then.\n"
        f"For good: `!watch {name} off`"
    )


def _said_to_offered(incoming: Incoming, asked: list[Question]) -> Verdict | None:
    """What a text says to the newest question, if that offers a line."""
    if not asked or not is_suggestion(asked[0].answer) or not is_in_time(asked[0]):
        return None
    said = yes_or_no(incoming)
    # A yes names nothing; but a tap is enough here, so the line can do no harm.
    return Verdict.AGREED if said is Verdict.UNCLEAR else said
