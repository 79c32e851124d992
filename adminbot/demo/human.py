"""Both ends of the demo's chat: a person with an app, and a program with a card.

Either is an account on a device, and syncs only while it waits for something.
"""

import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nio import (
    Event,
    KeysQueryResponse,
    KeysUploadResponse,
    MatrixRoom,
    MegolmEvent,
    RoomMessageFormatted,
    RoomSendResponse,
    SyncResponse,
)

from adminbot.chat.client import Client
from adminbot.chat.responses import expect
from adminbot.crypto.crosssigning import Identity, master_key, trusted_devices
from adminbot.errors import SetupError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import open_http
from adminbot.homeserver.new_rooms import direct_chat
from adminbot.homeserver.values import Session
from adminbot.values.ids import UserId

T = TypeVar("T")

_PATIENCE_S = 30
# A store is opened twice with it, and lives as long as the demo's directory.
_PICKLE_KEY = "throw-away"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that somebody else sent and that this device could read.

    `from_device`: the key of the device that encrypted the message. Empty if the message came in
    clear, or if its sender has an identity that has not signed the device.
    """

    room_id: str
    sender: UserId
    body: str
    from_device: str


class Participant:
    """One account on one device; `heard` keeps what others said, in order."""

    def __init__(
        self, session: Session, client: Client, account: ClientApi, show: Callable[[Heard], None]
    ) -> None:
        self.session = session
        self.heard: list[Heard] = []
        self._client = client
        self._account = account
        self._show = show
        self._unread: list[MegolmEvent] = []

    @property
    def rooms(self) -> dict[str, MatrixRoom]:
        """The rooms of this account, as of the last sync."""
        rooms: dict[str, MatrixRoom] = self._client.rooms
        return rooms

    def place(self, room_id: str) -> str:
        """What an app would call the room."""
        room = self.rooms[room_id]
        others = (UserId.parse(user_id) for user_id in room.users)
        names = ", ".join(one.localpart for one in others if one != self.session.user_id)
        return f"room “{room.name}”" if room.name else f"private chat with {names}"

    async def make_identity(self) -> None:
        """What Element does on a first login: a cross-signing identity that signs this device."""
        user_id = self.session.user_id
        identity = Identity.from_seeds(Identity.new_seeds())
        await self._account.upload_cross_signing(identity.upload_body(str(user_id)))
        answer = await self._account.query_keys(user_id)
        device = answer["device_keys"][str(user_id)][self.session.device_id]
        await self._account.upload_signatures(identity.device_signature(str(user_id), device))

    async def sees_signed_device(self, of: UserId) -> bool:
        """Whether the user has an identity, and a device that the identity signed."""
        answer = await self._account.query_keys(of)
        master = master_key(answer, str(of))
        return master is not None and bool(trusted_devices(answer, str(of), master))

    async def look_again_at(self, whom: UserId) -> None:
        """Ask for somebody's devices anew, as an app does when it hears of a new signature."""
        await self._client.refresh_keys(str(whom))

    async def open_chat(self, with_whom: UserId) -> str:
        """Make an encrypted room and invite; returns its id."""
        return await self._account.create_room(direct_chat(with_whom))

    async def say(self, room_id: str, text: str) -> None:
        """Send a message, encrypted if the room is. Raises HomeserverError."""
        if self._client.should_query_keys:
            await expect(KeysQueryResponse, self._client.keys_query())
        content = {"msgtype": "m.text", "body": text}
        call = self._client.room_send(room_id, "m.room.message", content, secrets.token_hex(8))
        await expect(RoomSendResponse, call)

    async def until(self, found: Callable[[], T | None], what: str) -> T:
        """Sync until `found` finds something. Raises SetupError when `what` did not happen."""
        deadline = time.monotonic() + _PATIENCE_S
        while (result := found()) is None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise SetupError(f"{what} did not happen within {_PATIENCE_S} s.")
            await self._sync(left_s)
        return result

    async def until_together(self, room_id: str, other: UserId) -> None:
        """Wait until we are in this encrypted room, and the other one joined it, too."""

        def together() -> bool | None:
            room = self.rooms.get(room_id)
            if room is None or not room.encrypted:
                return None
            joined = room.users.keys() - room.invited_users.keys()
            return str(other) in joined or None

        await self.until(together, f"Meeting {other} in an encrypted room")

    async def _sync(self, wait_s: float) -> None:
        first = not self._client.next_batch
        call = self._client.sync(timeout=0 if first else round(wait_s * 1000), full_state=first)
        response = await expect(SyncResponse, call)
        for room_id in response.rooms.invite:
            await self._account.join(room_id)
        waiting, self._unread = self._unread, []
        for event in waiting:
            self._take(event.room_id, self._client.olm._decrypt_megolm_no_error(event) or event)
        for room_id, info in response.rooms.join.items():
            for event in info.timeline.events:
                self._take(room_id, event)
        await self._client.after_sync(response)

    def _take(self, room_id: str, event: Event) -> None:
        if isinstance(event, MegolmEvent):
            event.room_id = room_id
            self._unread.append(event)  # its key may come a little later
        elif isinstance(event, RoomMessageFormatted) and event.sender != self._client.user_id:
            device = str(event.sender_key)
            trusted = event.decrypted and self._client.trusted_device_of(
                event.sender, room_id, device, str(event.session_id)
            )
            sender = UserId.parse(event.sender)
            heard = Heard(room_id, sender, event.body, device if trusted else "")
            self.heard.append(heard)
            self._show(heard)


@asynccontextmanager
async def participant(
    homeserver: str, session: Session, store_dir: Path, show: Callable[[Heard], None]
) -> AsyncIterator[Participant]:
    """A device that is on the server with its keys. `show` is given each message as it comes."""
    async with open_http(homeserver, session.token) as http:
        client = Client(homeserver, session, store_dir, _PICKLE_KEY, _ElementsJudge())
        try:
            if client.should_upload_keys:
                await expect(KeysUploadResponse, client.keys_upload())
            yield Participant(session, client, ClientApi(http), show)
        finally:
            await client.close()  # type: ignore[no-untyped-call]


class _ElementsJudge:
    """As Element does: anybody is listened to.

    Of a user with an identity the devices that it signed count, of others every device.
    """

    async def trusted(self, user_id: str, answer: dict[str, Any]) -> dict[str, Any]:
        return trusted_devices(answer, user_id, master_key(answer, user_id))

    def is_admin(self, user_id: str) -> bool:
        return True
