"""What is known of rooms and of people's devices, as of the last sync. Sends nothing."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress

from nio import MatrixRoom
from nio.crypto.device import OlmDevice

from adminbot.chat.client import Client
from adminbot.chat.rooms import is_two_of_us, why_unfit
from adminbot.errors import HomeserverUnreachable
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId

_ROOM_SEEN_S = 20


class RoomView:
    """Answers from memory; `changed` is notified after every sync."""

    def __init__(
        self, client: Client, policy: TrustPolicy, changed: asyncio.Condition, admin_room: str
    ) -> None:
        self.admin_room = admin_room
        self._client = client
        self._policy = policy
        self._changed = changed

    @property
    def user_id(self) -> str:
        """Our own."""
        return str(self._client.user_id)

    def room(self, room_id: str) -> MatrixRoom | None:
        """The room as of the last sync; None when we are not in it."""
        found: MatrixRoom | None = self._client.rooms.get(room_id)
        return found

    def of_two(self, user_id: UserId) -> list[str]:
        """The ids of rooms with this person and us, and nobody else in the room or invited."""
        pair = {self.user_id, str(user_id)}
        return [
            room_id
            for room_id, room in self._client.rooms.items()
            if set(room.users) == pair and is_joined(room, user_id)
        ]

    def is_own_dm(self, room_id: str, user_id: str) -> bool:
        """Whether the room is this person's direct chat with us and nobody else's."""
        return is_two_of_us(self.room(room_id), self.user_id, user_id)

    def is_encrypted(self, room_id: str) -> bool:
        room = self.room(room_id)
        return room is not None and bool(room.encrypted)

    def is_invited(self, room_id: str, user_id: UserId) -> bool:
        """Whether this person has still to accept the invitation to a room."""
        room = self.room(room_id)
        return room is not None and str(user_id) in room.invited_users

    def shares_encrypted_room(self, user_id: UserId) -> bool:
        """Whether we share an encrypted room: then the server reports changes of the devices."""
        return any(
            room.encrypted and is_joined(room, user_id) for room in self._client.rooms.values()
        )

    def why_unfit(self, room_id: str, allowed: Collection[str]) -> str:
        """Why a room is no place for secrets; empty if fit, or if we are not in the room."""
        room = self.room(room_id)
        return why_unfit(room, {self.user_id, *allowed}) if room else ""

    def why_no_card_from(self, room_id: str) -> str:
        """Why nothing that needs a card may be typed in a room; empty if allowed.

        Only of the admin room: in our private chat nobody else looks on.
        """
        if room_id != self.admin_room:
            return ""
        return self.why_unfit(room_id, self._policy.admins)

    def trusted_devices(self, user_id: UserId) -> list[OlmDevice]:
        """A person's present devices with the right to command and receive."""
        return self._client.trusted_devices(str(user_id))

    def can_reach(self, reader: UserId) -> bool:
        """Whether any device may have this person's secrets."""
        return self._policy.may_receive(str(reader)) and bool(self.trusted_devices(reader))

    async def wait_until_known(self, room_id: str) -> None:
        """Right after a start: until the first sync brings a room, or does not for a while."""
        with suppress(TimeoutError):
            async with self._changed:
                known = self._changed.wait_for(lambda: self.room(room_id) is not None)
                await asyncio.wait_for(known, _ROOM_SEEN_S)

    async def wait_until(self, is_so: Callable[[], object]) -> None:
        """Until something holds after a sync."""
        async with self._changed:
            await self._changed.wait_for(is_so)

    async def wait_until_left(self, room_id: str) -> None:
        """Until a sync has shown that we are not in the room any more."""
        await self.wait_until(lambda: self.room(room_id) is None)

    async def wait_for_member(self, room_id: str, user_id: UserId) -> None:
        """The first sync of a new room may predate the invitation: a key shared then is lost.

        Raises HomeserverUnreachable: no sync has shown this person in the room for a while.
        """

        def seen() -> bool:
            room = self.room(room_id)
            return room is not None and bool(room.encrypted) and str(user_id) in room.users

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(seen), _ROOM_SEEN_S)
            except TimeoutError:
                raise HomeserverUnreachable("the new room did not show up") from None


def is_joined(room: MatrixRoom, user_id: UserId) -> bool:
    """Joined, and not merely invited (nio counts both as users of a room)."""
    return str(user_id) in room.users and str(user_id) not in room.invited_users
