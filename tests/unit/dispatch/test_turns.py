"""Who waits for whom, what confirms what, and what a crash leaves: see tests/desk.py."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.chat.incoming import TEXT, Incoming
from adminbot.dispatch import progress, turn
from adminbot.dispatch.router import Reply
from adminbot.errors import HomeserverUnreachable
from adminbot.homeserver.values import Session
from adminbot.store import InboxMessage
from adminbot.trust import lockdown
from adminbot.trust.pins import PinState
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests.desk import DM, NANO, OTHER, ROOM, YOU, Desk, Server, a_desk, signed_keys, until

pytestmark = pytest.mark.anyio

PONG = "🏓 pong"


def anywhere(what: str) -> bool:
    return True


def nowhere(what: str) -> bool:
    return False


LOCKED = "🔒 Locked down."


@pytest.fixture(autouse=True)
def _short_blink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BLINK_S", 0.05)
    monkeypatch.setattr(turn, "BLINK_S", 0.05)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as made:
        yield made


async def token_of(desk: Desk, line: str) -> str:
    """Type a line that ends in a card; returns the access token on the card."""
    answer = await desk.asks(line)
    assert "✅" in answer, answer
    return desk.chat.secrets[-1].split("MATRIX_ACCESS_TOKEN=")[1].split("\n")[0]


async def waiting_rotation(desk: Desk) -> tuple[str, str]:
    """A bot's token, and the event id of a `!rotate` of that bot that waits for its login."""
    token = await token_of(desk, "!newbot nano")
    desk.server.logins_left = 0
    rotate = await desk.says("!rotate nano")
    [text] = await desk.chat.answers(rotate)
    assert "Synapse asks me to wait 54 min" in text
    assert "its old token works; !revoke nano ends that now" in text
    return token, rotate


# -- brakes


