"""With another ADMINBOT_PREFIX no text speaks of `!commands`; nobody's own words are changed."""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from adminbot.commands import ROUTER
from adminbot.dispatch.permission import unreadable
from adminbot.jobs.alarm import Alarm
from adminbot.trust.admins import LeftOut
from adminbot.trust.pins import PinState
from adminbot.values.render import notice
from tests import ROOT
from tests.desk import NANO, OTHER, YOU, Desk, a_desk, signed_keys, token_of

pytestmark = pytest.mark.anyio

_NAMES = "|".join(command.name for command in ROUTER.commands)
CALLED = re.compile(rf"(?<!\w)!(?:{_NAMES})\b")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Where commands begin with `?`. Whatever was said by the end of a test is looked through."""
    async with a_desk(tmp_path, prefix="?") as made:
        yield made
        assert made.chat.contents
        for content in made.chat.contents:
            assert "<code>!" not in content.get("formatted_body", "")
            assert not CALLED.search(content["body"]), content["body"]


async def test_answers_questions_and_cards(desk: Desk) -> None:
    assert "Make one: ?newbot nanobot" in await desk.asks("?bots")
    await token_of(desk, "?newbot nano")
    desk.server.keys = {"NANO2": signed_keys("NANO2")}
    desk.server.accounts[NANO].devices["NANO2"] = {"syt_other"}
    for line in ("?bots", "?bot nano", "?devices nano", "?trust nano NANO2", "?whoami", "?verify"):
        assert "❌" not in await desk.asks(line)
    await desk.asks("?revoke nano")
    assert "Let it in again: ?rotate nano" in await desk.asks("nano")
    await desk.asks("?deletebot nano")
    await desk.asks("?lockdown")
    for word in ("yes", "no", "?cancel"):
        await desk.asks(word)


async def test_help(desk: Desk) -> None:
    overview = await desk.asks("?help")
    for command in ROUTER.commands:
        assert command.name in overview
        assert f"?{command.name}" in await desk.asks(f"?help {command.name}")
        assert f"?{command.name}" in await desk.asks(f"?help ?{command.name}")


@pytest.mark.parametrize(
    "line",
    [
        *("?newbt x", "?xyzzy", "?newbot", "?newbot a --x", "?newbot a --device", "?ping x"),
        *("?help nonsense", "?newbot 1", "?newbot @x:elsewhere.org", "?rotate nobody"),
        *(
            "?rotate adminbot",
            "?trust adminbot",
            "?trust nano NOWHERE",
            "?deletebot nano --me-too",
        ),
    ],
)
async def test_what_cannot_be_used(desk: Desk, line: str) -> None:
    await token_of(desk, "?newbot nano")
    answer = await desk.asks(line)
    assert answer.startswith("❌")


async def test_a_rotation_that_waits_and_what_it_gives_way_to(desk: Desk) -> None:
    await token_of(desk, "?newbot nano")
    desk.server.logins_left = 0
    rotate = await desk.says("?rotate nano")
    [said] = await desk.chat.answers(rotate)
    assert "its old token works; ?revoke nano ends that now" in said
    assert "?revoke nano ends its old token now" in await desk.asks("?rotate nano")
    await desk.asks("?revoke nano")
    await desk.asks("nano")
    assert "Meanwhile ?revoke of" in (await desk.chat.answers(rotate, 2))[1]


async def test_a_bug_and_a_server_that_fails(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await token_of(desk, "?newbot nano")
    del desk.server.accounts[NANO]
    assert "?deletebot nano" in await desk.asks("?bot nano")

    async def broken(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(desk.services.accounts.registry, "worst_first", broken)
    assert "See what is there: ?bots" in await desk.asks("?bots")


@pytest.mark.parametrize("state", list(PinState))
async def test_refusals(desk: Desk, state: PinState) -> None:
    desk.policy.state = state
    for about in ({}, {"trusted": False}, {"encrypted": False, "trusted": False}):
        await desk.asks("?newbot nano", room_id="!elsewhere", **about)
        await desk.asks("?bots", **about)
    told = " ".join(text for _, text in desk.chat.told)
    assert ("?verify" in told) == (state is PinState.NOT_VERIFIED)


async def test_what_is_said_of_messages_that_could_not_be_read(desk: Desk) -> None:
    for code in ("", "m.unverified", "m.blacklisted", "m.no_olm"):
        desk.chat._body(notice(unreadable(str(YOU), code)))


async def test_what_a_card_says_once_it_is_gone(desk: Desk) -> None:
    await token_of(desk, "?newbot nano")
    await desk.cards.tapped(str(YOU), "$secret1")
    assert "Lost it? ?rotate nano" in desk.chat.contents[-1]["body"]
    await token_of(desk, "?rotate nano")
    await desk.asks("?revoke nano")
    await desk.asks("nano")
    await desk.cards.tapped(str(YOU), "$secret3")
    assert "Let it in again: ?rotate nano" in desk.chat.contents[-1]["body"]


async def test_alarms(desk: Desk) -> None:
    chat: Any = desk.chat
    chat.trusted_devices = lambda user_id: ["PHONE"]
    policy: Any = desk.policy
    alarm = Alarm(chat, desk.store, policy, "!admins")
    await token_of(desk, "?newbot nano")
    bot = await desk.services.accounts.registry.get("nano")
    alarm.ring(OTHER, "MASTER")
    alarm.ring_bot(bot, "OURS", "THEIRS")
    alarm.left_out(LeftOut(OTHER, "that account is deactivated"))
    alarm.stuck(is_stuck=True)
    for tell in alarm._raised.values():
        await tell()
    assert any("who should not: ?revoke nano" in it["body"] for it in desk.chat.contents)


@pytest.mark.parametrize("name", ["!rotate", "`!rotate`", "**`!rotate`**"])
async def test_what_a_person_named_is_not_changed(tmp_path: Path, name: str) -> None:
    async with a_desk(tmp_path, prefix="?") as desk:
        await token_of(desk, f'?newbot nano "{name}"')
        assert "🤖 !rotate: new bot" in desk.chat.secrets[-2]
        assert desk.chat.secrets[-1].startswith("MATRIX_HOMESERVER=")
        assert "🤖 !rotate\n" in await desk.asks("?bot nano")
        desk.server.accounts[NANO].devices = {"!rotate": {"t"}, "?rotate": {"t"}, "rotate": {"t"}}
        shown = [line.split(":")[0] for line in (await desk.asks("?devices nano")).split("\n")[1:]]
        assert sorted(shown) == ["• \\x21rotate", "• \\x3frotate", "• rotate"]


def texts_of(source: str) -> Iterator[str]:
    """The pieces of text in a module that are no docstrings; of an f-string what is around."""
    tree = ast.parse(source)
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docs = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
            yield node.value


def test_whatever_text_names_a_command_names_it_as_code() -> None:
    """Else no prefix would take the place of the `!`. The shell has its own, fixed words."""
    for path in sorted((ROOT / "adminbot").rglob("*.py")):
        if path.parts[-2] in ("cli", "demo"):
            continue
        for text in texts_of(path.read_text(encoding="utf-8")):
            assert not re.search(rf"(?<![`\w])!(?:{_NAMES})\b", text), (path, text)
