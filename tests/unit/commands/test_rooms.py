"""Where bots are, by command: over tests/desk.py."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.homeserver.values import RoomFacts
from tests.desk import NANO, OTHER, YOU, Desk, a_desk, nowhere, token_of, until

pytestmark = pytest.mark.anyio

ROOM, BARE = "!abcdefghijkl:example.org", "!" + "b" * 43
OPS = "!opsopsopsops:example.org"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as opened:
        opened.server.aliases = {"#alerts:example.org": ROOM}
        yield opened


async def test_a_bot_enters_the_rooms_that_it_is_invited_to(desk: Desk) -> None:
    await desk.asks("!newbot nano")
    assert "has no invitation" in await desk.asks("!join nano")
    desk.server.inviting = {ROOM, BARE}
    said = await desk.asks("!join nano")
    assert ROOM in said
    assert BARE in said
    assert desk.server.entered == [(str(NANO), ROOM), (str(NANO), BARE)]
    assert desk.server.asked[-1] == "log out"


async def test_a_bot_enters_a_room_by_name_or_the_person_is_told_why_not(desk: Desk) -> None:
    await desk.asks("!newbot nano")
    said = await desk.asks("!join nano #alerts:example.org")
    assert "is not let into that room" in said
    assert desk.server.asked[-1] == "log out"
    desk.server.inviting = {ROOM}
    assert "✅" in await desk.asks("!join nano #alerts:example.org")
    assert "names no room" in await desk.asks("!join nano nonsense")
    assert YOU not in desk.server.accounts


async def test_where_a_bot_is_and_is_invited(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    assert "is in no room" in await desk.asks("!rooms nano")
    rooms = desk.server.rooms
    rooms.known = {
        ROOM: RoomFacts(ROOM, "Ale`rts\u202e", "#alerts:example.org", 3, True),
        BARE: RoomFacts(BARE),
        OPS: RoomFacts(OPS, "Ops", "", 2, False),
    }
    desk.server.entered = [(str(NANO), ROOM), (str(NANO), BARE)]
    desk.server.inviting = {OPS}
    assert (await desk.asks("!rooms nano")).split("\n") == [
        "🚪 Rooms of nano (2)",
        "• Ale rts #alerts:example.org: 3 in it, encrypted",
        f"• {BARE}: not known here",
        "✉️ Invited (1)",
        f"• Ops {OPS}, by @you:example.org",
        "Accept: !join nano",
    ]
    assert desk.server.asked[-1] != "log in"


async def test_of_many_rooms_the_first_are_shown(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.entered = [(str(NANO), f"!room{number:02}") for number in range(30)]
    said = await desk.asks("!rooms nano")
    assert "(30)" in said
    assert said.count("• ") == 20
    assert said.endswith("and 10 more")


@pytest.mark.parametrize(
    "typed", [ROOM, "#alerts:example.org", "alerts", "“Alerts”", f"https://matrix.to/#/{ROOM}"]
)
async def test_a_bot_leaves_a_room_after_its_name(desk: Desk, typed: str) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.entered = [(str(NANO), ROOM), (str(NANO), BARE)]
    desk.server.rooms.known = {ROOM: RoomFacts(ROOM, "Alerts")}
    question = await desk.asks(f"!leave nano {typed}")
    assert f"out of Alerts {ROOM}?" in question
    await desk.taps("✅", await desk.question())
    await desk.settled()
    assert len(desk.server.entered) == 2
    assert f"is out of {ROOM}" in await desk.asks("nano")
    assert desk.server.entered == [(str(NANO), BARE)]
    assert desk.server.asked[-1] == "log out"


async def test_an_invitation_is_declined(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.inviting = {ROOM}
    assert f"decline the invitation to {ROOM}?" in await desk.asks(f"!leave nano {ROOM}")
    assert "✅" in await desk.asks("nano")
    assert not desk.server.inviting


async def test_a_room_that_is_named_like_another_room_is_not_the_other_room(desk: Desk) -> None:
    """Anybody can invite a bot to a room that is called like an alias or an id."""
    await token_of(desk, "!newbot nano")
    desk.server.entered = [(str(NANO), ROOM)]
    desk.server.inviting = {BARE, OPS}
    desk.server.rooms.known = {BARE: RoomFacts(BARE, "#alerts:example.org")}
    desk.server.rooms.known[OPS] = RoomFacts(OPS, ROOM)
    for typed in ("#alerts:example.org", ROOM):
        assert f"out of {ROOM}?" in await desk.asks(f"!leave nano {typed}")


async def test_a_name_counts_only_where_every_room_was_looked_at(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.entered = [(str(NANO), f"!room{number:012}:x.org") for number in range(22)]
    first, last = (f"!room{number:012}:x.org" for number in (0, 21))
    desk.server.rooms.known = {it: RoomFacts(it, "Ops") for it in (first, last)}
    assert "so many rooms that a name is not enough" in await desk.asks("!leave nano ops")
    assert "names no room" in await desk.asks("!leave nano nothing like it")
    assert f"out of {last}?" in await desk.asks(f"!leave nano {last}")
    assert "✅" in await desk.asks("nano")
    await desk.asks(f"!leave nano {OPS}")
    assert "is not in that room" in await desk.asks("nano")
    assert len(desk.server.entered) == 21


# -- accounts that nobody acts as


async def test_a_paused_bot_is_looked_at_and_left_alone(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.inviting = {OPS}
    desk.server.accounts[NANO].is_locked = True
    assert (await desk.asks("!rooms nano")).split("\n") == [
        "🚪 @nano:example.org is in no room.",
        "Paused, so its invitations are not seen: !resume nano",
    ]
    desk.server.entered = [(str(NANO), ROOM)]
    assert f"• {ROOM}: not known here\nPaused, so" in await desk.asks("!rooms nano")
    for line in ("!join nano", f"!join nano {OPS}", f"!leave nano {ROOM}", "!chat nano"):
        assert "is paused: its account is locked" in await desk.asks(line)
    assert "act as" not in desk.server.asked


async def test_a_bot_that_was_paused_before_the_answer_leaves_nothing(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.entered = [(str(NANO), ROOM)]
    await desk.asks(f"!leave nano {ROOM}")
    desk.server.accounts[NANO].is_locked = True
    assert "is paused: its account is locked" in await desk.asks("nano")
    assert desk.server.entered


@pytest.mark.parametrize(
    "line",
    ["!rooms nano", "!join nano", f"!join nano {ROOM}", f"!leave nano {ROOM}", "!chat nano"],
)
async def test_nobody_acts_as_a_closed_account_or_a_server_admin(desk: Desk, line: str) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.inviting = {ROOM}
    desk.server.accounts[NANO].is_admin = True
    assert "is a server admin" in await desk.asks(line)
    desk.server.accounts[NANO].is_admin = False
    desk.server.accounts[NANO].closed = True
    assert "not on the server any more" in await desk.asks(line)
    del desk.server.accounts[NANO]
    assert "not on the server any more" in await desk.asks(line)
    assert "act as" not in desk.server.asked


async def test_a_room_that_lets_nobody_in_does_not_bar_the_others(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.inviting = {BARE, OPS}
    desk.server.rooms.closed = {BARE}
    assert (await desk.asks("!join nano")).split("\n") == [
        "✅ @nano:example.org is in:",
        f"• {OPS}",
        "Not let in, though invited:",
        f"• {BARE}",
    ]
    said = await desk.asks("!join nano")
    assert "let into none of those rooms. Nothing was changed." in said
    assert desk.server.entered == [(str(NANO), OPS)]


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        (OPS, "is not in that room"),
        ("#nowhere:example.org", "There is no room"),
        ("no such name", "names no room"),
        ("Ops", "is in 2 rooms of that name"),
        ("", "!leave needs a room"),
    ],
)
async def test_what_cannot_be_left(desk: Desk, typed: str, why: str) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.entered = [(str(NANO), ROOM), (str(NANO), BARE)]
    desk.server.rooms.known = {ROOM: RoomFacts(ROOM, "ops"), BARE: RoomFacts(BARE, "Ops ")}
    assert why in await desk.asks(f"!leave nano {typed}")
    assert not await desk.store.questions.of(YOU)
    assert len(desk.server.entered) == 2


async def test_a_leave_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    """The bot was out already: that is no error of the second run."""
    async with a_desk(tmp_path) as desk:
        await token_of(desk, "!newbot nano")
        server = desk.server
        server.entered = [(str(NANO), ROOM)]
        await desk.asks(f"!leave nano {ROOM}")
        server.hangs = lambda what: what == "log out"
        await desk.says("nano")
        await until(lambda: not server.entered)
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        assert f"is out of {ROOM}" in desk.chat.said[-1][1]


# -- a chat with a bot


async def test_a_chat_is_made_once_and_found_again(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    rooms = desk.server.rooms
    assert "has invited you to a private chat" in await desk.asks("!chat nano")
    [room_id] = rooms.state
    assert rooms.direct[str(NANO)] == {str(YOU): [room_id]}
    assert "to your private chat already: accept" in await desk.asks("!chat nano")
    rooms.member(room_id, str(YOU), "join")
    assert "have a private chat already" in await desk.asks("!chat nano")
    assert desk.server.asked.count("invite") == 0
    rooms.member(room_id, str(YOU), "leave")
    assert "invited you to your private chat again" in await desk.asks("!chat nano")
    assert desk.server.asked.count("invite") == 1
    assert list(rooms.state) == [room_id]
    assert "has invited you to a private chat" in await desk.asks("!chat nano", sender=OTHER)
    assert len(rooms.state) == 2
    assert desk.server.asked[-1] == "log out"


async def test_a_chat_with_somebody_else_in_it_is_none(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!chat nano")
    [room_id] = desk.server.rooms.state
    desk.server.rooms.member(room_id, str(OTHER), "join")
    assert "has invited you to a private chat" in await desk.asks("!chat nano")
    assert len(desk.server.rooms.state) == 2


async def test_a_chat_that_was_cut_off_is_not_made_twice(tmp_path: Path) -> None:
    """The crash came between the room and the note of it."""
    async with a_desk(tmp_path) as desk:
        await token_of(desk, "!newbot nano")
        server = desk.server
        server.hangs = lambda what: what == "m.direct"
        await desk.says("!chat nano")
        await until(lambda: server.rooms.state)
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        [room_id] = server.rooms.state
        assert server.rooms.direct[str(NANO)] == {str(YOU): [room_id]}


async def test_a_chat_whose_answer_was_lost_is_found_by_the_next_command(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    rooms = desk.server.rooms
    desk.server.entered = [(str(NANO), f"!other{number}") for number in range(30)]
    rooms.loses_answer = True
    assert "no usable answer" in await desk.asks("!chat nano")
    [room_id] = rooms.state
    rooms.loses_answer = False
    assert "to your private chat already: accept" in await desk.asks("!chat nano")
    assert list(rooms.state) == [room_id]
    assert rooms.direct[str(NANO)] == {str(YOU): [room_id]}


async def test_another_persons_room_or_a_bigger_one_is_not_taken_for_the_chat(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    rooms = desk.server.rooms
    await desk.asks("!chat nano", sender=OTHER)
    [others] = rooms.state
    rooms.direct.clear()
    assert "has invited you to a private chat" in await desk.asks("!chat nano")
    [own] = [it for it in rooms.state if it != others]
    rooms.direct.clear()
    rooms.made_by[own] = str(YOU)  # a room that the person made for something
    assert "has invited you to a private chat" in await desk.asks("!chat nano")
    assert len(rooms.state) == 3


async def test_where_the_person_cannot_be_let_in_again_a_chat_is_made_anew(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    rooms = desk.server.rooms
    await desk.asks("!chat nano")
    [first] = rooms.state
    rooms.member(first, str(YOU), "leave")
    rooms.closed = {first}
    assert "has invited you to a private chat" in await desk.asks("!chat nano")
    second = list(rooms.state)[1]
    assert rooms.direct[str(NANO)] == {str(YOU): [first, second]}
    rooms.member(second, str(YOU), "ban")
    assert "has invited you to a private chat" in await desk.asks("!chat nano")
    assert len(rooms.state) == 3


async def test_what_is_left_by_the_bot_is_no_chat_any_more(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!chat nano")
    desk.server.entered.clear()
    assert "has invited you to a private chat" in await desk.asks("!chat nano")
    assert len(desk.server.rooms.state) == 2


@pytest.mark.parametrize("cut_at", ["invite", "log out"])
async def test_an_invitation_that_was_cut_off_is_finished(tmp_path: Path, cut_at: str) -> None:
    async with a_desk(tmp_path) as desk:
        await token_of(desk, "!newbot nano")
        await desk.asks("!chat nano")
        server = desk.server
        [room_id] = server.rooms.state
        server.rooms.member(room_id, str(YOU), "leave")
        server.hangs = lambda what: what == cut_at
        asked = len(server.asked)
        await desk.says("!chat nano")
        await until(lambda: cut_at in server.asked[asked:])
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        assert "invited you to your private chat again" in desk.chat.said[-1][1]
        assert list(server.rooms.state) == [room_id]


async def test_an_app_that_cannot_read_there_is_named(desk: Desk) -> None:
    await desk.asks("!newbot nano --for curl --room #alerts:example.org")
    assert "Its app does not encrypt" in await desk.asks("!chat nano")


async def test_a_chat_with_a_bot_that_is_signed_out_says_so(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano")
    await desk.asks("nano")
    assert "Nobody answers there yet: !rotate nano" in await desk.asks("!chat nano")
