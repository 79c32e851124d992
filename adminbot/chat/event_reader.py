"""The meaning of an event in a room: a message, a reaction, a step of a verification, or nothing.

Decides whether the sender and the sending device count. Sync decides which message is new.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import datetime

from nio import (
    Event,
    MegolmEvent,
    ReactionEvent,
    RoomEncryptedMedia,
    RoomMessageMedia,
    RoomMessageText,
    RoomMessageUnknown,
    ToDeviceEvent,
    UnknownEvent,
)
from nio.events.misc import BadEventType

from adminbot.chat.client import Client
from adminbot.chat.incoming import Incoming, Proof, picture_of, reaction_of, step_of, text_of
from adminbot.chat.listener import Listener
from adminbot.chat.responses import senseless_dropped
from adminbot.chat.unread import Unread
from adminbot.errors import HomeserverError
from adminbot.trust.pins import TrustPolicy

log = logging.getLogger(__name__)

_LOOK_UP_S = 8


class EventReader:
    """Reads the events of a sync, and later the events unreadable at first."""

    def __init__(self, client: Client, policy: TrustPolicy, listener: Listener) -> None:
        self._client = client
        self._policy = policy
        self._listener = listener
        self._unread = Unread(client.olm._decrypt_megolm_no_error, listener.message_unreadable)
        self._looked_up: set[str] = set()  # whose keys were asked for in this sync

    @property
    def awaits_keys(self) -> bool:
        """Whether there is a message whose key may still come."""
        return bool(self._unread)

    def note_withheld(self, events: Iterable[ToDeviceEvent]) -> None:
        """Note the keys that an admin's app withholds from us."""
        self._unread.note_withheld(events, self._policy.is_admin)

    def sync_is_read(self) -> None:
        """Forget the state of this sync."""
        self._client.positions.clear()
        self._looked_up.clear()

    async def read(
        self, room_id: str, event: Event | BadEventType, at: datetime
    ) -> Incoming | None:
        """An admin's message or reaction; None for anything else."""
        with senseless_dropped("an event that makes no sense"):
            return await self._read_unguarded(room_id, event, at)
        return None

    async def _read_unguarded(
        self, room_id: str, event: Event | BadEventType, at: datetime
    ) -> Incoming | None:
        known = (
            *(ReactionEvent, MegolmEvent, RoomMessageText, RoomMessageUnknown, UnknownEvent),
            *(RoomMessageMedia, RoomEncryptedMedia),
        )
        if not isinstance(event, known):
            return None
        if event.sender == self._client.user_id or not self._policy.is_admin(event.sender):
            return None
        if isinstance(event, ReactionEvent):
            return reaction_of(event, room_id, at)
        if isinstance(event, MegolmEvent) or event.decrypted:
            self._client.keep_encrypted(room_id)  # so it is, also where the state does not say so
        if isinstance(event, MegolmEvent):
            event.room_id = room_id
            self._unread.add(event)
            return None
        if isinstance(event, RoomMessageMedia | RoomEncryptedMedia):
            return picture_of(event, room_id, at, **await self._proof(room_id, event))
        if not isinstance(event, RoomMessageText):
            if step := step_of(event, room_id):
                self._listener.verification_step(step)
            return None
        return text_of(event, room_id, at, **await self._proof(room_id, event))

    async def _proof(self, room_id: str, event: Event) -> Proof:
        """What proves who wrote the event."""
        device = await self._trusted_device(room_id, event) if event.decrypted else ""
        return {"device": device, "megolm": self._client.positions.get(event.event_id)}

    async def _trusted_device(self, room_id: str, event: Event) -> str:
        """The sending device, if it is trusted; one that is not yet is looked up once more."""
        args = (event.sender, room_id, str(event.sender_key), str(event.session_id))
        device = self._client.trusted_device_of(*args)
        if not device and event.sender not in self._looked_up:
            self._looked_up.add(event.sender)
            await self._look_up(event.sender)
            device = self._client.trusted_device_of(*args)
        return device

    async def _look_up(self, user_id: str) -> None:
        """Within a few seconds: the rest of this sync waits, brakes included."""
        try:
            async with asyncio.timeout(_LOOK_UP_S):
                await self._client.refresh_keys(user_id)
        except (HomeserverError, TimeoutError) as exc:
            log.warning("keys not refreshed user=%s why=%s", user_id, type(exc).__name__)

    async def read_late(self, at: datetime) -> list[Incoming]:
        """Try the unreadable events again."""
        found = [await self.read(event.room_id, event, at) for event in self._unread.retry()]
        return [item for item in found if item]
