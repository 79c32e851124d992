"""Who waits for whom: brakes wait behind nothing. See tests/desk.py."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.dispatch import turn
from adminbot.errors import HomeserverUnreachable
from adminbot.homeserver.values import Session
from adminbot.trust import change_limit
from adminbot.values.secret import Secret
from tests.counting import counting
from tests.desk import DM, NANO, Desk, Server, a_desk, anywhere, nowhere, token_of, until

pytestmark = pytest.mark.anyio

PONG, LOCKED = "🏓 pong", "🔒 Locked down."


async def waiting_rotation(desk: Desk) -> tuple[str, str]:
    """A bot's token, and the event id of a `!rotate` of that bot that waits for its login."""
    token = await token_of(desk, "!newbot nano")
    desk.server.logins_left = 0
    rotate = await desk.says("!rotate nano")
    [text] = await desk.chat.answers(rotate)
    assert "Synapse asks me to wait 54 min" in text
    assert "its old token works; !revoke nano ends that now" in text
    return token, rotate


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
    server, began, late = desk.server, asyncio.Event(), asyncio.Event()

    async def slow(*_: object, **__: object) -> object:
        began.set()
        await until(lambda: "sign out" in server.asked and not server.accounts[NANO].devices)
        server.accounts[NANO].devices["LATE"] = {"syt_late"}
        late.set()
        return Session(NANO, "LATE", Secret("syt_late"))

    server.log_in = slow  # type: ignore[method-assign,assignment]
    rotate = await desk.says("!rotate nano")
    await began.wait()
    await desk.asks("!revoke nano")
    assert "is signed out everywhere" in await desk.asks("nano")
    assert not server.alive(token)
    await late.wait()
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
    with counting() as counted:
        rotate = await desk.says("!rotate nano")
        await desk.chat.answers(rotate)
        desk.server.logins_left = 5
        assert "✅ New token" in (await desk.chat.answers(rotate, 2))[1]
    samples = counted.samples()
    assert samples["adminbot_rate_limit_wait_seconds_sum{waits=login}"] == 1
    assert samples["adminbot_act_seconds_sum{command=rotate}"] > 1, "with the wait"
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
    await desk.says("!newbot later")
    assert "✅ New token" in await desk.asks("!rotate later")


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
    monkeypatch.setattr(change_limit, "_MOST", 1)
    assert "Nothing was done" in await desk.asks("!rotate nano")
    await desk.asks("!revoke nano")
    assert "is signed out everywhere" in await desk.asks("nano")


async def test_two_words_that_come_together_mean_what_was_asked_last(desk: Desk) -> None:
    """The word for a sign-out must not delete: both questions want the bot's name."""
    await token_of(desk, "!newbot nano")
    await desk.asks("!deletebot nano")
    await desk.says("!revoke nano")
    assert "signed out everywhere" in await desk.asks("nano")
    await desk.says("!lockdown")
    assert LOCKED in await desk.asks("lockdown")
