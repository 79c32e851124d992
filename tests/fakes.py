"""Our own narrow classes, written by hand, for rules that need no server. Nothing is encrypted."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from nio import JoinedMembersResponse, KeysClaimResponse, KeysQueryResponse, MatrixRoom

from adminbot.homeserver.client_api import ClientApi
from adminbot.values.ids import UserId

JSON = dict[str, Any]
OWN = UserId("adminbot", "example.org")


def nothing() -> None:
    """What happens meanwhile: by default nothing."""


async def ended(task: "asyncio.Task[None]") -> None:
    """Cancel, and again: Python 3.11's `wait_for` loses a cancellation that meets an event."""
    while not task.done():
        task.cancel()
        await asyncio.sleep(0)
    if not task.cancelled() and (problem := task.exception()):
        raise problem


class NobodyTrusted:
    """Listens to everybody, and trusts no device."""

    async def trusted(self, user_id: str, answer: JSON) -> JSON:
        return {}

    def is_admin(self, user_id: str) -> bool:
        return True


def room_of(room_id: str, *members: object, encrypted: bool = True) -> MatrixRoom:
    """A room as matrix-nio knows it: by invitation, with these and us in it."""
    room = MatrixRoom(room_id, str(OWN), encrypted)
    room.members_synced = True
    room.history_visibility = "invited"
    for member in (OWN, *members):
        room.add_member(str(member), None, None)
    return room


@dataclass(frozen=True)
class FakeDevice:
    """As matrix-nio names what a device has."""

    user_id: str
    id: str

    @property
    def curve25519(self) -> str:
        return f"curve of {self.user_id} {self.id}"


@dataclass
class FakeSession:
    """An outbound megolm session of matrix-nio's."""

    id: str
    shared: bool = False
    expired: bool = False

    @property
    def session_key(self) -> str:
        return f"key of {self.id}"


class FakeOlm:
    """What RoomKeys uses of matrix-nio's Olm machine."""

    def __init__(self) -> None:
        self.outbound_group_sessions: dict[str, FakeSession] = {}
        self.session_store: dict[str, str] = {}  # ways to devices, by curve25519 key
        self._made = 0

    def create_outbound_group_session(self, room_id: str) -> None:
        self._made += 1
        self.outbound_group_sessions[room_id] = FakeSession(f"session {self._made}")

    def _olm_encrypt(self, way: str, device: FakeDevice, kind: str, content: JSON) -> JSON:
        assert way == self.session_store[device.curve25519]
        return content


class FakeClient:
    """What Chat and RoomKeys use of the client.

    `trusted`, `others`: devices that passed the judge, and that did not. `mute`: those that have
    no one-time key for us. `meanwhile`: what happens as their keys are looked up.
    """

    user_id = str(OWN)

    def __init__(self) -> None:
        self.rooms: dict[str, MatrixRoom] = {}
        self.olm = FakeOlm()
        self.trusted: list[FakeDevice] = []
        self.others: list[FakeDevice] = []
        self.mute: list[FakeDevice] = []
        self.meanwhile = nothing
        self.members: Callable[[str], None] = lambda room_id: None
        self.device_store = SimpleNamespace(active_user_devices=self._active)

    def _active(self, user_id: str) -> list[FakeDevice]:
        return [it for it in (*self.trusted, *self.others) if it.user_id == user_id]

    def trusted_devices(self, user_id: str) -> list[FakeDevice]:
        return [it for it in self.trusted if it.user_id == user_id]

    def keep_encrypted(self, room_id: str) -> None:
        self.rooms[room_id].encrypted = True

    async def keys_query(self) -> KeysQueryResponse:
        self.meanwhile()
        return KeysQueryResponse({}, {})

    async def joined_members(self, room_id: str) -> JoinedMembersResponse:
        self.members(room_id)
        return JoinedMembersResponse([], room_id)

    async def keys_claim(self, missing: dict[str, list[str]]) -> KeysClaimResponse:
        for device in (*self.trusted, *self.others):
            if device.id in missing.get(device.user_id, []) and device not in self.mute:
                self.olm.session_store[device.curve25519] = f"way to {device.id}"
        return KeysClaimResponse({}, {})

    def encrypt(self, room_id: str, kind: str, content: JSON) -> tuple[str, JSON]:
        session = self.olm.outbound_group_sessions[room_id]
        return "m.room.encrypted", {"session_id": session.id, "of": content}


@dataclass
class Sent:
    """An event that went out."""

    room_id: str
    kind: str
    content: JSON
    txn: str


@dataclass
class FakeAccount(ClientApi):
    """What Chat and RoomKeys send, and to whom. `meanwhile`: what happens while keys go out."""

    client: FakeClient
    events: list[Sent] = field(default_factory=list)
    keys: list[tuple[str, set[FakeDevice]]] = field(default_factory=list)
    rooms_made: list[JSON] = field(default_factory=list)
    data: JSON = field(default_factory=dict)
    invited: list[tuple[str, str]] = field(default_factory=list)
    meanwhile: Callable[[], None] = nothing
    breaks_with: Exception | None = None

    def readers_of(self, event: Sent) -> set[FakeDevice]:
        """Which devices were sent the key of the session that an event is in."""
        session = event.content["session_id"]
        return {device for it, devices in self.keys if it == session for device in devices}

    async def send_event(self, room_id: str, kind: str, content: JSON, *, txn: str) -> str:
        self.events.append(Sent(room_id, kind, content, txn))
        return f"$event{len(self.events)}"

    async def send_to_device(self, kind: str, messages: dict[str, JSON], *, txn: str) -> None:
        if self.breaks_with:
            raise self.breaks_with
        for user_id, devices in messages.items():
            for device_id, key in devices.items():
                self.keys.append((key["session_id"], {FakeDevice(user_id, device_id)}))
        self.meanwhile()

    async def create_room(self, body: JSON) -> str:
        self.rooms_made.append(body)
        room_id = f"!made{len(self.rooms_made)}"
        self.client.rooms[room_id] = room_of(room_id, *body["invite"])
        return room_id

    async def invite(self, room_id: str, user_id: UserId) -> None:
        self.invited.append((room_id, str(user_id)))
        self.client.rooms[room_id].add_member(str(user_id), None, None, invited=True)

    async def account_data(self, user_id: UserId, kind: str) -> JSON:
        found: JSON = self.data.get(kind, {})
        return found

    async def set_account_data(self, user_id: UserId, kind: str, body: JSON) -> None:
        self.data[kind] = body
