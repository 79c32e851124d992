"""Synapse's admin API, as far as rooms go: where an account is, and what a room is like.

Source: Synapse's docs/admin_api/rooms.md, user_admin_api.md ("List joined rooms of a user").
"""

from adminbot.errors import HomeserverError
from adminbot.homeserver.http import HttpClient, part
from adminbot.homeserver.values import RoomFacts


class SynapseRooms:
    """Looks at rooms, as the owner of the access token (a server admin)."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    async def joined_by(self, user_id: object) -> list[str]:
        """The ids of the rooms that the account is in; of an unknown account none."""
        path = f"/_synapse/admin/v1/users/{part(user_id)}/joined_rooms"
        _, body = await self._http.ask("GET", path, needs={"joined_rooms": list})
        return sorted(room for room in body["joined_rooms"] if isinstance(room, str))

    async def facts(self, room_id: str) -> RoomFacts:
        """What a room is like; of a room that this server does not know, only the id."""
        try:
            _, body = await self._http.ask("GET", f"/_synapse/admin/v1/rooms/{part(room_id)}")
        except HomeserverError as exc:
            if exc.status != 404:
                raise
            return RoomFacts(room_id)
        texts = {name: body.get(name) for name in ("name", "canonical_alias", "creator")}
        known = {name: text if isinstance(text, str) else "" for name, text in texts.items()}
        members = body.get("joined_members")
        return RoomFacts(
            room_id,
            name=known["name"],
            alias=known["canonical_alias"],
            members=members if isinstance(members, int) else 0,
            is_encrypted=bool(body.get("encryption")),
            creator=known["creator"],
        )
