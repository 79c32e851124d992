"""Questions put to people before something happens, and the answers to them.

A typed answer names the subject of the question, so that an answer held back by the homeserver
cannot confirm something else. An answer must have been encrypted after the questioned command. A
tap is clear text on the wire, and never does more than `Reply.tap` allows: see docs/security.md.
"""

import enum
from collections.abc import Iterable
from datetime import timedelta

from adminbot.chat.incoming import Incoming
from adminbot.dispatch.router import Confirm, Reply
from adminbot.store import Question
from adminbot.values.clock import now, until
from adminbot.values.ids import UserId
from adminbot.values.text import as_meant

_PICTURE = "the picture of "  # begins what a question is about that only a picture answers
_TIME_TO_CONFIRM, _IN_TIME = timedelta(minutes=2), "within 2 minutes"
TOO_LATE = (
    "That came too late: I wait two minutes for it. Nothing was changed. Type the command again."
)
TOO_EARLY = (
    "I cannot tell whether that was written after the command, so it confirms nothing. "
    "Nothing was changed. Type the command again."
)
LEFT = "Left as it is. Nothing was changed."
STOPPING = "✋ I begin no further one. What is under way is finished first."
_REMEMBERED = timedelta(hours=1)
_NO = ("no", "n", "cancel", "❌")
_YES = ("yes", "y", "ja", "oui", "si", "ok", "✅")  # names nothing, so it confirms nothing
_MANY = ("all",)  # what confirms a change to all bots
_QUOTES = " \t\n`'\"“”„‘’"
_ENDS = ".,!…" + _QUOTES  # what a phone's keyboard puts behind a word


class Verdict(enum.Enum):
    """What a typed text says to a question."""

    AGREED = enum.auto()
    DECLINED = enum.auto()
    UNCLEAR = enum.auto()
    EARLIER = enum.auto()  # written before the command that it would confirm


def word_for(user_id: UserId) -> str:
    """The word that confirms a change to an account.

    The localpart, unless the localpart reads as yes, no or all: then the user id.
    """
    is_taken = user_id.localpart in (*_NO, *_YES, *_MANY)
    return str(user_id) if is_taken else user_id.localpart


def wanted_picture(user_id: UserId) -> str:
    """What a question is about that wants a picture."""
    return f"{_PICTURE}{user_id}"


def wants_picture(question: Question) -> bool:
    return question.answer.startswith(_PICTURE)


def sent_picture(
    incoming: Incoming, questions: Iterable[Question]
) -> tuple[Question, bool] | None:
    """The question that a picture answers, and whether the picture came after the command."""
    wanted = next(filter(wants_picture, questions), None)
    return (wanted, _is_later(incoming.megolm, wanted.megolm)) if wanted else None


def question_about(about: str, text: str, confirm: Confirm, if_so: str) -> Reply:
    """A question, and how to answer by the command's declaration."""
    word = _last_word(about)
    match confirm:
        case Confirm.TAP:
            how = f"Tap ✅ or answer `{word}` {_IN_TIME}."
        case Confirm.PICTURE:
            how = f"Send it {_IN_TIME}, or type the same as a reply to it."
        case Confirm.KEYS:
            how = f"{if_so}, answer with their last block {_IN_TIME}."
        case Confirm.NAME | Confirm.COMMAND | Confirm.ALL | Confirm.BEGINNING:
            how = f"{if_so}, answer {_IN_TIME}: `{word}`"
        case Confirm.NOTHING:
            raise AssertionError("a command that asks declares how it is confirmed")
    return Reply(f"{text}\n{how}", ask=about, tap=confirm is Confirm.TAP)


def _last_word(about: str) -> str:
    return about.rsplit(" ", 1)[-1]


def question_of(incoming: Incoming, line: str, reply: Reply) -> Question | None:
    """The question in a reply, before the reply is sent; None for a reply without question."""
    if not reply.ask:
        return None
    return Question(
        asked_of=UserId.parse(incoming.sender),
        room_id=incoming.room_id,
        event_id=noted_as(incoming),
        line=line,
        answer=reply.ask,
        expires_at=until(_TIME_TO_CONFIRM),
        tap=reply.tap,
        megolm=incoming.megolm,
    )


def noted_as(incoming: Incoming) -> str:
    """The stand-in for a question's event id until the event id is known."""
    return f"about {incoming.event_id}"


def time_to_confirm_ends() -> str:
    return until(_TIME_TO_CONFIRM).isoformat()


def not_long_ago(questions: Iterable[Question]) -> list[Question]:
    """The questions that a late answer may still mean, the newest first."""
    recent = [question for question in questions if question.expires_at > now() - _REMEMBERED]
    return sorted(recent, key=lambda question: question.expires_at, reverse=True)


def answered(
    incoming: Incoming, line: str | None, server: str, questions: list[Question]
) -> tuple[Question, Verdict] | None:
    """The open question answered by a text, and how; None: the text is no answer.

    Args:
        line: the command line in the text, if the text is addressed to us as a command.
        server: the bots' server name, the end of a user id given as an answer.
    """
    said = _bare(incoming.body)
    for question in questions:
        if _names(said, line, server, question):
            is_later = _is_later(incoming.megolm, question.megolm)
            return question, Verdict.AGREED if is_later else Verdict.EARLIER
    verdict = yes_or_no(incoming)
    return (questions[0], verdict) if questions and verdict else None


def yes_or_no(incoming: Incoming) -> Verdict | None:
    """What a text says that names nothing: no is DECLINED, yes UNCLEAR, all else None."""
    said = _bare(incoming.body)
    if said in _NO or incoming.body.strip() in _NO:
        return Verdict.DECLINED
    return Verdict.UNCLEAR if said in _YES else None


def _bare(text: str) -> str:
    return as_meant(text).strip(_QUOTES).rstrip(_ENDS).casefold()


def _names(said: str, line: str | None, server: str, question: Question) -> bool:
    answer = _bare(_last_word(question.answer))
    if said == answer:
        return True
    if answer not in _MANY and said in (f"@{answer}", f"@{answer}:{server}"):
        return True
    # `!lockdown` is its own word: who types the command again means it.
    return line is not None and _bare(line) == _bare(question.line) == answer


def _is_later(answer: str | None, command: str | None) -> bool:
    """Whether an answer was encrypted after the command; for two devices nobody can tell.

    A device has one outbound megolm session in a room at a time, so another session of the same
    device may be an older session.
    """
    if answer is None or command is None:
        return True
    key, session, index = answer.split(" ")
    key_then, session_then, index_then = command.split(" ")
    return key != key_then or (session == session_then and int(index) > int(index_then))


def is_in_time(question: Question) -> bool:
    """Whether the two minutes are not over.

    A question from a run with another clock may seem to have more time: then they are over, too.
    """
    return now() < question.expires_at <= until(_TIME_TO_CONFIRM)


def how_to_confirm(questions: list[Question]) -> str:
    words = " or ".join(f"`{_last_word(question.answer)}`" for question in questions)
    tap = ", or tap ✅ under the question" if any(question.tap for question in questions) else ""
    return f"That names nothing. To confirm, answer {words}{tap}. Nothing was changed."


def left_for_now(question: Question) -> str:
    """The answer to a tap on ❌, after which the typed word still counts."""
    return f"{LEFT} To do it all the same, type `{_last_word(question.answer)}`."
