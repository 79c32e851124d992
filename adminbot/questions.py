"""What people are asked before something happens, and what counts as their answer.

A typed answer names what it confirms, so that one which the homeserver held back cannot confirm
something else; and it must have been encrypted after the command that it is about. A tap is clear
text on the wire: it never does more than `Reply.tap` allows, see docs/security.md.
"""

import enum
from dataclasses import replace
from datetime import timedelta

from adminbot.chat.incoming import Incoming
from adminbot.clock import now, until
from adminbot.ids import UserId
from adminbot.progress import DONE, FAILED
from adminbot.router import Reply
from adminbot.store import Question, Store

_TIME_TO_CONFIRM = timedelta(minutes=2)
_REMEMBERED = timedelta(hours=1)
_NO = ("no", "n", "cancel", FAILED)
_YES = ("yes", "y", "ja", "oui", "si", "ok", DONE)  # names nothing, so it confirms nothing


class Verdict(enum.Enum):
    """What a typed text says to a question."""

    AGREED = enum.auto()
    DECLINED = enum.auto()
    UNCLEAR = enum.auto()
    EARLIER = enum.auto()  # written before the question was asked for


def word_for(user_id: UserId) -> str:
    """What confirms something about an account: its name, unless that says yes or no."""
    is_taken = user_id.localpart in (*_NO, *_YES)
    return str(user_id) if is_taken else user_id.localpart


def verdict(incoming: Incoming, line: str | None, question: Question) -> Verdict | None:
    """What a text says to a question; None: the text is no answer.

    Args:
        line: the command line in the text, if it is addressed to us as a command.
    """
    said = incoming.body.strip().casefold()
    # `!lockdown` is its own word: who types the command again means it.
    again = line is not None and line == question.line == question.answer
    if again or said == question.answer.casefold():
        is_later = _is_later(incoming.megolm, question.megolm)
        return Verdict.AGREED if is_later else Verdict.EARLIER
    if line == "cancel" or said in _NO:
        return Verdict.DECLINED
    return Verdict.UNCLEAR if said in _YES else None


def _is_later(answer: str | None, command: str | None) -> bool:
    """Whether an answer was encrypted after the command; between two sessions nobody can tell."""
    if answer is None or command is None:
        return True
    *session, index = answer.split(" ")
    *session_of_command, index_of_command = command.split(" ")
    return session != session_of_command or int(index) > int(index_of_command)


def is_in_time(question: Question) -> bool:
    """Asked by an earlier run with another clock, it may seem to have longer than it had."""
    return now() < question.expires_at <= until(_TIME_TO_CONFIRM)


def how_to_confirm(question: Question) -> str:
    tap = " or tap ✅ under it" if question.tap else ""
    return f"That names nothing. To confirm, answer `{question.answer}`{tap}. Nothing was changed."


class Questions:
    """The open questions: at most one for each person and room."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def find(self, sender: str, room_id: str) -> Question | None:
        """What this person was asked in this room, if it was not long ago."""
        for question in await self._store.questions(UserId.parse(sender)):
            if question.room_id == room_id and question.expires_at > now() - _REMEMBERED:
                return question
        return None

    async def ask(self, incoming: Incoming, line: str, reply: Reply) -> Question:
        """Remember the question before it is sent: a quick answer must find it."""
        question = Question(
            asked_of=UserId.parse(incoming.sender),
            room_id=incoming.room_id,
            event_id=f"about {incoming.event_id}",
            line=reply.line or line,
            answer=reply.ask,
            expires_at=until(_TIME_TO_CONFIRM),
            tap=reply.tap,
            megolm=incoming.megolm,
        )
        await self._store.ask(question)
        return question

    async def sent(self, question: Question, event_id: str) -> None:
        """The question is out under this event id: a tap finds it, and the two minutes begin."""
        asked = replace(question, event_id=event_id, expires_at=until(_TIME_TO_CONFIRM))
        await self._store.asked(question.event_id, asked)

    async def close(
        self, question: Question, incoming: Incoming, outcome: Incoming | Reply
    ) -> None:
        """The question is answered: by what is carried out now, or by what is said."""
        is_reply = isinstance(outcome, Reply)
        await self._store.settle(
            question,
            event_id=incoming.event_id,
            content=(incoming if is_reply else outcome).to_json(),
            reply=outcome.to_json() if is_reply else None,
        )
