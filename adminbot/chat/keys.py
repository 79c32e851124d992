"""The keys of our own messages: megolm sessions, handed out by us and not by matrix-nio.

matrix-nio 0.26 takes a failed delivery for a done delivery, and a proxy's page for a delivered
key; and nio's trust in a device holds for all rooms at once. Here a session is used only if
every device meant to read was sent the key, and no other device ever was.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import uuid4

from nio import KeysClaimResponse
from nio.crypto.device import OlmDevice

from adminbot.chat.client import Client
from adminbot.chat.responses import expect, storing
from adminbot.errors import HomeserverUnreachable
from adminbot.homeserver.client_api import ClientApi

_AT_ONCE = 20  # devices in one request
_CHANGING = "its devices are changing just now"


class _Device(NamedTuple):
    user_id: str
    device_id: str
    curve25519: str


@dataclass(frozen=True, slots=True)
class _Shared:
    """A session's key: the devices with the key, and the devices without an Olm session."""

    session_id: str
    sent_to: frozenset[_Device]
    unreachable: frozenset[_Device]


class RoomKeys:
    """The outbound sessions of the rooms. The caller lets only one task at a time into a room."""

    def __init__(self, client: Client, account: ClientApi) -> None:
        self._client = client
        self._account = account
        self._shared: dict[str, _Shared] = {}

    def readers(self, room_id: str) -> set[tuple[str, str]]:
        """(user id, device id) of all devices that were sent the key of the room's session."""
        shared = self._present(room_id)
        return {(it.user_id, it.device_id) for it in shared.sent_to} if shared else set()

    async def prepare(self, room_id: str) -> None:
        """Give the key of the room's session to the room's trusted devices, and no others."""
        if not self._is_fit(room_id):
            await self._share(room_id, self._wanted(room_id))

    def encrypt(self, room_id: str, kind: str, content: dict[str, Any]) -> tuple[str, Any]:
        """The event as sent. Nothing is awaited: the readers of the key cannot change meanwhile.

        Raises HomeserverUnreachable: something changed since `prepare`; call `prepare` again.
        """
        if not self._is_fit(room_id):
            raise HomeserverUnreachable(_CHANGING)
        sealed: tuple[str, Any] = self._client.encrypt(room_id, kind, content)
        return sealed

    async def encrypt_once(
        self, room_id: str, more: Collection[OlmDevice], kind: str, content: dict[str, Any]
    ) -> tuple[str, Any]:
        """Encrypt one event also for other devices, with a session for this event alone.

        Raises: HomeserverUnreachable.
        """
        with self._forgotten_after(room_id):
            everybody = {device.curve25519: device for device in [*self._wanted(room_id), *more]}
            session_id = await self._share(room_id, list(everybody.values()))
            present = self._present(room_id)
            if present is None or present.session_id != session_id:
                raise HomeserverUnreachable(_CHANGING)
            sealed: tuple[str, Any] = self._client.encrypt(room_id, kind, content)
            return sealed

    @contextmanager
    def _forgotten_after(self, room_id: str) -> Iterator[None]:
        try:
            yield
        finally:
            self._client.olm.outbound_group_sessions.pop(room_id, None)
            self._shared.pop(room_id, None)

    def _wanted(self, room_id: str) -> list[OlmDevice]:
        users = list(self._client.rooms[room_id].users)
        return [device for user_id in users for device in self._client.trusted_devices(user_id)]

    def _present(self, room_id: str) -> _Shared | None:
        """What is known of the room's session, unless nio has dropped or replaced it."""
        session = self._client.olm.outbound_group_sessions.get(room_id)
        shared = self._shared.get(room_id)
        usable = session is not None and session.shared and not session.expired
        return shared if usable and shared and shared.session_id == session.id else None

    def _is_fit(self, room_id: str) -> bool:
        shared, wanted = self._present(room_id), _ids(self._wanted(room_id))
        if shared is None:
            return False
        # A device without an Olm session may have begun one since, by writing to us.
        still = {it for it in shared.unreachable if not self._olm_session(it.curve25519)}
        return shared.sent_to <= wanted <= shared.sent_to | still

    async def _share(self, room_id: str, devices: list[OlmDevice]) -> str:
        """Make a new session and send the key; returns the session id.

        A failure leaves no session behind.
        """
        olm = self._client.olm
        await self._begin_olm_sessions(devices)
        reachable = [device for device in devices if self._olm_session(device.curve25519)]
        with storing():
            olm.create_outbound_group_session(room_id)
        session = olm.outbound_group_sessions[room_id]
        key = {
            "algorithm": "m.megolm.v1.aes-sha2",
            "room_id": room_id,
            "session_id": session.id,
            "session_key": session.session_key,
        }
        try:
            for start in range(0, len(reachable), _AT_ONCE):
                await self._send_key(reachable[start : start + _AT_ONCE], key)
        except BaseException:  # cancelled, too: who has the key is not known then
            if olm.outbound_group_sessions.get(room_id) is session:
                del olm.outbound_group_sessions[room_id]
            raise
        session.shared = True
        sent_to = _ids(reachable)
        self._shared[room_id] = _Shared(session.id, sent_to, _ids(devices) - sent_to)
        return str(session.id)

    def _olm_session(self, curve25519: str) -> Any:
        """The Olm session with a device, by the device's Curve25519 key; None if there is none."""
        return self._client.olm.session_store.get(curve25519)

    async def _send_key(self, devices: list[OlmDevice], key: dict[str, Any]) -> None:
        messages: dict[str, dict[str, Any]] = {}
        with storing():
            for device in devices:
                olm_session = self._olm_session(device.curve25519)
                sealed = self._client.olm._olm_encrypt(olm_session, device, "m.room_key", key)
                messages.setdefault(device.user_id, {})[device.id] = sealed
        await self._account.send_to_device("m.room.encrypted", messages, txn=str(uuid4()))

    async def _begin_olm_sessions(self, devices: list[OlmDevice]) -> None:
        """Begin a session with each device that has none with us, as far as one-time keys last."""
        missing: dict[str, list[str]] = {}
        for device in devices:
            if not self._olm_session(device.curve25519):
                missing.setdefault(device.user_id, []).append(device.id)
        if missing:
            await expect(KeysClaimResponse, self._client.keys_claim(missing))


def _ids(devices: Collection[OlmDevice]) -> frozenset[_Device]:
    return frozenset(_Device(device.user_id, device.id, device.curve25519) for device in devices)
