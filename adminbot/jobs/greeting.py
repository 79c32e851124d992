"""Greets in each new room, once somebody is there who can read the greeting."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass

from adminbot.chat.chat import Chat
from adminbot.chat.room_view import is_joined
from adminbot.jobs.runner import Job
from adminbot.store import Store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId, txn_id
from adminbot.values.render import notice

log = logging.getLogger(__name__)

_AGAIN_S = 60.0  # a private chat may have been made meanwhile
_IN_ADMIN_ROOM = (
    "👋 I am {name}. I make accounts for programs on this server.\n"
    "What I can do: `!help`. The logins come to you in our private chat."
)
_IN_PRIVATE = (
    "👋 This is our private chat: nobody else is in it. Here you get the logins that you ask for, "
    "each on a card that vanishes.\n"
    "Commands work here, too: `!help`"
)
_ADMIN_ROOM_KNOWN = "greeted the admin room"  # a fact of before rooms were greeted


@dataclass(frozen=True, slots=True)
class _Silent:
    """A room in which we have said nothing, and who may read a greeting there."""

    room_id: str
    people: tuple[UserId, ...]
    text: str


class Greeting(Job):
    """Greets after the first person has joined: what was said before, nobody could decrypt."""

    name = "greeting"
    retry_s = broken_s = 60.0

    def __init__(self, chat: Chat, store: Store, policy: TrustPolicy, admin_room: str) -> None:
        super().__init__()
        self._chat = chat
        self._store = store
        self._policy = policy
        self._admin_room = admin_room

    async def round(self) -> float:
        """Greet wherever somebody is; wait a while for somebody to join. Raises AdminbotError."""
        await self._know_old_admin_room()
        silent = await self._silent()
        if not silent:
            return _AGAIN_S
        with suppress(TimeoutError):
            async with asyncio.timeout(_AGAIN_S):
                await self._chat.rooms.wait_until(lambda: any(map(self._is_heard, silent)))
        for it in filter(self._is_heard, silent):
            txn = txn_id("greeting", it.room_id)
            await self._chat.send(it.room_id, notice(it.text), txn=txn)
            await self._store.facts.set(_fact(it.room_id), "1")
            log.info("greeted room=%s", it.room_id)
        return 0

    async def _know_old_admin_room(self) -> None:
        if await self._store.facts.get(_ADMIN_ROOM_KNOWN):
            await self._store.facts.set(_fact(self._admin_room), "1")
            await self._store.facts.drop(_ADMIN_ROOM_KNOWN)

    async def _silent(self) -> list[_Silent]:
        """The rooms that are still to be greeted."""
        own = UserId.parse(self._chat.rooms.user_id)
        admins = tuple(sorted(map(UserId.parse, self._policy.admins)))
        rooms = [_Silent(self._admin_room, admins, _IN_ADMIN_ROOM.format(name=own.localpart))]
        for admin in admins:
            if room_id := await self._store.rooms.dm(admin):
                rooms.append(_Silent(room_id, (admin,), _IN_PRIVATE))
        return [it for it in rooms if not await self._store.facts.get(_fact(it.room_id))]

    def _is_heard(self, silent: _Silent) -> bool:
        """Whether somebody has joined whose device gets the key."""
        rooms = self._chat.rooms
        room = rooms.room(silent.room_id)
        return room is not None and any(
            is_joined(room, person) and rooms.trusted_devices(person) for person in silent.people
        )


def _fact(room_id: str) -> str:
    return f"greeted {room_id}"
