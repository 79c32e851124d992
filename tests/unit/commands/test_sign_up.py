"""Sign-up tokens, over tests/desk.py."""

from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.homeserver.values import SigningUp, SignUpToken
from adminbot.values.clock import now
from adminbot.values.secret import Secret
from tests.desk import YOU, Desk, a_desk, nowhere, until

pytestmark = pytest.mark.anyio


def token_on_card(desk: Desk) -> str:
    return desk.chat.secrets[-1].split("Token: ")[1].split("\n")[0]


async def test_a_token_is_on_the_card_and_nowhere_else(desk: Desk) -> None:
    answer = await desk.asks("!regtoken new --uses 3 --days 14")
    assert "✅ A sign-up token for 3 people, good for 14 d." in answer
    token = token_on_card(desk)
    [made] = desk.server.sign_up.values()
    assert (made.token.reveal(), made.uses_left) == (token, 3)
    assert made.until
    assert abs(made.until - now() - timedelta(days=14)) < timedelta(minutes=1)
    said = "\n".join(text for _, text in desk.chat.said)
    assert token not in said
    assert token not in await desk.asks("!regtoken list")
    assert token not in desk.chat.secrets[-2]
    assert await desk.store._db.all("SELECT * FROM sealed WHERE name LIKE 'act %'") == []


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (SigningUp.SHUT, "⚠️ Nobody can sign up on this server yet. In homeserver.yaml: enable"),
        (SigningUp.BY_ANYBODY, "⚠️ Anybody can sign up on this server, also without a token."),
        (SigningUp.UNKNOWN, "I could not see whether homeserver.yaml has enable_registration"),
        (SigningUp.BY_TOKEN, ""),
    ],
)
async def test_where_the_token_is_of_no_use_the_remedy_is_said(
    desk: Desk, who: SigningUp, said: str
) -> None:
    desk.server.signing = who
    answer = await desk.asks("!regtoken new")
    assert said in answer
    assert ("homeserver.yaml" in answer) == bool(said)


async def test_the_list_shows_beginnings(desk: Desk) -> None:
    assert "No sign-up token is good now" in await desk.asks("!regtoken list")
    desk.server.sign_up = {
        "abcdefgh": SignUpToken(Secret("abcdefgh"), 2, now() + timedelta(days=3, minutes=1)),
        "zyxwvuts": SignUpToken(Secret("zyxwvuts"), None, None),
    }
    answer = await desk.asks("!regtoken list")
    assert "• abcd… 2 uses left, for 3 d" in answer
    assert "• zyxw… any number of uses, for ever" in answer
    assert "abcde" not in answer


async def test_a_token_is_taken_back_after_its_beginning(desk: Desk) -> None:
    desk.server.sign_up = {it: SignUpToken(Secret(it), 1, None) for it in ("abcdefgh", "abcdxxxx")}
    assert "More than one sign-up token begins" in await desk.asks("!regtoken revoke abcd")
    assert "No sign-up token begins" in await desk.asks("!regtoken revoke zzzz")
    assert "Type the first 4 characters" in await desk.asks("!regtoken revoke abc")
    assert "Take the sign-up token abcd… back?" in await desk.asks("!regtoken revoke abcde")
    assert len(desk.server.sign_up) == 2
    assert "is taken back" in await desk.asks("abcd")
    assert list(desk.server.sign_up) == ["abcdxxxx"]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("", "needs a word: new, list or revoke"),
        ("make", "wants new, list or revoke, not “make”"),
        ("new x", "takes no token"),
        ("list x", "takes no token"),
        ("revoke", "needs a token"),
        ("list --uses 3", "takes no flag"),
        ("new --uses 0", "--uses is a number from 1 to 1000"),
        ("new --uses \u0663", "--uses is a number from 1 to 1000"),
        ("new --uses x", "--uses is a number from 1 to 1000"),
        ("new --days 9999", "--days is a number from 1 to 365"),
        ("new --days", "--days wants a value"),
    ],
)
async def test_what_cannot_be_meant(desk: Desk, typed: str, why: str) -> None:
    assert why in await desk.asks(f"!regtoken {typed}")
    assert not desk.server.sign_up
    assert not await desk.store.questions.of(YOU)


async def test_a_crash_leaves_one_token_and_its_card(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        server = desk.server
        server.hangs = lambda what: what == "make token"
        await desk.says("!regtoken new")
        await until(lambda: "make token" in server.asked)
        [row] = await desk.store._db.all("SELECT * FROM sealed WHERE name LIKE 'act %'")
        kept = desk.store._db.open(row["name"], row["blob"])
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        assert token_on_card(desk) == kept
    assert list(server.sign_up) == [kept]


@pytest.mark.parametrize("is_done", [False, True])
async def test_a_crash_while_a_token_is_taken_back(tmp_path: Path, is_done: bool) -> None:
    """The beginning is copied from the list, with its dots."""
    async with a_desk(tmp_path) as desk:
        server = desk.server
        server.sign_up = {"abcdefgh": SignUpToken(Secret("abcdefgh"), 1, None)}
        await desk.asks("!regtoken revoke abcd…")
        server.hangs = lambda what: what == "drop token"
        await desk.says("abcd")
        await until(lambda: "drop token" in server.asked)
    server.hangs = nowhere
    if is_done:
        server.sign_up.clear()
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        assert "is taken back" in desk.chat.said[-1][1]
    assert not server.sign_up


async def test_under_a_lockdown_tokens_are_listed_and_none_is_made_or_taken_back(
    desk: Desk,
) -> None:
    await desk.asks("!regtoken new")
    await desk.lockdown.lock(YOU)
    assert "Sign-up tokens (1)" in await desk.asks("!regtoken LIST")
    for line in ("!regtoken new", "!regtoken revoke abc", "!regtoken nosuchword"):
        assert "locked down" in await desk.asks(line)
