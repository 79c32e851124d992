"""What texts become on a screen, and that every error has a text for one."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from adminbot.accounts import operations  # noqa: F401  # their errors count, too
from adminbot.errors import (
    AccountGone,
    AdminbotError,
    ConfigError,
    ForeignIdentity,
    GatewayTimeout,
    HomeserverError,
    HomeserverUnreachable,
    MasNotSupported,
    NameTaken,
    NoPasswords,
    NotDeliverable,
    NotManaged,
    NotServerAdmin,
    Paused,
    Protected,
    RateLimited,
    ReplacedIdentity,
    SetupError,
    SlashUndone,
    StateError,
    Superseded,
    TokenRejected,
    TooLarge,
    UnknownCommand,
    UsageError,
)
from adminbot.values.ids import UserId
from adminbot.values.render import as_html, block, edit, notice, plain, ringing
from adminbot.values.text import format_duration

YOU = UserId("you", "example.org")


@pytest.mark.parametrize(
    ("text", "html", "body"),
    [
        ("hi", "hi", "hi"),
        ("a `b` c", "a <code>b</code> c", "a b c"),
        ("**a** b", "<b>a</b> b", "a b"),
        ("`a` **b** `c`", "<code>a</code> <b>b</b> <code>c</code>", "a b c"),
        ("a\nb", "a<br>b", "a\nb"),
        ("a\n\nb", "a<br><br>b", "a\n\nb"),
        ("• a\n• b", "<ul><li>a</li><li>b</li></ul>", "• a\n• b"),
        ("x\n• a\ny", "x<ul><li>a</li></ul>y", "x\n• a\ny"),
        ("<b>&</b>", "&lt;b&gt;&amp;&lt;/b&gt;", "<b>&</b>"),
        ("`<script>`", "<code>&lt;script&gt;</code>", "<script>"),
        ("• <li>", "<ul><li>&lt;li&gt;</li></ul>", "• <li>"),
        ("&lt;", "&amp;lt;", "&lt;"),
        ("a ` b", "a ` b", "a ` b"),
        ("`a\nb`", "`a<br>b`", "`a\nb`"),
        ("`` **", "`` **", "`` **"),
        ("", "", ""),
    ],
)
def test_a_text_is_shown_as_html_and_as_plain_words(text: str, html: str, body: str) -> None:
    assert as_html(text) == html
    assert plain(text) == body


@pytest.mark.parametrize(
    ("text", "html", "body"),
    [
        ("Type: `!x NAME`", "Type: <code>&lt;&amp;x NAME</code>", "Type: <&x NAME"),
        ("`!a`, `!b c`", "<code>&lt;&amp;a</code>, <code>&lt;&amp;b c</code>", "<&a, <&b c"),
        ("!x **!y** “!z”", "!x <b>!y</b> “!z”", "!x !y “!z”"),
        ("`a !b`", "<code>a !b</code>", "a !b"),
        ("`!x\ny`", "`!x<br>y`", "`!x\ny`"),
        ("`!QVbxXLIyGzmqjSEnaw:x.org`", "<code>!QVbxXLIyGzmqjSEnaw:x.org</code>", None),
        (f"`!{'Ab-_' * 10}123`", f"<code>!{'Ab-_' * 10}123</code>", None),
        ("`!leave x !QVbxXLIyGzmqjSEnaw:x.org`", None, "<&leave x !QVbxXLIyGzmqjSEnaw:x.org"),
    ],
)
def test_a_command_has_the_prefix_of_the_server_and_nothing_else_has(
    text: str, html: str | None, body: str | None
) -> None:
    """A room id begins with `!`, too."""
    content = notice(text).content("<&")
    assert content["formatted_body"] == html or html is None
    assert content["body"] == (body or text.replace("`", ""))


@pytest.mark.parametrize("text", ["`**x**`", "`a**b` and `c**d`", "`**`"])
def test_what_is_code_stays_as_it_is(text: str) -> None:
    """A token or password is shown letter by letter, whatever letters it has."""
    assert plain(text) == text.replace("`", "")
    assert "<b>" not in as_html(text)


def test_an_answer_rings_no_phone_and_replies() -> None:
    assert notice("a `b`", reply_to="$e").content("!") == {
        "msgtype": "m.notice",
        "body": "a b",
        "format": "org.matrix.custom.html",
        "formatted_body": "a <code>b</code>",
        "m.mentions": {},
        "m.relates_to": {"m.in_reply_to": {"event_id": "$e"}},
    }
    assert "m.relates_to" not in notice("a").content("!")


def test_who_is_alone_with_us_is_not_mentioned_and_others_are() -> None:
    """A private chat rings anyway, and a mention would paint the message like an alarm."""
    content = ringing("**new**").content("!")

    assert content["msgtype"] == "m.text"
    assert content["m.mentions"] == {}
    assert "m.relates_to" not in content
    assert ringing("x", YOU).content("!")["m.mentions"] == {"user_ids": ["@you:example.org"]}


def test_the_block_is_nothing_but_what_is_pasted() -> None:
    pasted = "A=`**<b>&\nB=2\n`!newbot`"

    content = block(pasted).content("?")
    assert content.pop("formatted_body") == (
        "<code>A=`**&lt;b&gt;&amp;</code><br><code>B=2</code><br><code>`!newbot`</code>"
    )
    assert content == {
        "msgtype": "m.text",
        "body": pasted,
        "format": "org.matrix.custom.html",
        "m.mentions": {},
    }
    assert "<br><br>" in block("a\n\nb").content("!")["formatted_body"], "an empty line stays"
    assert "<code>  b</code>" in block("a\n  b").content("!")["formatted_body"]


def test_no_empty_line_is_added_around_a_list_and_no_sign_stands_alone() -> None:
    assert as_html("a\n• b\n\nc") == "a<ul><li>b</li></ul>c"
    assert as_html("our chat 🔐") == "our chat\u00a0🔐"
    assert as_html("tap 🗑️.\nx ✅\n✅ y") == "tap 🗑️.<br>x\u00a0✅<br>✅ y"


def test_an_edit_replaces_a_message_and_rings_for_nobody() -> None:
    content = edit("$e", "gone: `!x`").content("?")

    assert content["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$e"}
    assert content["body"] == "* gone: ?x"
    assert content["m.new_content"]["formatted_body"] == "gone: <code>?x</code>"
    assert content["m.mentions"] == content["m.new_content"]["m.mentions"] == {}


# -- errors

ERRORS: dict[type[AdminbotError], AdminbotError] = {
    UnknownCommand: UnknownCommand("newbt", "newbot"),
    AdminbotError: AdminbotError("It is so.", "Do this."),
    UsageError: UsageError("It cannot be.", "Type: `!x`"),
    NameTaken: NameTaken(YOU, "you2"),
    NotManaged: NotManaged("you"),
    ConfigError: ConfigError("The settings are wrong.", "See there."),
    SetupError: SetupError("It cannot be used.", "Try this."),
    MasNotSupported: MasNotSupported(),
    StateError: StateError(),
    NotDeliverable: NotDeliverable("Somebody else is in the room."),
    ForeignIdentity: ForeignIdentity(YOU),
    ReplacedIdentity: ReplacedIdentity(YOU),
    Paused: Paused(YOU),
    NotServerAdmin: NotServerAdmin(),
    NoPasswords: NoPasswords(),
    SlashUndone: SlashUndone(404),
    GatewayTimeout: GatewayTimeout(),
    AccountGone: AccountGone(),
    Superseded: Superseded(YOU, "revoke"),
    HomeserverError: HomeserverError("Refused.", errcode="M_FORBIDDEN", status=403),
    Protected: Protected("@root:example.org"),
    RateLimited: RateLimited(timedelta(seconds=278)),
    TokenRejected: TokenRejected(),
    HomeserverUnreachable: HomeserverUnreachable("ReadTimeout"),
    TooLarge: TooLarge(10 * 2**20),
}


def kinds(of: type[AdminbotError] = AdminbotError) -> Iterator[type[AdminbotError]]:
    yield of
    for kind in of.__subclasses__():
        yield from kinds(kind)


def named(kind: object) -> str:
    return kind.__name__ if isinstance(kind, type) else ""


@pytest.mark.parametrize("kind", list(kinds()), ids=named)
def test_every_error_can_be_shown(kind: type[AdminbotError]) -> None:
    told = ERRORS[kind].message() if kind in ERRORS else kind("It is so.", "Do this.").message()

    assert str(ERRORS.get(kind, "It is so."))
    assert told[0].isupper() or told[0] in "@`" or told.startswith("you")
    assert told.endswith((".", "`", "?"))
    assert "None" not in told
    assert "\n" not in told
    content = notice(f"❌ {told}").content("!")
    assert "`" not in content["body"]
    assert json.dumps(content)


def test_a_wait_is_said_and_kept() -> None:
    error = RateLimited(timedelta(milliseconds=277_600))

    assert str(error) == "Synapse asks me to wait 4 min 38 s."
    assert error.retry_after == timedelta(seconds=278)
    assert RateLimited(timedelta(0)).retry_after == timedelta(seconds=1)


def test_a_taken_name_comes_with_another_one() -> None:
    told = NameTaken(YOU, "you2").message()

    assert told == "`@you:example.org` already exists. Nothing was changed. " + (
        "Pick another name: `!newbot you2`"
    )


@pytest.mark.parametrize("typed", ["x" * 60_000, "`a` **b**\n• c"])
def test_a_bot_that_is_not_ours_is_named_briefly_and_on_one_line(typed: str) -> None:
    told = NotManaged(typed).message()

    assert len(told) < 300
    assert "\n" not in told


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        *((0, "0 s"), (1, "1 s"), (59, "59 s"), (60, "1 min"), (278, "4 min 38 s"), (3600, "1 h")),
        *((3601, "1 h 1 s"), (7200, "2 h"), (90_061, "1 d 1 h"), (259_200, "3 d")),
    ],
)
def test_durations_are_said_in_two_units_at_most(seconds: int, said: str) -> None:
    assert format_duration(seconds) == said
