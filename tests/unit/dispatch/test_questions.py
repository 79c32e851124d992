"""What counts as an answer to a question."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adminbot.chat.incoming import Incoming
from adminbot.dispatch.questions import Verdict, answered, is_in_time, word_for
from adminbot.store import Question
from adminbot.values.clock import now
from adminbot.values.ids import UserId

YOU = UserId("you", "example.org")


def asked(line: str = "deletebot nano", answer: str = "nano", **more: Any) -> Question:
    return Question(YOU, "!r", "$q", line, answer, now() + timedelta(minutes=2), **more)


def typed(body: str, megolm: str | None = None) -> Incoming:
    return Incoming("$e", "!r", str(YOU), "text", body, megolm=megolm)


def verdict(
    body: str, line: str | None, *questions: Question, megolm: str | None = None
) -> object:
    found = answered(typed(body, megolm), line, "bots.example", list(questions))
    return found and found[1]


@pytest.mark.parametrize(
    ("body", "line", "said"),
    [
        ("nano", None, Verdict.AGREED),
        (" Nano ", None, Verdict.AGREED),
        ("Nano.", None, Verdict.AGREED),
        ("`nano`", None, Verdict.AGREED),
        ("“nano”", None, Verdict.AGREED),
        ("@nano", None, Verdict.AGREED),
        ("@nano:bots.example", None, Verdict.AGREED),
        ("@nano:example.org", None, None),
        ("nanobot", None, None),
        ("not nano", None, None),
        ("yes", None, Verdict.UNCLEAR),
        ("OK!", None, Verdict.UNCLEAR),
        ("ja", None, Verdict.UNCLEAR),
        ("y", None, Verdict.UNCLEAR),
        ("✅", None, Verdict.UNCLEAR),
        ("no", None, Verdict.DECLINED),
        ("No.", None, Verdict.DECLINED),
        ("CANCEL", None, Verdict.DECLINED),
        ("❌", None, Verdict.DECLINED),
        ("!nano", "nano", None),
        ("!deletebot nano", "deletebot nano", None),
        ("what is that?", None, None),
    ],
)
def test_only_what_names_the_bot_confirms(body: str, line: str | None, said: object) -> None:
    assert verdict(body, line, asked()) is said
    assert verdict(body, line) is None


def test_a_command_that_is_its_own_word_may_be_typed_again() -> None:
    lockdown = asked("Lockdown", "lockdown")
    for body, line in (("!lockdown", "lockdown"), ("!LOCKDOWN", "LOCKDOWN"), ("lockdown", None)):
        assert verdict(body, line, lockdown) is Verdict.AGREED
    assert verdict("!ping", "ping", asked("deletebot ping", "ping")) is None


def test_a_word_finds_its_own_question() -> None:
    one, two = asked("revoke one", "one"), asked("revoke two", "two")
    for body, question in (("one", one), ("two", two)):
        assert answered(typed(body), None, "x", [one, two]) == (question, Verdict.AGREED)


@pytest.mark.parametrize(
    ("command", "answer", "said"),
    [
        ("K S 5", "K S 6", Verdict.AGREED),
        ("K S 5", "K S 5", Verdict.EARLIER),
        ("K S 5", "K S 4", Verdict.EARLIER),
        ("K S 9", "K S 10", Verdict.AGREED),
        ("K S 5", "K T 7", Verdict.EARLIER),
        ("K S 5", "L T 0", Verdict.AGREED),
        (None, "K S 0", Verdict.AGREED),
    ],
)
def test_an_answer_that_was_held_back_confirms_nothing(
    command: str | None, answer: str, said: Verdict
) -> None:
    assert verdict("nano", None, asked(megolm=command), megolm=answer) is said


@pytest.mark.parametrize("name", ["yes", "no", "ok", "ja", "n", "y", "cancel"])
def test_a_bot_that_is_called_like_an_answer_is_named_in_full(name: str) -> None:
    assert word_for(UserId(name, "example.org")) == f"@{name}:example.org"
    assert word_for(UserId("nano", "example.org")) == "nano"


@pytest.mark.parametrize(
    ("left", "is_open"), [(-1, False), (1, True), (119, True), (125, False), (3000, False)]
)
def test_two_minutes_are_two_minutes(left: int, is_open: bool) -> None:
    """By an earlier run's clock it may seem to have longer than it had."""
    question = Question(YOU, "!r", "$q", "x", "y", now() + timedelta(seconds=left))
    assert is_in_time(question) is is_open
    assert not is_in_time(Question(YOU, "!r", "$q", "x", "y", datetime(2020, 1, 1, tzinfo=UTC)))
