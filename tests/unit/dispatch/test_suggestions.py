"""What is offered for a wrong command or name, and how little a tap can do."""

from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path

import pytest

from adminbot.commands import ROUTER
from adminbot.dispatch import interpreter
from adminbot.dispatch.router import Command, Confirm
from adminbot.dispatch.suggestions import is_suggestion, suggested
from adminbot.errors import NotManaged, UnknownCommand
from adminbot.trust.pins import PinState
from tests.desk import NANO, OTHER, YOU, Desk, a_desk, token_of
from tests.unit.words import CLUB, furnish, words_for

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
    # A bot that is called like a command is looked for behind the command.
    reply = suggested("rotate rotate", NotManaged("rotate", "rotater"), ROUTER)
    assert reply.text.endswith("Did you mean `!rotate rotater`? Then type that.")
    reply = suggested("bot bot", NotManaged("bot", "revoke"), ROUTER)
    assert reply.text.endswith("Did you mean `!bot revoke`? Then tap ✅.")
    reply = suggested("bot nanobt", NotManaged("nanobt", "nanobot"), ROUTER)
    assert reply.text.endswith("Did you mean `!bot nanobot`? Then tap ✅.")


def test_a_tap_runs_nothing_that_changes_something_unasked() -> None:
    """A reaction is clear text on the wire: anybody may have forged it."""
    for command in ROUTER.commands:
        words = words_for(command)
        exc = UnknownCommand(f"{command.name}x", command.name)
        reply = suggested(f"{command.name}x {words}".strip(), exc, ROUTER)
        asks = command.confirm in (Confirm.TAP, Confirm.NAME, Confirm.COMMAND)
        may_run = asks or not command.changes(ROUTER.resolve(f"{command.name} {words}")[1])
        assert reply.tap == may_run, command.name


@pytest.mark.parametrize("command", ROUTER.commands, ids=lambda it: str(it.name))
async def test_by_taps_alone_nothing_happens_but_a_sign_out_and_a_pause(
    desk: Desk, command: Command
) -> None:
    """Whatever is tapped after a typo: the offered line, and each question that follows."""
    desk.server.inviting.add("!club")
    furnish(desk)
    before, cards = deepcopy(desk.server.accounts), len(desk.chat.secrets)
    await desk.asks(f"!{command.name}{command.name[-1]} {words_for(command)}")
    for _ in range(3):
        await desk.settled()
        for question in await desk.store.questions.of(YOU):
            await desk.taps("✅", question.event_id)
    await desk.settled()
    if command.name == "revoke":
        assert not desk.server.accounts[NANO].devices
    elif command.name == "pause":
        assert desk.server.accounts[NANO].is_locked
    else:
        assert desk.server.accounts == before
    assert len(desk.chat.secrets) == cards
    assert desk.server.entered == [(str(NANO), CLUB)]
    await desk.lockdown.check_unlocked()


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


async def test_an_offered_line_takes_a_typed_yes_and_a_typed_no(desk: Desk) -> None:
    await desk.asks("!botz")
    assert "🤖 Bots (1)" in await desk.asks("Yes!")
    await desk.asks("!botz")
    assert "Left as it is" in await desk.asks("no")
    assert await desk.store.questions.of(YOU) == []
    await desk.says("yes")
    await desk.settled()
    assert len(desk.chat.said) == 5, "with nothing open a yes is talk"


async def test_a_typed_yes_to_an_offered_brake_leads_to_its_question_and_not_past_it(
    desk: Desk,
) -> None:
    await desk.asks("!rvoke nano")
    assert "Sign @nano:example.org out everywhere?" in await desk.asks("yes")
    assert "That names nothing. To confirm, answer nano" in await desk.asks("yes")
    assert desk.server.accounts[NANO].devices


@pytest.mark.parametrize("device", [{"encrypted": False}, {"trusted": False}])
async def test_a_yes_to_an_offered_line_counts_only_as_a_command_would(
    desk: Desk, device: dict[str, bool]
) -> None:
    await desk.asks("!botz")
    assert "🔒" in await desk.asks("yes", **device)
    assert len(await desk.store.questions.of(YOU)) == 1


async def test_a_no_to_an_offered_line_is_a_no_to_all(desk: Desk) -> None:
    await desk.asks("!deletebot nano")
    await desk.asks("!botz")
    await desk.asks("no")
    assert await desk.store.questions.of(YOU) == []


async def test_a_tap_of_somebody_else_runs_no_offered_line(desk: Desk) -> None:
    await desk.asks("!botz")
    question = await desk.question()
    await desk.taps("✅", question, sender=OTHER)
    await desk.settled()
    assert len(desk.chat.said) == 2


async def test_a_tap_runs_no_offered_line_once_the_identity_changed(desk: Desk) -> None:
    await desk.asks("!botz")
    question = await desk.question()
    desk.policy.state = PinState.CHANGED
    await desk.taps("✅", question)
    await desk.settled()
    assert "🤖" not in str(desk.chat.said)


async def test_an_offered_line_can_be_typed_and_a_late_tap_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.asks("!botz")
    assert "🤖 Bots (1)" in await desk.asks("!bots")
    monkeypatch.setattr(interpreter, "is_in_time", lambda question: False)
    assert "That came too late" in await tapped(desk, "✅")


async def test_a_name_that_is_nearly_a_bots_is_offered(desk: Desk) -> None:
    assert "Did you mean !rotate nano?" in await desk.asks("!rotate nanno")
    assert "Did you mean !bot nano? Then tap ✅." in await desk.asks("!bot nanno")
    assert "!bots lists mine" in await desk.asks("!bot quite-another")
