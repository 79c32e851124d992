"""What phones make of a command: the right act or a sentence, never silence or a traceback."""

import logging
from collections.abc import Callable

import pytest

from adminbot.commands import ROUTER
from adminbot.dispatch.chat_rules import command_line
from adminbot.dispatch.grammar import Args, split
from adminbot.dispatch.router import Command
from adminbot.errors import UsageError
from tests.desk import Desk
from tests.table.rows import ROWS

pytestmark = pytest.mark.anyio

COMMANDS = sorted(command.name for command in ROUTER.commands)
# What stands in braces in tests/table/rows.py.
WORDS = {
    "bot": "nano",
    "new": "fresh",
    "device": "NANO1",
    "person": "@mum:example.org",
    "room": "!abcdefghijkl:example.org",
    "open": "!abcdefghijkl:example.org",
    "shut": "!abcdefghijkl:example.org",
    "own": "adminbot",
    "admin": "@you:example.org",
    "root": "@root:example.org",
    "app": "curl",
}


def line_of(name: str) -> str:
    """A line that would do something."""
    line = ROWS[name].good
    for word, value in WORDS.items():
        line = line.replace(f"{{{word}}}", value)
    return line


def read(text: str) -> tuple[Command, Args]:
    line = command_line(text, "!", ("adminbot", "@adminbot:example.org"))
    assert line is not None, "not taken for a command"
    return ROUTER.resolve(line)


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def first(change: Callable[[str], str]) -> Callable[[str], str]:
    """A change to the command's own name alone."""

    def changed(line: str) -> str:
        name, *words = line.split(" ")
        return " ".join(["!" + change(name), *words])

    return changed


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": lambda line: f"!{line}",
    "a blank": lambda line: f"! {line}",
    "capitals": first(str.upper),
    "a capital": first(str.capitalize),
    "a full stop behind it": first(lambda name: f"{name}."),
    "an exclamation mark behind it": first(lambda name: f"{name}!"),
    "wide letters": first(wide),
    "a wide prefix": lambda line: f"！{line}",
    "blanks around it": lambda line: f"  !{line} \n\t ",
    "no-break spaces": lambda line: "!" + line.replace(" ", "\u00a0"),
    "wide spaces": lambda line: "!" + line.replace(" ", "\u3000"),
    "line breaks": lambda line: "!" + line.replace(" ", "\n"),
    "zero-width spaces": lambda line: (
        "\u200b!\u200b" + line.replace(" ", "\u200b \u200b") + "\u200b"
    ),
    "a byte order mark": lambda line: f"\ufeff!{line}",
    "marks of a right-to-left keyboard": lambda line: f"\u200f!{line}\u200e",
    "isolates of a pasted name": lambda line: "!" + line.replace(" ", " \u2068", 1) + "\u2069",
    "our name before it": lambda line: f"Adminbot: {line}",
    "our name and a wide colon": lambda line: f"adminbot： {line}",
    "our pill before it": lambda line: f"@adminbot:example.org {line}",
}


@pytest.mark.parametrize("how", SPELLINGS)
def test_a_command_is_the_same_however_a_phone_writes_it(how: str) -> None:
    for line in map(line_of, COMMANDS):
        assert read(SPELLINGS[how](line)) == ROUTER.resolve(line), line


FLAGS = [
    (
        command.name if declared.instead_of else line_of(command.name),
        flag,
        f"{flag} {'x' * bool(declared.value)}".strip(),
    )
    for command in ROUTER.commands
    for flag, declared in command.usage.flags.items()
]


@pytest.mark.parametrize("dash", ["--", "—", "–", "―", "——", "-", "‑‑", "－－", "−−", "‐"])
def test_a_flag_is_the_same_with_every_dash(dash: str) -> None:
    for line, flag, typed in FLAGS:
        plain = ROUTER.resolve(f"{line} --{typed}")
        assert flag in plain[1].flags, line
        assert read(f"!{line} {dash}{typed}") == plain, line
        assert read(f"!{line} {dash}{typed.capitalize()}")[1].flags.keys() == {flag}, line


@pytest.mark.parametrize("quotes", ["“”", "„“", "«»", "»«", "‟”", "＂＂", '""'])
def test_every_quote_holds_words_together(quotes: str) -> None:
    for line in map(line_of, COMMANDS):
        name, *words = line.split(" ")
        quoted = " ".join([name, *(f"{quotes[0]}{word}{quotes[1]}" for word in words)])
        assert read(f"!{quoted}") == ROUTER.resolve(line), line


@pytest.mark.parametrize("quote", "’‘‚‛＇'")
def test_every_apostrophe_is_one(quote: str) -> None:
    assert split(f"newbot bob Bob{quote}s") == ["newbot", "bob", "Bob's"]


