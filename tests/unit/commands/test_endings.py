"""One session out, old sessions out, an account and its messages gone: over tests/desk.py."""

from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.accounts.backends import removal
from adminbot.errors import HomeserverError
from adminbot.homeserver.values import Removal, RemovalState
from adminbot.values.clock import now
from tests.desk import NANO, OWN, Desk, Login, Server, a_desk, nowhere, token_of, until

pytestmark = pytest.mark.anyio

OLDER = HomeserverError("no", errcode="M_UNRECOGNIZED", status=404)


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(removal, "_LOOK_S", 0.01)
    monkeypatch.setattr(removal, "_REMOVAL_S", 0.1)


async def a_bot(desk: Desk, *more: str, days: int = 100) -> tuple[str, str]:
    """A bot with the device of its card and more, last seen so long ago: (device, token)."""
    token = await token_of(desk, "!newbot nano --device CARD")
    desk.server.seen_on["CARD"] = now() - timedelta(days=days)
    for device_id in more:
        desk.server.accounts[NANO].devices[device_id] = {f"syt_{device_id}"}
        desk.server.seen_on[device_id] = now() - timedelta(days=days)
    return "CARD", token


# -- one session


async def test_one_session_ends_and_the_others_stay(desk: Desk) -> None:
    _, token = await a_bot(desk, "LOST")
    assert "End the session of @nano:example.org on Lost?" in await desk.asks("!revoke nano Lost")
    assert "on LOST is ended. Others go on." in await desk.asks("nano")
    assert desk.server.alive(token)
    assert not desk.server.alive("syt_LOST")
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.device_id == "CARD"
    assert [card.vanishes_at for card in await desk.store.cards.open() if card.vanishes_at]


async def test_the_session_from_its_card_ends_and_the_card_is_void(desk: Desk) -> None:
    _, token = await a_bot(desk, "OTHER")
    await desk.asks("!password nano")
    await desk.asks("!revoke nano CARD")
    said = await desk.asks("nano")
    assert "from its card is ended. Others go on.\nLet it in again: !rotate nano" in said
    assert "Its password still works. To end that, too: !password nano" in said
    assert not desk.server.alive(token)
    assert desk.server.alive("syt_OTHER")
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert (bot.device_id, bot.token_at) == (None, None)
    assert await desk.store.awaited.all() == []


async def test_a_device_that_is_not_there_is_told_and_ends_nothing(desk: Desk) -> None:
    _, token = await a_bot(desk)
    desk.server.logins_left = 0
    rotation = await desk.says("!rotate nano")
    await desk.chat.answers(rotation)
    await desk.asks("!revoke nano NOPE`x")
    said = await desk.asks("nano")
    assert "has no session on NOPE\\x60x. Nothing was changed. !devices nano lists them." in said
    assert desk.server.alive(token)
    assert len(await desk.chat.answers(rotation)) == 1, "the rotation goes on waiting"


async def test_one_session_is_ended_by_a_brake(desk: Desk) -> None:
    await a_bot(desk, "LOST")
    desk.server.logins_left = 0
    rotation = await desk.says("!rotate nano")
    await desk.chat.answers(rotation)
    await desk.asks("!revoke nano LOST")
    assert "✅" in await desk.asks("nano")
    assert "Meanwhile !revoke" in (await desk.chat.answers(rotation, 2))[-1]


