"""Pause and resume, a fresh password, a note: over tests/desk.py."""

from dataclasses import replace
from pathlib import Path

import pytest

from adminbot.chat.incoming import TEXT, Incoming
from adminbot.store import CardKind, InboxMessage
from adminbot.values.clock import now
from tests.desk import NANO, ROOM, YOU, Desk, Server, a_desk, nowhere, token_of, until
from tests.one_step import OneStepBackend

pytestmark = pytest.mark.anyio

PAUSED = "is paused: its account is locked. Nothing was changed. First: !resume nano"


async def paused(desk: Desk) -> str:
    """Make a bot and pause it; returns its token."""
    token = await token_of(desk, "!newbot nano")
    assert "Tap ✅ or answer nano" in await desk.asks("!pause nano")
    assert "✅ @nano:example.org is paused ⏸" in await desk.asks("nano")
    return token


async def is_paused(desk: Desk) -> bool:
    bot = await desk.store.bots.find(NANO)
    assert bot
    return bot.is_paused


async def test_a_paused_bot_keeps_all_it_has_and_goes_on_with_it(desk: Desk) -> None:
    token = await paused(desk)
    devices, password = desk.server.accounts[NANO].devices, desk.server.accounts[NANO].password
    assert not desk.server.alive(token)
    assert await is_paused(desk)

    assert "is not paused any more.\nIts token works again." in await desk.asks("!resume nano")
    assert desk.server.alive(token)
    assert not await is_paused(desk)
    assert desk.server.accounts[NANO].devices == devices
    assert desk.server.accounts[NANO].password == password


