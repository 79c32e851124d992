"""Where a command counts: how people address the bot, and in which room."""

from types import SimpleNamespace
from typing import Any

import pytest

from adminbot.chat.incoming import TEXT, Incoming
from adminbot.config import Trust
from adminbot.dispatch.chat_rules import ChatRules, command_line
from adminbot.trust.pins import PinState

NAMES = ("adminbot", "@adminbot:example.org", "Server helper", "")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("!newbot x", "newbot x"),
        ("! newbot x", "newbot x"),
        ("!  newbot x", "newbot x"),
        ("  !newbot x \n", "newbot x"),
        ("!NEWBOT x", "NEWBOT x"),
        ("!\u00a0newbot x", "newbot x"),
        ("adminbot: newbot x", "newbot x"),
        ("Adminbot, newbot x", "newbot x"),
        ("adminbot :  !newbot x", "newbot x"),
        ("adminbot: ! newbot x", "newbot x"),
        ("@adminbot:example.org newbot x", "newbot x"),
        ("@adminbot:example.org: newbot x", "newbot x"),
        ("server helper: newbot x", "newbot x"),
        ("adminbot:\nnewbot x", "newbot x"),
        ("adminbot:", "help"),
        ("@adminbot:example.org", "help"),
        ("!nonsense", "nonsense"),
        ("!ñ", "ñ"),
        ("\u200b!ping", "ping"),
        ("\ufeff\u200f!\u200bpi\u00adng\u2069 na\u2060no", "ping nano"),
        ("！newbot x", "newbot x"),
        ("！　newbot　x", "newbot　x"),
        ("adminbot： ！newbot x", "newbot x"),
    ],
)
def test_every_way_people_address_the_bot(typed: str, line: str) -> None:
    assert command_line(typed, "!", NAMES) == line


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "!", "!!", "!!!", "! !", "!?", "!…", "!-", "hello", "say !ping", "newbot x"),
        *("adminbot", "adminbot is slow", "adminbots: ping", "my adminbot: ping", "!\n"),
        *("adminbot.example.org: up", "@adminbot:example.orgy ping", "/newbot x", "> !ping"),
        *("¡ping", "!!ping", "**!ping**", "adminbot\u200b ping"),
    ],
)
def test_talk_is_no_command(typed: str) -> None:
    assert command_line(typed, "!", NAMES) is None


@pytest.mark.parametrize("prefix", [".", "!!", "🤖", "->"])
def test_another_prefix_takes_the_place_of_the_first(prefix: str) -> None:
    assert command_line(f"{prefix}newbot x", prefix, NAMES) == "newbot x"
    assert command_line("!newbot x", prefix, NAMES) is None


def rules_of(*, may_act: bool = True) -> ChatRules:
    """In which `!dm` is the private chat of @you:x."""
    rooms = SimpleNamespace(is_own_dm=lambda *whose: whose == ("!dm", "@you:x"))
    chat: Any = SimpleNamespace(rooms=rooms)
    policy: Any = SimpleNamespace(
        mode=Trust.PINNED,
        standing=lambda user_id: PinState.AS_PINNED,
        may_receive=lambda user_id: may_act,
    )
    return ChatRules(chat, policy, admin_room="!admins", prefix="?", names=NAMES)


@pytest.mark.parametrize(
    ("room_id", "sender", "is_home"),
    [
        ("!admins", "@you:x", True),
        ("!admins", "@her:x", True),
        ("!dm", "@you:x", True),
        ("!dm", "@her:x", False),
        ("!elsewhere", "@you:x", False),
    ],
)
def test_commands_count_in_the_admin_room_and_in_ones_own_private_chat(
    room_id: str, sender: str, is_home: bool
) -> None:
    rules = rules_of()
    incoming = Incoming("$e", room_id, sender, TEXT, "?ping", encrypted=True, trusted=True)
    assert rules.is_at_home(room_id, sender) is is_home
    assert (rules.why_not(incoming, before_verified=False) == "") is is_home
    assert (rules.why_no_tap(incoming) == "") is is_home


def test_who_may_not_act_is_refused_at_home_too() -> None:
    rules = rules_of(may_act=False)
    incoming = Incoming("$e", "!dm", "@you:x", TEXT, "?ping", encrypted=True, trusted=True)
    assert rules.why_not(incoming, before_verified=False)
    assert rules.why_no_tap(incoming)


def test_a_prefix_is_taken_off_once() -> None:
    rules = rules_of()
    assert rules.line_in("?newbot x") == "newbot x"
    assert rules.line_in("!newbot x") is None
    assert [rules.without_prefix(word) for word in ("?help", "help", "??")] == [
        "help",
        "help",
        "?",
    ]
