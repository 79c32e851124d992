"""Rooms as adminbot makes rooms, for itself and for bots; and who has which direct chat. Pure.

Source: client-server API, "Room creation", "Direct Messaging".
"""

from typing import Any

from adminbot.homeserver.client_api import ClientApi
from adminbot.values.ids import UserId


def admin_room_name(own: UserId) -> str:
    """The admin room's name; a private chat has none, so that clients show our own name."""
    return f"{own.localpart}: admin room"


def _private(name: str | None, invite: list[UserId], *, direct: bool) -> dict[str, Any]:
    """A createRoom body: encrypted, by invitation of the bot only, history from the invitation.

    `private_chat`, not `trusted_private_chat`: the latter makes everybody invited a second
    creator, who could let others in.
    """
    body: dict[str, Any] = {
        "preset": "private_chat",
        "invite": [str(user_id) for user_id in invite],
        "is_direct": direct,
        "initial_state": [
            _state("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}),
            _state("m.room.history_visibility", {"history_visibility": "invited"}),
            _state("m.room.guest_access", {"guest_access": "forbidden"}),
        ],
        "power_level_content_override": {"invite": 100},
    }
    return body | ({"name": name} if name else {})


def admin_room(own: UserId, admins: list[UserId]) -> dict[str, Any]:
    """The createRoom body of the room for the admins' commands."""
    return _private(admin_room_name(own), admins, direct=False)


def direct_chat(user_id: UserId) -> dict[str, Any]:
    """The createRoom body of the room for one admin's cards."""
    return _private(None, [user_id], direct=True)


def _state(kind: str, content: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "state_key": "", "content": content}


async def direct_rooms(account: ClientApi, own: UserId, user_id: UserId) -> list[str]:
    """The direct chats with a person by our `m.direct` account data."""
    rooms = (await account.account_data(own, "m.direct")).get(str(user_id))
    return [it for it in rooms if isinstance(it, str)] if isinstance(rooms, list) else []


async def record_direct(account: ClientApi, own: UserId, user_id: UserId, room_id: str) -> None:
    """Add a room to our `m.direct` account data."""
    direct = await account.account_data(own, "m.direct")
    rooms = direct.get(str(user_id))
    rooms = rooms if isinstance(rooms, list) else []
    if room_id not in rooms:
        await account.set_account_data(own, "m.direct", direct | {str(user_id): [*rooms, room_id]})