async def test_what_is_so_already_is_said_and_is_no_error(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    asked = len(desk.server.asked)
    assert await desk.asks("!resume nano") == (
        "@nano:example.org is not paused. Nothing was changed."
    )
    assert desk.server.asked[asked:] == ["find"]
    await desk.asks("!pause nano")
    await desk.asks("nano")
    desk.server.accounts[NANO].is_locked = False  # by somebody else: a pause must hold
    assert "was paused already" in await desk.asks("!pause nano")
    assert desk.server.accounts[NANO].is_locked


async def test_what_somebody_else_locked_is_unlocked_all_the_same(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    desk.server.accounts[NANO].is_locked = True
    assert PAUSED in await desk.asks("!rotate nano")
    assert "Its token works again" in await desk.asks("!resume nano")
    assert desk.server.alive(token)


@pytest.mark.parametrize("by", ["us", "somebody else", "us, and unlocked by somebody else"])
@pytest.mark.parametrize(
    "line",
    [
        "!rotate nano",
        "!rotate nano --new-device",
        "!password nano",
        "!trust nano",
        "!join nano",
        "!chat nano",
        "!setname nano New name",
    ],
)
async def test_nothing_is_begun_that_needs_a_login(desk: Desk, line: str, by: str) -> None:
    await paused(desk)
    desk.server.inviting.add("!club")
    if by == "somebody else":
        await desk.store.paused(NANO, paused=False, event_id="$none")
        if line == "!trust nano":
            return  # asks first what the device shows, and changes nothing while it asks
    desk.server.accounts[NANO].is_locked = "unlocked" not in by
    before, cards = replace(desk.server.accounts[NANO]), len(desk.chat.secrets)
    said = await desk.asks(line)
    assert PAUSED in said or (line == "!trust nano" and "no encryption keys yet" in said)
    assert desk.server.accounts[NANO] == before
    assert desk.server.entered == []
    assert len(desk.chat.secrets) == cards


async def test_a_pause_overtakes_a_rotation_that_waits(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    desk.server.logins_left = 0
    rotation = await desk.says("!rotate nano")
    await desk.chat.answers(rotation)
    await desk.asks("!pause nano")
    assert "is paused" in await desk.asks("nano")
    said = await desk.chat.answers(rotation, 2)
    assert "Meanwhile !pause of @nano:example.org was confirmed" in said[-1]
    assert not desk.server.alive(token)
    assert "A !rotate of it was given up meanwhile" in await desk.asks("!resume nano")
    assert desk.server.alive(token)


async def test_a_pause_is_known_to_a_rotation_that_came_before_it_also_after_a_crash(
    tmp_path: Path,
) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await token_of(desk, "!newbot nano")
        server.hangs = lambda what: what in ("set password", "lock")
        rotation = await desk.says("!rotate nano")
        await until(lambda: "set password" in server.asked)
        await desk.asks("!pause nano")
        pause = await desk.says("nano")
        await until(lambda: "lock" in server.asked)
        await desk.chat.answers(rotation)
        content = Incoming(rotation, ROOM, str(YOU), TEXT, "!rotate nano", True, True).to_json()
        await desk.unanswer(InboxMessage(rotation, content, None))
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        [said] = await desk.chat.answers(rotation)
        assert "Meanwhile !pause" in said
        [said] = await desk.chat.answers(pause)
        assert "I was cut off at “lock it” and finished it" in said
        assert "✅ @nano:example.org is paused" in said
        assert server.accounts[NANO].is_locked
        assert len(desk.chat.secrets) == 0


async def test_a_resume_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await paused(desk)
        server.hangs = lambda what: what == "unlock"
        resume = await desk.says("!resume nano")
        await until(lambda: "unlock" in server.asked)
    server.hangs = nowhere
    server.accounts[NANO].is_locked = False  # carried out, and the answer was lost
    async with a_desk(tmp_path, server) as desk:
        [said] = await desk.chat.answers(resume)
        assert "is not paused any more" in said
        assert not await is_paused(desk)


async def test_a_paused_bot_can_be_signed_out_and_stays_paused(desk: Desk) -> None:
    await paused(desk)
    await desk.asks("!revoke nano")
    assert "It stays paused. Let it in again: !resume nano, then !rotate nano" in await desk.asks(
        "nano"
    )
    assert desk.server.accounts[NANO].is_locked
    assert not desk.server.accounts[NANO].devices
    assert "It has no login, though" in await desk.asks("!resume nano")


async def test_a_paused_bot_can_be_deleted(desk: Desk) -> None:
    await paused(desk)
    await desk.asks("!deletebot nano")
    assert "is deleted" in await desk.asks("nano")


async def test_the_devices_of_a_paused_bot_are_not_waited_for(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    assert len(await desk.store.awaited.all()) == 1
    await desk.asks("!pause nano")
    await desk.asks("nano")
    assert await desk.store.awaited.all() == []
    await desk.asks("!resume nano")
    assert len(await desk.store.awaited.all()) == 1


async def test_an_account_that_is_gone_is_not_made_by_a_pause(desk: Desk) -> None:
    await paused(desk)
    del desk.server.accounts[NANO]
    for line in ("!pause nano", "!resume nano"):
        assert "not on the server any more" in await desk.asks(line)
    assert not desk.server.accounts


# -- a fresh password


async def test_a_fresh_password_leaves_the_sessions_alone(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    [device] = desk.server.accounts[NANO].devices
    assert "the older password is dead" in await desk.asks("!password nano")
    block = dict(line.split("=", 1) for line in desk.chat.secrets[-1].split("\n"))
    assert block == {
        "MATRIX_HOMESERVER": "https://example.org",
        "MATRIX_USER_ID": "@nano:example.org",
        "MATRIX_DEVICE_ID": device,
        "MATRIX_PASSWORD": desk.server.accounts[NANO].password,
    }
    assert "new password" in desk.chat.secrets[-2]
    assert desk.server.alive(token)
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert (bot.has_password, bot.device_id) == (True, device)
    # The card with the token works, and stays; a second password voids the first one's card.
    cards = await desk.store.cards.open()
    assert [card.kind for card in cards] == [CardKind.BOT, CardKind.PASSWORD]
    await desk.asks("!password nano")
    first, older, newer = await desk.store.cards.open()
    assert first.vanishes_at == cards[0].vanishes_at
    assert older.vanishes_at
    assert newer.vanishes_at
    assert older.vanishes_at < newer.vanishes_at
    await desk.cards.take_back(older, "time")
    assert "is dead. The newer one is below." in desk.chat.contents[-1]["m.new_content"]["body"]
    await desk.cards.take_back(first, "time")
    assert "Lost it? !rotate nano" in desk.chat.contents[-1]["m.new_content"]["body"]
    await desk.cards.take_back(newer, "time")
    said = desk.chat.contents[-1]["m.new_content"]["body"]
    assert "The password for @nano:example.org was here and is removed" in said
    assert "Lost it? !password nano" in said


async def test_a_form_without_a_place_for_it_becomes_the_plain_form(desk: Desk) -> None:
    assert "✅" in await desk.asks("!newbot nano --for apprise --room !clubclubclub:example.org")
    await desk.asks("!password nano")
    assert "MATRIX_PASSWORD=" in desk.chat.secrets[-1]
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.app == "apprise"


async def test_of_a_program_that_logs_in_itself_the_older_card_is_void(desk: Desk) -> None:
    await desk.asks("!newbot nano --for postmoogle")
    before = await desk.store.bots.find(NANO)
    await desk.asks("!password nano")
    assert desk.server.accounts[NANO].password in desk.chat.secrets[-1]
    older, newer = await desk.store.cards.open()
    assert [older.kind, newer.kind] == [CardKind.BOT, CardKind.BOT]
    assert older.vanishes_at
    assert older.vanishes_at <= now()
    await desk.cards.take_back(older, "time")
    assert "is dead. The newer one is below." in desk.chat.contents[-1]["m.new_content"]["body"]
    after = await desk.store.bots.find(NANO)
    assert before
    assert after
    assert (after.device_id, after.app) == (before.device_id, "postmoogle")
    assert after.token_at
    assert before.token_at
    assert after.token_at > before.token_at


async def test_a_signed_out_bot_gets_a_login_by_its_password(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    await desk.asks("nano")
    await desk.asks("!password nano")
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.token_at
    assert bot.device_id is None
    [awaited] = await desk.store.awaited.all()
    assert awaited.device_id == ""


async def test_a_password_that_nobody_has_is_made_anew(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await token_of(desk, "!newbot nano")
        server.hangs = lambda what: what == "set password"
        asked = await desk.says("!password nano")
        await until(lambda: "set password" in server.asked)
        server.accounts[NANO].password = "by the first run"
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        [said] = await desk.chat.answers(asked)
        assert "I was cut off at “set a password” and finished it" in said
        assert f"MATRIX_PASSWORD={server.accounts[NANO].password}" in desk.chat.secrets[-1]


async def test_a_password_does_not_come_between_a_rotation_and_its_login(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.logins_left = 0
    rotation = await desk.says("!rotate nano")
    await desk.chat.answers(rotation)
    before = desk.server.accounts[NANO].password
    assert "waits for Synapse's login limit already" in await desk.asks("!password nano")
    assert desk.server.accounts[NANO].password == before


async def test_where_accounts_have_no_passwords_that_is_said(tmp_path: Path) -> None:
    async with a_desk(tmp_path, other=OneStepBackend()) as desk:
        await desk.asks("!newbot nano")
        assert "have no password. Nothing was changed" in await desk.asks("!password nano")


# -- notes


async def test_a_note_is_kept_shown_and_cleared(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    asked = len(desk.server.asked)
    assert await desk.asks("!note nano") == "nano has no note.\nGive it one: !note nano TEXT"
    said = await desk.asks("!note nano reads   the `door` *bell* to me")
    assert said == "✅ Noted of nano: reads the door bell to me"
    shown = "📝 nano: reads the door bell to me\nClear it: !note nano -"
    assert await desk.asks("!note nano") == shown
    for line, answer in (
        (f"!note nano {'x' * 201}", "has 200 characters at most, and that has 201"),
        ("!note nano ``", "no text that can be seen"),
    ):
        assert answer in await desk.asks(line)
        assert await desk.asks("!note nano") == shown
    assert "✅" in await desk.asks(f"!note nano {'x' * 200}")
    assert await desk.asks("!note nano –") == "✅ nano has no note any more."
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.note == ""
    assert len(desk.server.asked) == asked, "the server has no part in it"


async def test_under_a_lockdown_a_note_is_shown_and_not_changed(desk: Desk) -> None:
    await token_of(desk, "!newbot nano --note “door bell”")
    await desk.lockdown.lock(NANO)
    assert "locked down" in await desk.asks("!note nano other")
    assert "📝 nano: door bell" in await desk.asks("!note nano")


async def test_a_note_that_comes_into_a_rotation_stays(desk: Desk) -> None:
    await token_of(desk, "!newbot nano --note old")
    desk.server.hangs = lambda what: what == "set password"
    rotation = await desk.says("!rotate nano")
    await until(lambda: "set password" in desk.server.asked)
    assert "Noted" in await desk.asks("!note nano new")
    desk.server.hangs = nowhere
    assert "✅" in (await desk.chat.answers(rotation))[0]
    assert "nano: new" in await desk.asks("!note nano")


async def test_a_note_comes_with_a_new_bot(desk: Desk) -> None:
    await token_of(desk, "!newbot nano My pal --note “reads the door bell”")
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert (bot.note, bot.display_name) == ("reads the door bell", "My pal")
    assert "200 characters at most" in await desk.asks(f"!newbot other --note {'x' * 201}")
    assert len(desk.server.accounts) == 1
