"""The direct chat with each person: made, found again, left when spoiled."""

import asyncio
import logging
from collections import defaultdict

from adminbot.chat.client import Client
from adminbot.chat.room_view import is_joined
from adminbot.chat.rooms import may_take_back
from adminbot.chat.sender import Sender
from adminbot.errors import HomeserverError, HomeserverUnreachable, RateLimited, TokenRejected
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.new_rooms import direct_chat, record_direct
from adminbot.store import Store
from adminbot.values.ids import UserId
from adminbot.values.render import notice

log = logging.getLogger(__name__)


class DirectChats:
    """The direct chat of each person with us; a secret goes nowhere else."""

    def __init__(self, sender: Sender, client: Client, account: ClientApi, store: Store) -> None:
        self._sender = sender
        self._rooms = sender.rooms
        self._client = client
        self._account = account
        self._store = store
        self._locks: defaultdict[UserId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._record_lock = asyncio.Lock()

    async def is_open_invitation(self, user_id: UserId) -> bool:
        """Whether this person has still to accept the invitation to our direct chat."""
        known = await self._store.rooms.dm(user_id)
        return known is not None and self._rooms.is_invited(known, user_id)

    async def ready(self, user_id: UserId) -> str:
        """The id of a person's direct chat with us, fit for a secret, the key already shared.

        If the person is not in the known room, or a stranger is, another fit room with the person
        is taken: the person's app may have made a room for `Verify` or a first word. Without any
        room, a room is made. A person who left is invited again.
        """
        async with self._locks[user_id]:
            room_id = await self._fit(user_id)
        await self._sender.prepare(room_id)
        return room_id

    async def _fit(self, user_id: UserId) -> str:
        known = await self._store.rooms.dm(user_id)
        room = self._rooms.room(known) if known else None
        problem = self._rooms.why_unfit(known, {str(user_id)}) if known else ""
        if known and room and not problem and is_joined(room, user_id):
            return known
        other = await self._joined_by(user_id)
        if known and problem:
            return await self._leave(user_id, known, other, problem)
        if other:
            return other
        if known is None or room is None:
            return await self._make(user_id)
        if str(user_id) in room.invited_users:
            return known
        try:
            await self._account.invite(known, user_id)
            await self._rooms.wait_for_member(known, user_id)
        except (RateLimited, TokenRejected, HomeserverUnreachable):
            raise
        except HomeserverError as exc:
            log.info("old direct chat not usable room=%s why=%s", known, exc)
            return await self._make(user_id)
        return known

    async def _joined_by(self, user_id: UserId) -> str | None:
        """Another room of the two of us, joined by the person, fit for a secret; remembered.

        The person may have made the room and hold all power there. The power is no way to a
        secret: the members of the room are looked at again with every card, in the same step that
        encrypts, and only the reader's trusted devices get the key, whoever is invited later. But
        the person could keep us from taking a card back: our right to redact is checked first.
        """
        for room_id in self._rooms.of_two(user_id):
            if room_id == self._rooms.admin_room or self._rooms.why_unfit(room_id, {str(user_id)}):
                continue
            try:
                state = await self._account.room_state(room_id)
            except HomeserverError as exc:
                log.info("direct chat not looked at room=%s why=%s", room_id, exc)
                continue
            if may_take_back(state, self._rooms.user_id):
                await self._keep(user_id, room_id)
                log.info("direct chat found user=%s room=%s", user_id, room_id)
                return room_id
        return None

    async def _leave(self, user_id: UserId, old: str, other: str | None, problem: str) -> str:
        """Go on in another direct chat, and say there why the old room is spoiled."""
        log.warning("direct chat spoiled user=%s room=%s why=%s", user_id, old, problem)
        fresh = other or await self._make(user_id)
        text = (
            f"⚠️ This is our private chat from now on. I put nothing secret into the old one, "
            f"because {problem}."
        )
        await self._sender.send(fresh, notice(text), txn=f"moved-{old}")
        return fresh

    async def _make(self, user_id: UserId) -> str:
        """Make a direct chat, remember the room, and record the room in `m.direct`."""
        room_id = await self._account.create_room(direct_chat(user_id))
        await self._keep(user_id, room_id)
        log.info("direct chat made user=%s room=%s", user_id, room_id)
        await self._rooms.wait_for_member(room_id, user_id)
        return room_id

    async def _keep(self, user_id: UserId, room_id: str) -> None:
        await self._store.rooms.set_dm(user_id, room_id)
        self._client.keep_encrypted(room_id)
        async with self._record_lock:  # the record is read, changed and written as a whole
            own = UserId.parse(self._rooms.user_id)
            await record_direct(self._account, own, user_id, room_id)