async def test_one_session_that_ended_before_a_crash_is_ended(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await a_bot(desk)
        server.hangs = lambda what: what == "delete device"
        await desk.asks("!revoke nano CARD")
        asked = await desk.says("nano")
        await until(lambda: "delete device" in server.asked)
        del server.accounts[NANO].devices["CARD"]  # carried out, and the answer was lost
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        [said] = await desk.chat.answers(asked)
        assert "I was cut off at “end a session” and finished it" in said
        assert "from its card is ended" in said
        bot = await desk.store.bots.find(NANO)
        assert bot
        assert bot.token_at is None


# -- old sessions


async def test_old_sessions_go_after_their_list_was_seen(desk: Desk) -> None:
    _, token = await a_bot(desk, "OLD1", "OLD2", "NEW", "NEVER")
    desk.server.seen_on |= {"NEW": now() - timedelta(days=89), "NEVER": None}
    desk.server.seen_on["OLD2"] = now() - timedelta(days=200)
    asked = await desk.asks("!devices nano --prune 90d")
    assert "• OLD2 seen 200 d ago\n• OLD1 seen 100 d ago\nThe one from its card stays" in asked
    assert "NEW" not in asked
    assert "NEVER" not in asked
    assert "To sign them out, answer within 2 minutes: nano" in asked
    said = await desk.asks("nano")
    assert said == "✅ Signed out of @nano:example.org, not seen for 90 d:\n• OLD2\n• OLD1"
    assert desk.server.accounts[NANO].devices.keys() == {"CARD", "NEW", "NEVER"}
    assert desk.server.alive(token)
    assert "no session to sign out" in await desk.asks("!devices nano --prune 90d")


async def test_a_tap_prunes_nothing(desk: Desk) -> None:
    await a_bot(desk, "OLD1")
    await desk.asks("!devices nano --prune 13w")
    await desk.taps("✅", await desk.question())
    await desk.settled()
    assert "OLD1" in desk.server.accounts[NANO].devices


async def test_a_session_that_was_seen_since_the_question_stays(desk: Desk) -> None:
    await a_bot(desk, "OLD1", "OLD2")
    await desk.asks("!devices nano --prune 90d")
    desk.server.seen_on["OLD1"] = now()
    assert "OLD1" not in await desk.asks("nano")
    assert left(desk.server) == {"CARD", "OLD1"}


async def test_all_seen_meanwhile_is_told(desk: Desk) -> None:
    await a_bot(desk, "OLD1")
    await desk.asks("!devices nano --prune 90d")
    desk.server.seen_on["OLD1"] = now()
    assert "were seen meanwhile. Nothing was changed" in await desk.asks("nano")


@pytest.mark.parametrize("typed", ["90", "0d", "d", "90h", "-1d", "99999d", "ninety"])
async def test_a_time_that_is_none_is_told(desk: Desk, typed: str) -> None:
    await a_bot(desk, "OLD1")
    said = await desk.asks(f"!devices nano --prune {typed}")
    assert f"wants a time in days or weeks, and “{typed}” is none. Nothing was changed." in said


async def test_a_prune_that_was_cut_off_ends_the_rest(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await a_bot(desk, "OLD1", "OLD2", "OLD3")
        await desk.asks("!devices nano --prune 90d")
        server.hangs = lambda what: what == "delete device" and "OLD1" not in left(server)
        asked = await desk.says("nano")
        await until(lambda: server.asked.count("delete device") == 2)
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        [said] = await desk.chat.answers(asked)
        assert said.endswith("not seen for 90 d:\n• OLD1\n• OLD2\n• OLD3")
        assert left(server) == {"CARD"}


def left(server: Server) -> set[str]:
    return set(server.accounts[NANO].devices)


async def test_the_list_of_sessions_can_be_seen_under_a_lockdown(desk: Desk) -> None:
    await a_bot(desk, "OLD1")
    await desk.lockdown.lock(NANO)
    assert "Devices of nano (2)" in await desk.asks("!devices nano")
    assert "locked down" in await desk.asks("!devices nano --prune 90d")


# -- an account and its messages


async def erased(desk: Desk) -> str:
    asked = await desk.asks("!deletebot nano --erase")
    assert "Delete @nano:example.org for good, and what it wrote?" in asked
    assert "Stays: reactions, files on the server" in asked
    assert "To delete it all, answer within 2 minutes: nano" in asked
    return await desk.asks("nano")


async def test_the_sessions_are_dead_before_anything_else(desk: Desk) -> None:
    await a_bot(desk)
    before = len(desk.server.asked)
    said = await erased(desk)
    assert (
        said == "✅ @nano:example.org is deleted. Its name stays taken.\nIts messages are removed."
    )
    did = [it for it in desk.server.asked[before:] if it != "find"]
    assert did == ["sign out", "redact", "how far", "deactivate"]
    assert desk.server.accounts[NANO].is_erased
    assert await desk.store.bots.find(NANO) is None


@pytest.mark.parametrize(
    ("so_far", "said"),
    [
        (Removal(RemovalState.GOES_ON), "are being removed. Synapse goes on with that by itself."),
        (Removal(RemovalState.DONE, 3), "are removed, but for 3 that Synapse could not."),
        (Removal(RemovalState.FAILED), "could not remove its messages"),
        (OLDER, "Its messages stay: only Synapse from 1.116 on removes them."),
    ],
)
async def test_what_is_left_is_said(
    desk: Desk, so_far: Removal | HomeserverError, said: str
) -> None:
    await a_bot(desk)
    desk.server.removal = so_far
    assert said in await erased(desk)
    assert desk.server.accounts[NANO].is_erased


async def test_an_account_that_is_gone_is_taken_off_the_list(desk: Desk) -> None:
    await a_bot(desk)
    del desk.server.accounts[NANO]
    assert "was not on the server any more, so its messages stay" in await erased(desk)
    assert await desk.store.bots.find(NANO) is None


async def test_a_failure_behind_the_sign_out_says_what_is_so(desk: Desk) -> None:
    _, token = await a_bot(desk)
    desk.server.removal = HomeserverError("It says no.", errcode="M_FORBIDDEN", status=403)
    said = await erased(desk)
    assert "It is signed out, and not deleted yet. Try again: !deletebot nano --erase" in said
    assert not desk.server.alive(token)
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.token_at is None


@pytest.mark.parametrize("dies_at", ["sign out", "redact", "how far", "deactivate"])
async def test_an_erasure_that_was_cut_off_is_finished(tmp_path: Path, dies_at: str) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await a_bot(desk)
        server.hangs = lambda what: what == dies_at
        await desk.asks("!deletebot nano --erase")
        asked = await desk.says("nano")
        await until(lambda: dies_at in server.asked)
    server.hangs = nowhere
    if dies_at == "deactivate":  # carried out, and the answer was lost
        server.accounts[NANO] = Login(closed=True)
    async with a_desk(tmp_path, server) as desk:
        [said] = await desk.chat.answers(asked)
        assert "I was cut off at" in said
        assert "is deleted" in said
        assert server.accounts[NANO].is_erased
        assert await desk.store.bots.find(NANO) is None


async def test_what_i_wrote_myself_is_not_removed(desk: Desk) -> None:
    desk.server.accounts[OWN] = Login()
    said = await desk.asks("!deletebot adminbot --me-too --erase")
    assert "What I wrote stays in the chats. Nothing was changed. Leave --erase out." in said
    assert not desk.server.accounts[OWN].closed
