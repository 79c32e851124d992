"""What confirms what, and what a message means. See tests/desk.py."""

import pytest

from adminbot.trust.pins import PinState
from tests.desk import DM, OTHER, YOU, Desk, token_of

pytestmark = pytest.mark.anyio

LOCKED = "🔒 Locked down."


async def test_a_tap_confirms_only_under_its_own_question(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    question = await desk.question()
    for elsewhere in ("$secret1", "$secret2", "$said1", "$m0"):
        await desk.taps("✅", elsewhere)
    await desk.settled()
    assert desk.server.alive(token)
    await desk.taps("👍", question)
    await desk.settled()
    assert desk.server.alive(token)
    await desk.taps("✅", question, sender=OTHER)
    await desk.settled()
    assert desk.server.alive(token)

    tap = await desk.taps("✅", question)
    await desk.settled()
    assert not desk.server.alive(token)
    assert not await desk.store.questions.of(YOU)
    # What answers a tap stands under the question.
    assert any(to == question and "signed out" in text for to, text in desk.chat.said)
    assert not any(to == tap for to, _ in desk.chat.said)


async def test_an_answered_question_is_closed(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    question = await desk.question()
    await desk.taps("✅", question)
    await desk.settled()
    token = await token_of(desk, "!rotate nano")
    await desk.taps("✅", question)
    await desk.says("nano")
    await desk.settled()
    assert desk.server.alive(token)


async def test_a_cross_leaves_things_as_they_are(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    question = await desk.question()
    await desk.taps("❌", question)
    await desk.settled()
    assert any("Left as it is" in text for _, text in desk.chat.said)
    await desk.taps("✅", question)
    await desk.settled()
    assert desk.server.alive(token)
    # Whoever has the account's password can forge a ❌: it must not take the brake away.
    assert "signed out" in await desk.asks("nano")
    assert not desk.server.alive(token)


@pytest.mark.parametrize("line", ["!deletebot nano", "!lockdown"])
async def test_a_tap_does_nothing_that_must_be_typed(desk: Desk, line: str) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks(line)
    for key in ("✅", "❌"):
        await desk.taps(key, await desk.question())
        await desk.settled()
    assert desk.server.alive(token)
    assert not await desk.lockdown.locked()
    assert await desk.store.questions.of(YOU)


@pytest.mark.parametrize(
    "state", [PinState.CHANGED, PinState.NOT_VERIFIED, PinState.NO_IDENTITY, PinState.UNKNOWN]
)
async def test_standing_is_asked_again_when_a_question_is_answered(
    desk: Desk, state: PinState
) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    question = await desk.question()
    desk.policy.state = state
    await desk.taps("✅", question)
    await desk.settled()
    assert "🔒" in await desk.asks("nano")
    assert "🔒" in await desk.asks("no")
    assert desk.chat.told[0][0] == question
    assert desk.server.alive(token)
    desk.policy.state = PinState.AS_PINNED
    assert "signed out" in await desk.asks("nano")


@pytest.mark.parametrize(
    "device", [{"encrypted": False, "trusted": False}, {"encrypted": True, "trusted": False}]
)
@pytest.mark.parametrize("word", ["nano", "no", "yes", "cancel", "❌", "!cancel"])
async def test_a_typed_answer_counts_only_as_a_command_would(
    desk: Desk, device: dict[str, bool], word: str
) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!deletebot nano")
    assert "🔒" in await desk.asks(word, **device)
    assert desk.server.alive(token)
    assert "is deleted" in await desk.asks("nano")


async def test_a_no_in_clear_leaves_a_lockdown_open(desk: Desk) -> None:
    await desk.asks("!lockdown")
    assert "🔒" in await desk.asks("no", encrypted=False, trusted=False)
    assert LOCKED in await desk.asks("!lockdown")


@pytest.mark.parametrize("word", ["yes", "ok", "y", "ja", "oui", "✅"])
async def test_a_yes_that_names_nothing_confirms_nothing(desk: Desk, word: str) -> None:
    for line in ("!revoke nano", "!deletebot nano"):
        token = await token_of(desk, "!newbot nano" if "revoke" in line else "!rotate nano")
        await desk.asks(line)
        assert "That names nothing. To confirm, answer nano" in await desk.asks(word)
        assert desk.server.alive(token)


async def test_an_answer_from_before_the_command_confirms_nothing(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!deletebot nano", megolm="K S 7")
    assert "I cannot tell" in await desk.asks("nano", megolm="K S 6")
    assert desk.server.alive(token)
    assert "is deleted" in await desk.asks("nano", megolm="K S 8")


async def test_only_who_was_asked_can_answer(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!deletebot nano")
    await desk.says("nano", sender=OTHER)
    await desk.settled()
    await desk.says("nano", room_id=DM)
    await desk.settled()
    assert desk.server.alive(token)


async def test_each_of_several_questions_has_its_answer(desk: Desk) -> None:
    """The emergency: several bots at once."""
    names = ("one", "two", "three", "four")
    tokens = {name: await token_of(desk, f"!newbot {name}") for name in names}
    for name in names:
        await desk.asks(f"!revoke {name}")
    questions = {q.answer: q.event_id for q in await desk.store.questions.of(YOU)}
    assert "signed out" in await desk.asks("two")
    await desk.taps("✅", questions["four"])
    await desk.settled()
    assert {n for n in names if desk.server.alive(tokens[n])} == {"one", "three"}
    assert "Left as it is" in await desk.asks("!cancel", room_id=DM)
    assert not await desk.store.questions.of(YOU)


@pytest.mark.parametrize("typed", ["!cancel", "! CANCEL", "adminbot: cancel"])
async def test_a_cancel_says_no_to_all_that_is_open_in_whichever_room(
    desk: Desk, typed: str
) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    await desk.asks("!lockdown", room_id=DM)
    assert await desk.asks(typed) == "Left as it is. Nothing was changed."
    assert not await desk.store.questions.of(YOU)
    assert await desk.asks(typed) == "Nothing is waiting for you to confirm, and nothing goes on."
    assert desk.server.alive(token)


async def test_who_may_only_verify_yet_deletes_no_bot_that_is_called_so(desk: Desk) -> None:
    token = await token_of(desk, "!newbot verify")
    await desk.asks("!deletebot verify")
    desk.policy.state = PinState.NOT_VERIFIED
    assert "🔒" in await desk.asks("verify")
    assert desk.server.alive(token)
