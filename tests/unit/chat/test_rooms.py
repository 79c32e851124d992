"""How rooms are made, and which are fit for secrets. No server."""

from typing import Any

import pytest

from adminbot.chat.rooms import (
    SYNC_FILTER,
    is_two_of_us,
    may_take_back,
    why_unfit,
)
from adminbot.homeserver.new_rooms import admin_room, direct_chat
from adminbot.values.ids import UserId
from tests.fakes import OWN, room_of

YOU, HER = UserId("you", "example.org"), UserId("her", "example.org")
PAIR = {str(OWN), str(YOU)}


@pytest.mark.parametrize(
    ("body", "invited", "direct"),
    [
        pytest.param(admin_room(OWN, [YOU, HER]), [str(YOU), str(HER)], False, id="admin room"),
        pytest.param(direct_chat(YOU), [str(YOU)], True, id="direct chat"),
    ],
)
def test_a_room_is_made_encrypted_and_closed(
    body: dict[str, Any], invited: list[str], direct: bool
) -> None:
    """`trusted_private_chat` would make everybody invited a second owner."""
    state = {event["type"]: event["content"] for event in body["initial_state"]}

    assert body["preset"] == "private_chat"
    assert body["invite"] == invited
    assert body["is_direct"] is direct
    assert body["power_level_content_override"] == {"invite": 100}
    assert body.get("visibility", "private") == "private"
    assert state == {
        "m.room.encryption": {"algorithm": "m.megolm.v1.aes-sha2"},
        "m.room.history_visibility": {"history_visibility": "invited"},
        "m.room.guest_access": {"guest_access": "forbidden"},
    }


def test_a_chat_of_two_is_fit() -> None:
    assert why_unfit(room_of("!r", YOU), PAIR) == ""
    assert why_unfit(room_of("!r"), PAIR) == "", "also before the other one is in it"


@pytest.mark.parametrize(
    ("what", "value", "why"),
    [
        ("encrypted", False, "it is not encrypted"),
        ("join_rule", "public", "without an invitation"),
        ("join_rule", "knock", "without an invitation"),
        ("join_rule", "restricted", "without an invitation"),
        ("join_rule", "", "without an invitation"),
        ("history_visibility", "world_readable", "its history is open to everybody"),
        ("history_visibility", "", "its history is open to everybody"),
    ],
)
def test_a_room_that_is_not_fit_says_why(what: str, value: object, why: str) -> None:
    room = room_of("!r", YOU)
    setattr(room, what, value)
    assert why in why_unfit(room, PAIR)


@pytest.mark.parametrize("invited", [True, False])
def test_nor_is_one_with_somebody_else_in_it_or_on_the_way(invited: bool) -> None:
    room = room_of("!r", YOU)
    room.add_member(str(HER), None, None, invited=invited)
    assert why_unfit(room, PAIR) == f"`{HER}` is in it"


def test_a_direct_chat_has_nobody_else_in_it() -> None:
    own = str(OWN)
    assert is_two_of_us(room_of("!r", YOU), own, str(YOU))
    assert not is_two_of_us(None, own, str(YOU))
    assert not is_two_of_us(room_of("!r"), own, str(YOU))
    assert not is_two_of_us(room_of("!r", HER), own, str(YOU))
    assert not is_two_of_us(room_of("!r", YOU, HER), own, str(YOU))


def test_the_state_that_makes_a_room_fit_is_asked_for() -> None:
    needed = {
        "m.room.member",
        "m.room.encryption",
        "m.room.history_visibility",
        "m.room.join_rules",
    }
    assert needed <= set(SYNC_FILTER["room"]["state"]["types"])
    assert needed <= set(SYNC_FILTER["room"]["timeline"]["types"])


# -- who may take back what they said

ME = "@bot:example.org"


@pytest.mark.parametrize(
    ("version", "levels", "may"),
    [
        ("11", {}, True),
        ("11", {"events_default": 1}, False),
        ("11", {"events_default": 1, "users": {ME: 1}}, True),
        ("11", {"events": {"m.room.redaction": 50}}, False),
        ("11", {"events": {"m.room.redaction": 50}, "users_default": 50}, True),
        ("11", {"events": {"m.room.encrypted": "0"}}, False),
        ("11", {"users": {ME: None}}, False),
        ("11", {"events": 7, "users": []}, True),
        ("12", {"events_default": 1}, True),
    ],
)
def test_who_may_take_back_what_they_said(version: str, levels: Any, *, may: bool) -> None:
    create = {"room_version": version, "additional_creators": [ME]}
    state = [
        {"type": "m.room.create", "sender": "@you:example.org", "content": create},
        {"type": "m.room.power_levels", "content": levels},
    ]
    state = [event | {"state_key": ""} for event in state]
    assert may_take_back(state, ME) is may
    odd = {"type": "m.room.create", "state_key": "", "content": {"additional_creators": 7}}
    assert may_take_back([odd], ME)
