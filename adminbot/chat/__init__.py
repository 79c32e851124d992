"""The chat edge: what is said, to whom, in which room. Who may command is decided elsewhere."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from nio import (
    JoinedMembersResponse,
    KeysQueryResponse,
    MatrixRoom,
    RoomRedactResponse,
)

from adminbot.chat.client import Client, expect
from adminbot.chat.keys import RoomKeys
from adminbot.chat.rooms import direct_chat, is_two_of_us, may_take_back, why_unfit
from adminbot.errors import (
    HomeserverError,
    HomeserverUnreachable,
    NotDeliverable,
    RateLimited,
    TokenRejected,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.render import Message, notice

log = logging.getLogger(__name__)

_BACKOFF_S = (0.2, 0.5, 1, 2, 5, 10, 20)
_ROOM_SEEN_S = 20
_MESSAGE = "m.room.message"


class Chat:
    """Sends, each message once: a repeated transaction id is the same event to the server."""

    def __init__(
        self,
        client: Client,
        account: ClientApi,
        store: Store,
        policy: TrustPolicy,
        changed: asyncio.Condition,
        admin_room: str,
        prefix: str,
    ) -> None:
        self._admin_room = admin_room
        self._prefix = prefix  # of commands, in whatever is said
        self._client = client
        self._account = account
        self._keys = RoomKeys(client, account)
        self._store = store
        self._policy = policy
        self._changed = changed  # notified after every sync
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._direct_lock = asyncio.Lock()
        self._dm_locks: defaultdict[UserId, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def user_id(self) -> str:
        return str(self._client.user_id)

    def room(self, room_id: str) -> MatrixRoom | None:
        """The room as of the last sync; None when we are not in it."""
        found: MatrixRoom | None = self._client.rooms.get(room_id)
        return found

    # -- saying something

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
        """Send what everybody may know, unencrypted also in an encrypted room; its event id.

        For verification events, which Element sends in clear, too: of somebody whose identity
        changed after it was verified (its own included) it decrypts nothing, so an encrypted
        one would never arrive where it is needed most. Nothing secret is in them.

        Raises HomeserverError: refused for good.
        """
        return await self._until_out(
            lambda: self._account.send_event(room_id, kind, content, txn=txn)
        )

    async def tell_untrusted(
        self, room_id: str, user_id: str, message: Message, *, txn: str
    ) -> str:
        """Send something harmless that also this person's untrusted devices can read.

        They get the key of a megolm session that carries this one message.
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

    async def _until_out(self, once: Callable[[], Awaitable[str]]) -> str:
        for attempt in range(1_000_000):
            try:
                event_id = await once()
            except RateLimited as exc:
                pause = exc.retry_after.total_seconds()
            except HomeserverUnreachable as exc:
                pause = _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)]
                log.warning("not sent yet, trying again in_s=%s why=%s", pause, exc)
            else:
                return event_id
            await asyncio.sleep(pause)
        raise AssertionError("unreachable")

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
        """Have the room's key with its trusted devices; False if the room is not encrypted.

        Raises NotDeliverable: we are not in it.
        """
        if not await self._look_at_devices(room_id):
            return False
        await self._keys.prepare(room_id)
        return True

    async def _look_at_devices(self, room_id: str) -> bool:
        """Know who is in the room, and their devices; False if the room is not encrypted."""
        room = self.room(room_id)
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
        room = self.room(room_id)
        problem = why_unfit(room, self._pair(reader)) if room else "I am not in it"
        if problem:
            raise NotDeliverable(f"Our private chat is no place for it, because {problem}.")
        if not self._policy.may_receive(str(reader)):
            raise NotDeliverable("We have still to compare emoji.", "Type: `!verify`")
        have = self._keys.readers(room_id)
        good = {(device.user_id, device.id) for device in self.trusted_devices(reader)}
        if not have or not have <= good:
            raise NotDeliverable("None of your trusted devices can get the key right now.")

    async def _send_widely(self, room_id: str, user_id: str, message: Message, txn: str) -> str:
        kind, content = _MESSAGE, message.content(self._prefix)
        async with self._locks[room_id]:
            if await self._look_at_devices(room_id):
                theirs = self._client.device_store.active_user_devices(user_id)
                kind, content = await self._keys.encrypt_once(room_id, list(theirs), kind, content)
            return await self._account.send_event(room_id, kind, content, txn=txn)

    # -- people and rooms

    def trusted_devices(self, user_id: UserId) -> list[Any]:
        return self._client.trusted_devices(str(user_id))

    def is_own_dm(self, room_id: str, user_id: str) -> bool:
        """Whether the room is this person's direct chat with us and nobody else's."""
        return is_two_of_us(self.room(room_id), self.user_id, user_id)

    def shares_encrypted_room(self, user_id: str) -> bool:
        """Whether both of us are in one: then the server tells us of this account's devices."""
        return any(
            room.encrypted and user_id in room.users and user_id not in room.invited_users
            for room in self._client.rooms.values()
        )

    def is_encrypted(self, room_id: str) -> bool:
        room = self.room(room_id)
        return room is not None and bool(room.encrypted)

    def is_invited(self, room_id: str, user_id: UserId) -> bool:
        """Whether this person has still to accept the invitation to a room."""
        room = self.room(room_id)
        return room is not None and str(user_id) in room.invited_users

    async def dm_is_open_invitation(self, user_id: UserId) -> bool:
        """Whether this person has still to accept the invitation to our direct chat."""
        known = await self._store.rooms.dm(user_id)
        return known is not None and self.is_invited(known, user_id)

    def can_reach(self, reader: UserId) -> bool:
        """Whether there is a device at all that may have this person's secrets."""
        return self._policy.may_receive(str(reader)) and bool(self.trusted_devices(reader))

    def why_no_card_from(self, room_id: str) -> str:
        """Why nothing that needs a card may be typed in a room; empty if it may.

        Only of the admin room: in our private chat nobody else looks on.
        """
        room = self.room(room_id)
        if room is None or room_id != self._admin_room:
            return ""
        return why_unfit(room, {self.user_id, *self._policy.admins})

    def _pair(self, user_id: UserId) -> set[str]:
        return {self.user_id, str(user_id)}

    async def join(self, room_id: str) -> None:
        """Accept an admin's invitation. A room of another server may take minutes to answer."""
        try:
            await self._account.join(room_id)
            log.info("joined on an admin's invitation room=%s", room_id)
        except HomeserverError as exc:
            log.warning("could not join room=%s why=%s", room_id, exc)

    async def ready_dm(self, user_id: UserId) -> str:
        """The person's direct chat with us, fit for a secret, its key already shared.

        If they are not in the one that we know, or it is no good any more, it is another fit one
        in which they are: their app may have made that, for `Verify` or a first word. Made when
        there is none. One who left is invited again.
        """
        async with self._dm_locks[user_id]:
            room_id = await self._fit_dm(user_id)
        async with self._locks[room_id]:
            await self._prepare(room_id)
        return room_id

    async def _fit_dm(self, user_id: UserId) -> str:
        known = await self._store.rooms.dm(user_id)
        room = self.room(known) if known else None
        problem = why_unfit(room, self._pair(user_id)) if room else ""
        if known and room and not problem and _is_in(room, user_id):
            return known
        other = await self._dm_that_they_are_in(user_id)
        if known and problem:
            return await self._leave_dm(user_id, known, other, problem)
        if other:
            return other
        if known is None or room is None:
            return await self.make_dm(user_id)
        if str(user_id) in room.invited_users:
            return known
        try:
            await self._account.invite(known, user_id)
            await self._wait_for_member(known, user_id)
        except (RateLimited, TokenRejected, HomeserverUnreachable):
            raise
        except HomeserverError as exc:
            log.info("old direct chat not usable room=%s why=%s", known, exc)
            return await self.make_dm(user_id)
        return known

    async def _dm_that_they_are_in(self, user_id: UserId) -> str | None:
        """Another room of the two of us that this person has joined, fit for a secret; kept.

        They may have made it and hold all power in it. That is no way to a secret: who is in
        it is looked at again with every card, in the same step that encrypts, and only the
        reader's trusted devices get the key, whoever is invited later. But they could keep us
        from taking a card back, so that we may do that is seen first.
        """
        pair = self._pair(user_id)
        for room_id, room in list(self._client.rooms.items()):
            both_in = set(room.users) == pair and _is_in(room, user_id)
            if not both_in or room_id == self._admin_room or why_unfit(room, pair):
                continue
            try:
                state = await self._account.room_state(room_id)
            except HomeserverError as exc:
                log.info("direct chat not looked at room=%s why=%s", room_id, exc)
                continue
            if may_take_back(state, self.user_id):
                await self._keep_dm(user_id, room_id)
                log.info("direct chat found user=%s room=%s", user_id, room_id)
                return room_id
        return None

    async def _leave_dm(self, user_id: UserId, old: str, other: str | None, problem: str) -> str:
        """Go on in another direct chat, and say there why the old one is no good any more."""
        log.warning("direct chat spoiled user=%s room=%s why=%s", user_id, old, problem)
        fresh = other or await self.make_dm(user_id)
        text = (
            f"⚠️ This is our private chat from now on. I put nothing secret into the old one, "
            f"because {problem}."
        )
        await self.send(fresh, notice(text), txn=f"moved-{old}")
        return fresh

    async def make_dm(self, user_id: UserId) -> str:
        """Make a direct chat, remember it, and record it in `m.direct` as clients do."""
        room_id = await self._account.create_room(direct_chat(user_id))
        await self._keep_dm(user_id, room_id)
        log.info("direct chat made user=%s room=%s", user_id, room_id)
        await self._wait_for_member(room_id, user_id)
        return room_id

    async def _keep_dm(self, user_id: UserId, room_id: str) -> None:
        await self._store.rooms.set_dm(user_id, room_id)
        self._client.keep_encrypted(room_id)
        async with self._direct_lock:  # it is read, changed and written as a whole
            await record_direct(self._account, UserId.parse(self.user_id), user_id, room_id)

    async def wait_until_known(self, room_id: str) -> None:
        """Right after a start: until the first sync brings a room, or does not for a while."""
        with suppress(TimeoutError):
            async with self._changed:
                known = self._changed.wait_for(lambda: self.room(room_id) is not None)
                await asyncio.wait_for(known, _ROOM_SEEN_S)

    async def _wait_for_member(self, room_id: str, user_id: UserId) -> None:
        """The first sync of a new room may predate the invitation: a key shared then is lost."""

        def seen() -> bool:
            room = self.room(room_id)
            return room is not None and bool(room.encrypted) and str(user_id) in room.users

        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait_for(seen), _ROOM_SEEN_S)
            except TimeoutError:
                raise HomeserverUnreachable("the new room did not show up") from None


def _is_in(room: MatrixRoom, user_id: UserId) -> bool:
    """Joined, and not merely invited (nio counts both as users of a room)."""
    return str(user_id) in room.users and str(user_id) not in room.invited_users


async def record_direct(account: ClientApi, own: UserId, user_id: UserId, room_id: str) -> None:
    """Add a room to our `m.direct` account data."""
    direct = await account.account_data(own, "m.direct")
    rooms = direct.get(str(user_id))
    rooms = rooms if isinstance(rooms, list) else []
    if room_id not in rooms:
        await account.set_account_data(own, "m.direct", direct | {str(user_id): [*rooms, room_id]})