@pytest.mark.parametrize(
    "line",
    ["newbot fresh -5 degrees", "newbot fresh - for the club", "newbot fresh well-known"],
)
def test_a_hyphen_is_a_flag_only_where_one_is_declared(line: str) -> None:
    assert ROUTER.resolve(line)[1]["Display name"] == line.removeprefix("newbot fresh ")
    with pytest.raises(UsageError, match="more than"):
        ROUTER.resolve("ping -x")


# -- over the desk: what is answered

ODD = {
    "an emoji behind it": "!{name} 🙏",
    "an emoji at it": "!{name}🙏",
    "an emoji of many": "!{name} 👨‍👩‍👧‍👦🏳️‍🌈",
    "10 kB of text": "!{name} " + "word " * 2000,
    "10 kB of a word": "!{name} " + "x" * 10_000,
    "10 kB of quotes": "!{name} " + '"' * 10_000,
    "10 kB of dashes": "!{name} " + "-" * 10_000,
    "10 kB behind it": "!{name}" + "x" * 10_000,
    "a right-to-left name": "!{name} بوت",
    "a right-to-left override": "!{name} na\u202eno",
    "three dots in one": "!{name} nano…",
    "wide digits": "!{name} ２",
    "control characters": "!{name} na\x00\x07\x1b[31mno",
    "half a character": "!{name} na\ud83dno",
    "a flag that is none": "!{name} —nosuchflag",
    "two commands": "!{name} nano\n!ping",
    "a slash": "/{name} nano",
    "a wide slash": "／{name} nano",
    "with a slip": "!{name}x nano",
}


@pytest.mark.parametrize("name", COMMANDS)
async def test_whatever_is_typed_is_answered_by_a_sentence(
    desk: Desk, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    for how, typed in ODD.items():
        answer = await desk.asks(typed.format(name=name).encode("utf-8", "replace").decode())
        assert answer.strip(), how
        assert "Something broke" not in answer, how
        assert not [record for record in caplog.records if record.levelno >= logging.ERROR], how
        assert not [c for c in answer if c in "\u202e\x00\x07\x1b"], how
        assert len(answer) < 2500, f"{how}: what was typed comes back whole"


TALK = ["{name} nano", "{Name} nano", "{Name}. nano", "¡{name}", "!!{name}"]


async def test_talk_is_not_answered(desk: Desk) -> None:
    """Also where a keyboard has left the prefix out: nobody could talk in that room."""
    for name in COMMANDS:
        for typed in TALK:
            await desk.says(typed.format(name=name, Name=name.capitalize()))
    await desk.settled()
    assert not desk.chat.said


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("/newbot fresh", "Type: !newbot fresh"),
        ("/NEWBOT fresh", "Type: !NEWBOT fresh"),
        ("/newbot " + "x" * 200, "Type: !newbot NAME [Display name]"),
        ("/help", "Type: !help"),
    ],
)
async def test_a_slash_is_told_to_be_none_of_ours(desk: Desk, typed: str, said: str) -> None:
    assert said in await desk.asks(typed)
    assert not desk.server.accounts


@pytest.mark.parametrize(
    "typed", ["/me waves", "/shrug", "/", "/ newbot fresh", "//newbot", "/newbotx"]
)
async def test_other_slashes_are_talk(desk: Desk, typed: str) -> None:
    await desk.says(typed)
    await desk.settled()
    assert not desk.chat.said


async def test_a_slash_elsewhere_is_somebody_elses(desk: Desk) -> None:
    await desk.says("/help", room_id="!elsewhere")
    await desk.settled()
    assert desk.chat.said + desk.chat.told == []


async def test_a_slash_from_an_untrusted_device_is_refused(desk: Desk) -> None:
    assert "so I did nothing" in await desk.asks("/newbot fresh", trusted=False)


@pytest.mark.parametrize(
    "second", ["!newbot b", "  ! newbot b", "adminbot: newbot b", "！newbot b"]
)
async def test_of_two_commands_in_a_message_neither_is_done(desk: Desk, second: str) -> None:
    """The first would take the second for its display name."""
    answer = await desk.asks(f"!newbot a\n{second}")
    assert "One command a message" in answer
    assert not desk.server.accounts


async def test_more_lines_are_words_like_others(desk: Desk) -> None:
    assert "✅" in await desk.asks("!newbot a\nMy assistant\n!!! really")


async def test_an_unseen_character_does_not_spoil_an_answer(desk: Desk) -> None:
    await desk.asks("!newbot nano")
    await desk.asks("!revoke nano")
    assert "signed out" in await desk.asks("\u200bnano\u2060…")
