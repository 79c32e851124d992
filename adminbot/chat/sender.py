"""Sends: who gets the key of a room, and what must hold when a secret is encrypted.

Permission to command is decided elsewhere.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any

from nio import JoinedMembersResponse, KeysQueryResponse, RoomRedactResponse

from adminbot.chat.client import Client
from adminbot.chat.keys import RoomKeys
from adminbot.chat.responses import expect
from adminbot.chat.room_view import RoomView
from adminbot.errors import HomeserverUnreachable, NotDeliverable, RateLimited
from adminbot.homeserver.client_api import ClientApi
from adminbot.metrics import observe
from adminbot.metrics.table import RATE_LIMIT_WAIT, Wait
from adminbot.trust.pins import TrustPolicy
from adminbot.values.backoff import pauses
from adminbot.values.ids import UserId
from adminbot.values.render import Message

log = logging.getLogger(__name__)

_RETRY_MOST_S = 20
_MESSAGE = "m.room.message"


class Sender:
    """Sends, each message once: a repeated transaction id is the same event to the server."""

    def __init__(
        self,
        rooms: RoomView,
        client: Client,
        account: ClientApi,
        policy: TrustPolicy,
        prefix: str,
    ) -> None:
        """`prefix`: of commands, put into whatever is said."""
        self._prefix = prefix
        self.rooms = rooms
        self._client = client
        self._account = account
        self._policy = policy
        self._keys = RoomKeys(client, account)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def send(self, room_id: str, message: Message, *, txn: str) -> str:
        """Say something to all trusted devices in the room; returns the event id.

        Tries until it is out, whatever the network does: the answer is owed.

        Raises:
            HomeserverError: refused for good (we are not in the room any more).
        """
        return await self._until_out(lambda: self._send_once(room_id, message, txn))

    async def send_secret(
        self,
        room_id: str,
        message: Message,
        *,
        reader: UserId,
        txn: str,
        check: Callable[[], Awaitable[None]],
    ) -> str:
        """Send what only `reader` may see; returns the event id.

        Args:
            check: raises what keeps it from being sent, before each try.

        Raises:
            NotDeliverable: the room is not ours alone and encrypted, or no trusted device of
                the reader has the key. Nothing was sent.
        """

        async def once() -> str:
            await check()
            return await self._send_once(room_id, message, txn, reader=reader)

        return await self._until_out(once)

    async def send_in_clear(
        self, room_id: str, content: dict[str, Any], *, txn: str, kind: str
    ) -> str:
        """Send public content, unencrypted also in an encrypted room; returns the event id.

        For verification events, sent in clear by Element, too: Element decrypts nothing of a user
        whose identity changed after a verification (Element's own user included), so an encrypted
        event would never arrive where most needed. Nothing secret is in these events.

        Raises HomeserverError: refused for good.
        """
        return await self._until_out(
            lambda: self._account.send_event(room_id, kind, content, txn=txn)
        )

    async def tell_untrusted(
        self, room_id: str, user_id: str, message: Message, *, txn: str
    ) -> str:
        """Send something harmless that also a person's untrusted devices can read.

        Untrusted devices get the key of a megolm session for this message alone.
        """
        return await self._until_out(lambda: self._send_widely(room_id, user_id, message, txn))

    async def react(self, room_id: str, event_id: str, key: str, *, txn: str) -> str:
        """React to a message; returns the reaction's event id. Sent once, never encrypted."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        # Not through nio, which would share a megolm session for it.
        content = {"m.relates_to": relation}
        return await self._account.send_event(room_id, "m.reaction", content, txn=txn)

    async def redact(self, room_id: str, event_id: str, *, reason: str | None, txn: str) -> None:
        """Take one of our own events back, for everybody."""

        async def once() -> str:
            call = self._client.room_redact(room_id, event_id, reason, txn)
            response = await expect(RoomRedactResponse, call)
            return str(response.event_id)

        await self._until_out(once)

    async def prepare(self, room_id: str) -> None:
        """Share the key of a room with the trusted devices, before there is something to send."""
        async with self._locks[room_id]:
            await self._prepare(room_id)

    async def _until_out(self, once: Callable[[], Awaitable[str]]) -> str:
        """The event id, once the server has taken the event; other refusals are raised."""
        backoff = pauses(_RETRY_MOST_S)
        while True:
            try:
                return await once()
            except RateLimited as exc:
                pause_s = exc.retry_after.total_seconds()
                observe(RATE_LIMIT_WAIT, pause_s, Wait.MESSAGE)
            except HomeserverUnreachable as exc:
                pause_s = next(backoff)
                log.warning("not sent yet, trying again in_s=%s why=%s", pause_s, exc)
            await asyncio.sleep(pause_s)

    async def _send_once(
        self, room_id: str, message: Message, txn: str, *, reader: UserId | None = None
    ) -> str:
        kind, content = _MESSAGE, message.content(self._prefix)
        async with self._locks[room_id]:
            is_encrypted = await self._prepare(room_id)
            # From here to the ciphertext nothing is awaited: who has the key cannot change.
            if reader:
                self._check_only_reader(room_id, reader)
            if is_encrypted:
                kind, content = self._keys.encrypt(room_id, kind, content)
            return await self._account.send_event(room_id, kind, content, txn=txn)

    async def _prepare(self, room_id: str) -> bool:
        """Share the room's key with the trusted devices; False if the room is not encrypted.

        Raises NotDeliverable: we are not in the room.
        """
        if not await self._look_at_devices(room_id):
            return False
        await self._keys.prepare(room_id)
        return True

    async def _look_at_devices(self, room_id: str) -> bool:
        """Look up the members of the room and the devices; False if the room is not encrypted."""
        room = self.rooms.room(room_id)
        if room is None:
            raise NotDeliverable("I am not in that room.")
        if not room.encrypted:
            return False
        if not room.members_synced:
            await expect(JoinedMembersResponse, self._client.joined_members(room_id))
        await expect(KeysQueryResponse, self._client.keys_query())  # if there is need
        return True

    def _check_only_reader(self, room_id: str, reader: UserId) -> None:
        """Raises NotDeliverable unless exactly trusted devices of `reader` have the key."""
        is_in_it = self.rooms.room(room_id) is not None
        problem = self.rooms.why_unfit(room_id, {str(reader)}) if is_in_it else "I am not in it"
        if problem:
            raise NotDeliverable(f"Our private chat is no place for it, because {problem}.")
        if not self._policy.may_receive(str(reader)):
            raise NotDeliverable("We have still to compare emoji.", "Type: `!verify`")
        have = self._keys.readers(room_id)
        good = {(device.user_id, device.id) for device in self.rooms.trusted_devices(reader)}
        if not have or not have <= good:
            raise NotDeliverable("None of your trusted devices can get the key right now.")

    async def _send_widely(self, room_id: str, user_id: str, message: Message, txn: str) -> str:
        kind, content = _MESSAGE, message.content(self._prefix)
        async with self._locks[room_id]:
            if await self._look_at_devices(room_id):
                theirs = self._client.device_store.active_user_devices(user_id)
                kind, content = await self._keys.encrypt_once(room_id, list(theirs), kind, content)
            return await self._account.send_event(room_id, kind, content, txn=txn)
