"""Which room is the private chat of a bot and a person, by the room's state."""

from typing import Any

import pytest

from adminbot.accounts.private_chat import membership_in
from tests.desk import NANO, OTHER, YOU

JSON = dict[str, Any]


def event(kind: str, key: str = "", **content: Any) -> JSON:
    return {"type": kind, "state_key": key, "content": content}


def member(user_id: object, membership: str) -> JSON:
    return event("m.room.member", str(user_id), membership=membership)


ENCRYPTED = event("m.room.encryption", algorithm="m.megolm.v1.aes-sha2")
BY_INVITATION = event("m.room.join_rules", join_rule="invite")
TWO = [member(NANO, "join"), ENCRYPTED, BY_INVITATION]


@pytest.mark.parametrize("membership", ["join", "invite", "leave", "ban"])
def test_a_chat_of_the_two_whatever_has_become_of_the_person(membership: str) -> None:
    assert membership_in([*TWO, member(YOU, membership)], NANO, YOU) == membership


@pytest.mark.parametrize(
    "state",
    [
        [],
        TWO,  # nobody else was ever there
        [*TWO, member(OTHER, "join")],
        [*TWO, member(YOU, "join"), member(OTHER, "join")],
        [*TWO, member(YOU, "join"), member(OTHER, "invite")],
        [member(NANO, "leave"), member(YOU, "join"), ENCRYPTED],
        [member(NANO, "join"), member(YOU, "join")],  # in clear
        [*TWO, member(YOU, "join"), event("m.room.name", name="Ops")],
        [*TWO[:2], member(YOU, "join"), event("m.room.join_rules", join_rule="public")],
        [
            *TWO,
            member(YOU, "join"),
            event("m.room.history_visibility", history_visibility="world_readable"),
        ],
        [{"type": "m.room.member", "state_key": str(YOU), "content": "nonsense"}, ENCRYPTED],
    ],
)
def test_any_other_room_is_none(state: list[JSON]) -> None:
    assert membership_in(state, NANO, YOU) is None


def test_who_was_there_once_is_no_matter() -> None:
    state = [*TWO, member(YOU, "join"), member(OTHER, "leave")]
    assert membership_in(state, NANO, YOU) == "join"