async def test_nothing_that_hangs_keeps_a_brake_or_a_ping_waiting(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.hangs = anywhere
    hanging = [await desk.says("!bots") for _ in range(30)]
    async with asyncio.timeout(1):
        assert await desk.asks("!ping") == PONG
        assert "Sign @nano:example.org out" in await desk.asks("!revoke nano")
        assert "Delete @nano:example.org" in await desk.asks("!deletebot nano", room_id=DM)
        assert "Nothing was changed" in await desk.asks("!cancel")
        assert "Lock me down?" in await desk.asks("!lockdown")
        assert LOCKED in await desk.asks("lockdown")
    assert not any(to in hanging for to, _ in desk.chat.said)


async def test_a_brake_whose_request_hangs_keeps_no_brake_waiting(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    desk.server.hangs = anywhere
    hanging = await desk.says("nano")
    async with asyncio.timeout(1):
        await desk.asks("!lockdown")
        assert LOCKED in await desk.asks("lockdown")
    desk.server.hangs = nowhere
    assert "is signed out everywhere" in (await desk.chat.answers(hanging))[0]


async def test_a_revoke_ends_a_rotation_that_waits_for_a_login(desk: Desk) -> None:
    token, rotate = await waiting_rotation(desk)
    await desk.asks("!revoke nano")
    async with asyncio.timeout(1):
        assert "is signed out everywhere" in await desk.asks("nano")
    assert not desk.server.alive(token)
    assert "Meanwhile !revoke of @nano:example.org" in (await desk.chat.answers(rotate, 2))[1]
    desk.server.logins_left = 1
    assert "✅ New token" in await desk.asks("!rotate nano")


async def test_a_deletion_ends_a_rotation_that_waits_for_a_login(desk: Desk) -> None:
    token, rotate = await waiting_rotation(desk)
    await desk.asks("!deletebot nano")
    assert "is deleted" in await desk.asks("nano")
    assert not desk.server.alive(token)
    assert "Meanwhile !deletebot of @nano:example.org" in (await desk.chat.answers(rotate, 2))[1]


async def test_a_revoke_ends_a_rotation_in_the_middle_of_a_request(desk: Desk) -> None:
    """Also the session that comes out of a login which the server was still working on."""
    token = await token_of(desk, "!newbot nano")
    server, began = desk.server, asyncio.Event()

    async def slow(*_: object, **__: object) -> object:
        began.set()
        await until(lambda: "sign out" in server.asked and not server.accounts[NANO].devices)
        server.accounts[NANO].devices["LATE"] = {"syt_late"}
        return Session(NANO, "LATE", Secret("syt_late"))

    server.log_in = slow  # type: ignore[method-assign,assignment]
    rotate = await desk.says("!rotate nano")
    await began.wait()
    await desk.asks("!revoke nano")
    assert "is signed out everywhere" in await desk.asks("nano")
    assert not server.alive(token)
    assert not server.alive("syt_late")
    assert "so I gave this up" in (await desk.chat.answers(rotate))[0]


async def test_a_second_rotation_does_not_queue_behind_one_that_waits(desk: Desk) -> None:
    await waiting_rotation(desk)
    asked = list(desk.server.asked)
    assert "waits for Synapse's login limit already" in await desk.asks("!rotate nano")
    assert desk.server.asked == asked


async def test_a_rotation_that_waits_gives_up_under_a_lockdown(desk: Desk) -> None:
    desk.server.retry_after = timedelta(seconds=1)
    token = await token_of(desk, "!newbot nano")
    desk.server.logins_left = 0
    rotate = await desk.says("!rotate nano")
    await desk.chat.answers(rotate)
    await desk.asks("!lockdown")
    await desk.asks("lockdown")
    desk.server.logins_left = 5
    assert "I am locked down" in (await desk.chat.answers(rotate, 2))[1]
    assert desk.server.alive(token)
    assert desk.server.logins_left == 5


async def test_a_rotation_that_waits_goes_on_by_itself(desk: Desk) -> None:
    desk.server.retry_after = timedelta(seconds=1)
    token = await token_of(desk, "!newbot nano")
    desk.server.logins_left = 0
    rotate = await desk.says("!rotate nano")
    await desk.chat.answers(rotate)
    desk.server.logins_left = 5
    assert "✅ New token" in (await desk.chat.answers(rotate, 2))[1]
    assert not desk.server.alive(token)


async def test_after_a_restart_a_rotation_knows_of_the_revoke_that_came_later(
    tmp_path: Path,
) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        token, rotate = await waiting_rotation(desk)
        letter = await desk.store.inbox.find_unanswered(rotate)
        assert letter
        await desk.asks("!revoke nano")
        await desk.asks("nano")
        await desk.settled()
        # Cut off before anything of the rotation's end was noted.
        await desk.unanswer(letter)
        await desk.store._db.write("UPDATE act SET outcome = NULL WHERE command = 'rotate'")
    server.logins_left = 5
    async with a_desk(tmp_path, server) as desk:
        [answer] = await desk.chat.answers(rotate)
        assert "Meanwhile !revoke of @nano:example.org" in answer
    assert not server.alive(token)
    assert server.logins_left == 5


async def test_the_turn_is_kept_by_what_is_quick(desk: Desk) -> None:
    """What was typed first is done first: the next command sees what it made."""
    await desk.says("!newbot nano")
    assert "Bots (1)" in await desk.asks("!bots")
    await desk.says("!newbot other")
    assert "✅ New token" in await desk.asks("!rotate other")


async def test_what_hangs_gives_its_turn_back(desk: Desk) -> None:
    """Also for what is no brake: only what hangs waits."""
    await token_of(desk, "!newbot nano")
    desk.server.hangs = lambda what: what == "whois"
    await desk.says("!bot nano")
    assert "nano" in await desk.asks("!bots")


async def test_a_rotation_that_says_so_gives_its_turn_back(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turn, "BLINK_S", 60)
    await waiting_rotation(desk)
    assert "Bots (1)" in await desk.asks("!bots")


async def test_an_answer_that_cannot_be_sent_keeps_no_turn(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.chat.mute = True
    await desk.says("!bots")
    await asyncio.sleep(0.2)
    desk.server.asked.clear()
    await desk.says("!bot nano")
    await until(lambda: "whois" in desk.server.asked)
    desk.chat.mute = False
    await desk.settled()


async def test_a_card_does_not_go_out_after_a_brake(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.chat.no_way = True
    calls = itertools.count(1)

    async def ready_at_first(user_id: UserId) -> str:
        if next(calls) > 1:  # not to make ready, but to deliver
            await until(lambda: not desk.chat.no_way)
        return DM

    desk.chat.ready_dm = ready_at_first  # type: ignore[method-assign]
    renewed = await desk.says("!rotate nano")
    await until(lambda: "change password" in desk.server.asked)
    await asyncio.sleep(0.1)
    await desk.asks("!revoke nano")
    assert "signed out" in await desk.asks("nano")
    seen = len(desk.chat.secrets)
    desk.chat.no_way = False
    [answer] = await desk.chat.answers(renewed)
    assert "does not go out" in answer or "so I gave this up" in answer
    assert len(desk.chat.secrets) == seen
    assert not any(card.content for card in await desk.store.cards.open())


async def test_a_card_does_not_go_out_under_a_lockdown_that_came_late(desk: Desk) -> None:
    desk.chat.no_way = True
    made = await desk.says("!newbot nano")
    await until(lambda: "register" in desk.server.asked)
    await desk.asks("!lockdown")
    await desk.asks("lockdown")
    desk.chat.no_way = False
    [answer] = await desk.chat.answers(made)
    assert "I am locked down" in answer
    assert not desk.chat.secrets


async def test_a_revoke_that_fails_says_that_tokens_may_live(desk: Desk) -> None:
    token, rotate = await waiting_rotation(desk)

    async def down(*_: object, **__: object) -> None:
        raise HomeserverUnreachable("HTTP 502")

    desk.server.set_password = down  # type: ignore[method-assign]
    await desk.asks("!revoke nano")
    answer = await desk.asks("nano")
    assert "Its tokens may still work. Try again: !revoke nano" in answer
    assert "its own answer says" in (await desk.chat.answers(rotate, 2))[1]
    assert desk.server.alive(token)


async def test_a_brake_works_however_many_changes_there_were(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await token_of(desk, "!newbot nano")
    monkeypatch.setattr(lockdown, "_MOST", 1)
    assert "Nothing was done" in await desk.asks("!rotate nano")
    await desk.asks("!revoke nano")
    assert "is signed out everywhere" in await desk.asks("nano")


# -- confirmations


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
    assert not await desk.restraint.locked()
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


async def test_two_words_that_come_together_mean_what_was_asked_last(desk: Desk) -> None:
    """The word for a sign-out must not delete: both questions want the bot's name."""
    await token_of(desk, "!newbot nano")
    await desk.asks("!deletebot nano")
    await desk.says("!revoke nano")
    assert "signed out everywhere" in await desk.asks("nano")
    await desk.says("!lockdown")
    assert LOCKED in await desk.asks("lockdown")


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


async def test_an_answer_that_is_given_again_asks_nothing_again(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await token_of(desk, "!newbot nano")
        asked = await desk.says("!revoke nano")
        await desk.chat.answers(asked)
        await desk.question()
        await desk.settled()
        await desk.asks("nano")
        reply = Reply("sure?", ask="nano", tap=True).to_json()
        content = Incoming(asked, ROOM, str(YOU), TEXT, "!revoke nano", True, True).to_json()
        await desk.unanswer(InboxMessage(asked, content, None))
        sealed = desk.store._db.seal("reply", reply)
        await desk.store._db.write("UPDATE inbox SET reply = ? WHERE event_id = ?", sealed, asked)
    async with a_desk(tmp_path, server) as desk:
        await desk.chat.answers(asked)
        await desk.settled()
        assert not await desk.store.questions.of(YOU)


async def test_a_question_that_nobody_saw_is_not_answered(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    desk.chat.refuses = True
    await desk.says("!deletebot nano")
    await desk.settled()
    desk.chat.refuses = False
    await desk.says("nano")
    await desk.settled()
    assert desk.server.alive(token)


async def test_who_may_only_verify_yet_deletes_no_bot_that_is_called_so(desk: Desk) -> None:
    token = await token_of(desk, "!newbot verify")
    await desk.asks("!deletebot verify")
    desk.policy.state = PinState.NOT_VERIFIED
    assert "🔒" in await desk.asks("verify")
    assert desk.server.alive(token)


async def test_refusals_are_not_given_without_end(desk: Desk) -> None:
    for _ in range(30):
        await desk.says("!ping", encrypted=False, trusted=False)
    await desk.settled()
    assert len(desk.chat.told) == 10
    assert await desk.asks("!ping") == PONG


# -- permission, crashes, cards


async def test_what_an_untrusted_device_types_is_refused(desk: Desk) -> None:
    for line in ("!newbot nano", "!lockdown", "!ping"):
        assert "🔒" in await desk.asks(line, trusted=False)
        assert "unencrypted" in await desk.asks(line, trusted=False, encrypted=False)
        assert "admin room" in await desk.asks(line, room_id="!elsewhere")
    assert not desk.server.accounts


async def test_nothing_is_made_that_nobody_could_read(desk: Desk) -> None:
    desk.chat.reachable = False
    assert "None of your devices may read a card" in await desk.asks("!newbot nano")
    assert not desk.server.accounts


async def test_an_act_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        made = await desk.says("!newbot nano")
        await desk.chat.answers(made)
        await desk.settled()
        # The crash came between the end of the act and its answer.
        content = Incoming(made, ROOM, str(YOU), TEXT, "!newbot nano", True, True).to_json()
        await desk.unanswer(InboxMessage(made, content, None))
        asked = list(server.asked)
    async with a_desk(tmp_path, server) as desk:
        [answer] = await desk.chat.answers(made)
        assert "✅ newbot of @nano:example.org is done" in answer
        assert server.asked == asked
        assert not desk.chat.secrets


async def test_what_was_begun_is_finished_under_a_lockdown(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        server.hangs = lambda what: what == "register"
        made = await desk.says("!newbot nano")
        await until(lambda: "register" in server.asked)
        await desk.restraint.lock(OTHER)
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        [answer] = await desk.chat.answers(made)
        assert "is ready" in answer
        assert not desk.chat.secrets  # the card waits for the end of the lockdown
        assert "❌ I am locked down" in await desk.asks("!newbot other")
    assert len(server.accounts) == 1


# -- tokens and keys


async def test_keys_that_changed_after_the_question_are_not_signed(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.keys = {"NANO2": signed_keys("NANO2")}
    desk.server.accounts[NANO].devices["NANO2"] = {"syt_other"}
    asked = await desk.asks("!trust nano NANO2")
    word = asked.splitlines()[-2].split(" ")[-1]
    assert "answer with their last block" in asked
    desk.server.keys = {"NANO2": signed_keys("NANO2")}
    assert "changed meanwhile. I signed nothing" in await desk.asks(word)


async def test_a_session_of_another_device_is_not_handed_over(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    seen = len(desk.chat.secrets)
    desk.server.lies_about_device = "ELSEWHERE"
    assert "❌" in await desk.asks("!rotate nano")
    assert len(desk.chat.secrets) == seen


async def test_a_device_that_a_logout_deleted_is_not_used_again(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    [before] = desk.server.accounts[NANO].devices
    desk.server.accounts[NANO].devices.clear()
    await token_of(desk, "!rotate nano")
    assert before not in desk.server.accounts[NANO].devices
    assert f"MATRIX_DEVICE_ID={before}\n" not in desk.chat.secrets[-1]
