"""What is offered for a wrong command or name, and how little a tap can do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.commands import ROUTER
from adminbot.dispatch.router import Confirm
from adminbot.dispatch.suggestions import is_suggestion, suggested
from adminbot.errors import NotManaged, UnknownCommand
from tests.desk import NANO, YOU, Desk, a_desk, token_of

pytestmark = pytest.mark.anyio


async def tapped(desk: Desk, key: str) -> str:
    """Tap under the only open question; returns the answer, which replies to that question."""
    question = await desk.question()
    await desk.taps(key, question)
    [answer, *_] = await desk.chat.answers(question)
    return answer


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as opened:
        await token_of(opened, "!newbot nano")
        yield opened


@pytest.mark.parametrize(
    ("line", "near", "said", "tap"),
    [
        ("newbto x", "newbot", "Did you mean `!newbot x`? Then type that.", False),
        ("botz 2", "bots", "Did you mean `!bots 2`? Then tap ✅.", True),
        ("rvoke nano", "revoke", "Did you mean `!revoke nano`? Then tap ✅.", True),
        ("trsut nano", "trust", "Did you mean `!trust nano`? Then type that.", False),
        ("rotat", "rotate", "Did you mean `!rotate`?", False),
        ("xyzzy", "", "`!help` lists what I know.", False),
        ("botz `1`", "bots", "Did you mean `!bots`?", False),
        (f"newbto {'x' * 200}", "newbot", "Did you mean `!newbot`?", False),
    ],
)
def test_the_whole_line_is_offered(line: str, near: str, said: str, tap: bool) -> None:
    reply = suggested(line, UnknownCommand(line.split(" ")[0], *near.split()), ROUTER)
    assert reply.text.endswith(said)
    assert (reply.tap, bool(reply.ask)) == (tap, tap)


def test_a_name_is_replaced_in_the_line_with_its_flags() -> None:
    reply = suggested("rotate nanobt --new-device", NotManaged("nanobt", "nanobot"), ROUTER)
    assert reply.text.endswith("Did you mean `!rotate nanobot --new-device`? Then type that.")
    reply = suggested("bot nanobt", NotManaged("nanobt", "nanobot"), ROUTER)
    assert reply.text.endswith("Did you mean `!bot nanobot`? Then tap ✅.")


def test_a_tap_runs_nothing_that_changes_something_unasked() -> None:
    """A reaction is clear text on the wire: anybody may have forged it."""
    needs = {"NAME": "nano", "NAME [Display name]": "nano", "NAME [DEVICE]": "nano"}
    for command in ROUTER.commands:
        words = needs.get(command.usage.line, "nano" if "NAME" in command.usage.line else "")
        exc = UnknownCommand(f"{command.name}x", command.name)
        reply = suggested(f"{command.name}x {words}".strip(), exc, ROUTER)
        may_run = not command.acts or command.confirm in (Confirm.TAP, Confirm.NAME)
        assert reply.tap == may_run, command.name


async def test_a_tap_on_an_offered_line_runs_that_line(desk: Desk) -> None:
    question = await desk.asks("!botz")
    assert "Did you mean !bots? Then tap ✅." in question
    said = await tapped(desk, "✅")
    assert "🤖 Bots (1)" in said
    assert await desk.store.questions.of(YOU) == []


async def test_an_offered_brake_still_puts_its_own_question(desk: Desk) -> None:
    await desk.asks("!rvoke nano")
    said = await tapped(desk, "✅")
    assert "Sign @nano:example.org out everywhere?" in said
    assert desk.server.accounts[NANO].devices
    assert "✅" in await desk.asks("nano")
    assert not desk.server.accounts[NANO].devices


async def test_an_offered_line_is_declined_by_a_tap_and_named_by_no_word(desk: Desk) -> None:
    await desk.asks("!bto nano")
    [question] = await desk.store.questions.of(YOU)
    assert is_suggestion(question.answer)
    await desk.says("nano")
    await desk.settled()
    assert await desk.store.questions.of(YOU) == [question]
    assert "Left as it is" in await tapped(desk, "❌")
    assert await desk.store.questions.of(YOU) == []


async def test_a_name_that_is_nearly_a_bots_is_offered(desk: Desk) -> None:
    assert "Did you mean !rotate nano?" in await desk.asks("!rotate nanno")
    assert "Did you mean !bot nano? Then tap ✅." in await desk.asks("!bot nanno")
    assert "!bots lists mine" in await desk.asks("!bot quite-another")
