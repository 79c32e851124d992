"""Rooms as adminbot reads rooms: the admin room and one direct chat per admin."""

from collections.abc import Collection
from typing import Any

from nio import BadEvent, Event, MatrixRoom, RoomMemberEvent, UnknownBadEvent

from adminbot.values.text import shown_id

_OLD_NAME = "adminbot"  # of every admin room, up to 0.1.0


def why_unfit(room: MatrixRoom, allowed: Collection[str]) -> str:
    """Why a room is no place for secrets, to be read after "because"; empty if the room is fit.

    Args:
        allowed: the only user ids with a right to be in the room or invited.
    """
    strangers = sorted((set(room.users) | set(room.invited_users)) - set(allowed))
    if strangers:
        return f"`{shown_id(strangers[0])}` is in it"
    if not room.encrypted:
        return "it is not encrypted"
    if room.join_rule != "invite":
        return "others can join it without an invitation"
    if room.history_visibility not in ("invited", "joined", "shared"):
        return "its history is open to everybody"
    return ""


def made_by(state: list[dict[str, Any]], own: str) -> bool:
    """Whether we made this room, by the word of the server (all of the room's state events)."""
    return [it.get("sender") for it in state if it.get("type") == "m.room.create"] == [own]


def found_again(
    state: list[dict[str, Any]], own: str, people: Collection[str], name: str | None
) -> bool:
    """Whether an interrupted setup of ours made the room, and the room is still fit for secrets.

    A name proves nothing: anybody names a room as they like. The maker is the server's word.

    Args:
        state: all state events of the room.
        people: everybody else in the room or invited.
        name: the name of the room, or the name that rooms had before; None for no name.
    """
    room = _room_of(state, own)
    everybody = {own, *people}
    names = (name, _OLD_NAME) if name else (None,)
    is_ours = made_by(state, own) and set(room.users) == everybody and room.name in names
    return is_ours and not why_unfit(room, everybody)


def people_in(state: list[dict[str, Any]], own: str) -> tuple[set[str], set[str]]:
    """The user ids of who is in a room, and of who is invited, by all of its state events."""
    room = _room_of(state, own)
    invited = set(room.invited_users)
    return set(room.users) - invited, invited  # nio counts the invited among the users, too


def why_open(state: list[dict[str, Any]], own: str) -> str:
    """As `why_unfit`, whoever is in the room, by all of its state events."""
    room = _room_of(state, own)
    return why_unfit(room, {*room.users, *room.invited_users})


def _room_of(state: list[dict[str, Any]], own: str) -> MatrixRoom:
    room = MatrixRoom("", own)
    for source in state:
        event = Event.parse_event(source)
        if isinstance(event, RoomMemberEvent):
            room.handle_membership(event)
        elif not isinstance(event, BadEvent | UnknownBadEvent):
            room.handle_event(event)
    return room


def may_take_back(state: list[dict[str, Any]], own: str) -> bool:
    """Whether `own` may speak in a room and redact what it said.

    Args:
        state: all state events of the room.

    Source: client-server API, `m.room.power_levels`; room version 12 gives creators all power.
    """
    events = {str(it.get("type")): it for it in state if it.get("state_key") == ""}
    create = events.get("m.room.create", {})
    more = _part(create, "content").get("additional_creators")
    creators = [create.get("sender"), *(more if isinstance(more, list) else [])]
    if own in creators and _part(create, "content").get("room_version") not in _WITHOUT_CREATORS:
        return True
    levels = _part(events.get("m.room.power_levels", {}), "content")
    others = levels.get("events_default", 0)
    needed = [_part(levels, "events").get(kind, others) for kind in _WE_SEND]
    level = _part(levels, "users").get(own, levels.get("users_default", 0))
    known = isinstance(level, int) and all(isinstance(it, int) for it in needed)
    return known and level >= max(needed)


def _part(value: dict[str, Any], name: str) -> dict[str, Any]:
    found = value.get(name)
    return found if isinstance(found, dict) else {}


def is_two_of_us(room: MatrixRoom | None, own: str, user_id: str) -> bool:
    """Whether a room is the person's own direct chat with us, encrypted or not."""
    return room is not None and set(room.users) <= {own, user_id} and user_id in room.users


_WITHOUT_CREATORS = (None, *map(str, range(1, 12)))  # room versions in which levels say it all
_WE_SEND = ("m.room.encrypted", "m.room.redaction")
_STATE = [
    "m.room.member",
    "m.room.encryption",
    "m.room.history_visibility",
    "m.room.join_rules",
]
SYNC_FILTER: dict[str, Any] = {
    "presence": {"types": []},
    "account_data": {"types": []},
    "room": {
        "ephemeral": {"types": []},
        "account_data": {"types": []},
        "state": {"types": _STATE},
        "timeline": {
            "limit": 100,
            "types": [
                "m.room.message",
                "m.room.encrypted",
                "m.reaction",
                "m.key.verification.*",  # Element Web sends them in clear
                *_STATE,
            ],
        },
    },
}
