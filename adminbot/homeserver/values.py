"""What a homeserver says about accounts, as values of both APIs."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from adminbot.errors import HomeserverUnreachable
from adminbot.values.ids import UserId, is_device_id, is_localpart, is_token
from adminbot.values.secret import Secret

# What an answer must have to be a session: name → type.
SESSION: Mapping[str, type] = {"user_id": str, "device_id": str, "access_token": str}

SHOWN = 4  # characters of a sign-up token; many more stay secret


@dataclass(frozen=True, slots=True)
class Session:
    """What a program needs to be somebody: a token bound to a device."""

    user_id: UserId
    device_id: str
    token: Secret


@dataclass(frozen=True, slots=True)
class Device:
    """A session of an account; `last_seen` is None for a device that was never used."""

    device_id: str
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class AccountState:
    """What the server says of an account; a locked account's sessions all answer 401.

    `made_at`: UTC, None if the server does not say. `last_seen`: on any session, also one that is
    ended; None if the server does not say. `user_type`: such as `bot`, empty for most
    people. `appservice_id`: of the bridge that the account belongs to, or empty.
    """

    user_id: UserId
    is_admin: bool
    is_deactivated: bool
    is_locked: bool = False
    made_at: datetime | None = None
    user_type: str = ""
    appservice_id: str = ""
    display_name: str = ""
    last_seen: datetime | None = None


@dataclass(frozen=True, slots=True)
class PersonSeen:
    """An account in a list; `last_seen` is None for an account that was never used."""

    user_id: UserId
    display_name: str
    is_admin: bool
    is_locked: bool
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class SignUpToken:
    """A token with which people register; `uses_left` and `until` are None without a limit."""

    token: Secret
    uses_left: int | None
    until: datetime | None

    @property
    def beginning(self) -> str:
        """The few characters by which the token may be shown."""
        return self.token.reveal()[:SHOWN]

    def begins_with(self, text: str) -> bool:
        return self.token.reveal().startswith(text)


class SigningUp(Enum):
    """Who can make an account for themselves."""

    SHUT = "nobody"
    BY_TOKEN = "who has a sign-up token"  # noqa: S105 (words of a sentence)
    BY_ANYBODY = "anybody"
    UNKNOWN = "cannot be seen now"


@dataclass(frozen=True, slots=True)
class RoomFacts:
    """A room as the server knows it; `name` and `alias` are empty where there is none.

    `members`: how many people and bots have joined. `creator`: the user id of who made the room.
    """

    room_id: str
    name: str = ""
    alias: str = ""
    members: int = 0
    is_encrypted: bool = False
    creator: str = ""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A room that an account is invited to; `sender`: who invited, empty if not told."""

    room_id: str
    name: str = ""
    sender: str = ""


class RemovalState(Enum):
    """How far a removal of an account's messages is."""

    GOES_ON = "goes on"
    DONE = "done"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"  # a Synapse before 1.116


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal of an account's messages; `left`: how many messages it could not remove."""

    state: RemovalState
    left: int = 0


def session_of(body: dict[str, Any]) -> Session:
    """The session in a login or register answer: no more in it than may stand on a card.

    Raises:
        HomeserverUnreachable: there is no session in the answer. Whether the user and the
            device are the ones that were asked for, the caller has to see.
    """
    user_id, device_id = user_of(body), body["device_id"]
    if not (is_localpart(user_id.localpart) and is_device_id(device_id)):
        raise HomeserverUnreachable("a login that is no login")
    return Session(user_id, device_id, token_of(body))


def token_of(body: dict[str, Any]) -> Secret:
    """The access token in an answer. Raises HomeserverUnreachable: there is none."""
    if not is_token(body["access_token"]):
        raise HomeserverUnreachable("a token that is no token")
    return Secret(body["access_token"])


def user_of(body: dict[str, Any]) -> UserId:
    """The user id in an answer. Raises HomeserverUnreachable: there is none."""
    try:
        return UserId.parse(body["user_id"])
    except ValueError:
        raise HomeserverUnreachable("a login of nobody") from None


def invitation_of(room_id: str, room: object) -> Invitation:
    """The invitation in `rooms.invite` of a /sync answer, by the state events in there."""
    state = room.get("invite_state") if isinstance(room, dict) else None
    events = state.get("events") if isinstance(state, dict) else None
    name = sender = ""
    for event in events if isinstance(events, list) else []:
        content = event.get("content") if isinstance(event, dict) else None
        if not isinstance(content, dict):
            continue
        if event.get("type") == "m.room.name" and isinstance(content.get("name"), str):
            name = content["name"]
        is_invitation = event.get("type") == "m.room.member"
        if is_invitation and content.get("membership") == "invite":
            sender = str(event.get("sender") or "")
    return Invitation(room_id, name, sender)
