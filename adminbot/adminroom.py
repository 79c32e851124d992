"""The admin room while we run: who left it is invited again, and that it is gone is told.

It cannot be entered again once we are out: only we may invite. Another one is made in the shell
(`adminbot room --new`); until then the private chats do.
"""

import asyncio
import logging
import zlib

from adminbot import render
from adminbot.account import Account
from adminbot.chat import Chat
from adminbot.errors import AdminbotError, HomeserverUnreachable
from adminbot.ids import UserId
from adminbot.store import Store

log = logging.getLogger(__name__)

_GONE = (
    "⚠️ I am not in the admin room any more: somebody took me out of it, or deleted it. Here I "
    "still do what you ask.\n"
    "For a new one, whoever runs this server types\n`adminbot room --new`\nand restarts me."
)
_TOLD = "admin room gone"  # the fact: the room id that was told of
_RETRY_S = 60


class AdminRoom:
    """Looks after one room, by its id; `changed` is notified after every sync."""

    def __init__(
        self,
        room_id: str,
        admins: tuple[UserId, ...],
        *,
        chat: Chat,
        account: Account,
        store: Store,
        changed: asyncio.Condition,
    ) -> None:
        self._room_id = room_id
        self._admins = admins
        self._chat = chat
        self._account = account
        self._store = store
        self._changed = changed

    async def forever(self) -> None:
        """Once a start who is missing is invited; then see that it stays, until cancelled."""
        await self._invite_missing()
        async with self._changed:
            await self._changed.wait_for(self._is_gone)
        log.error("ALARM I am not in the admin room any more room=%s", self._room_id)
        while True:
            if await self._all_told():
                return
            await asyncio.sleep(_RETRY_S)

    def _is_gone(self) -> bool:
        return self._chat.room(self._room_id) is None

    async def _invite_missing(self) -> None:
        """Admins who were added since setup, or who left."""
        room = self._chat.room(self._room_id)
        for admin in self._admins if room else ():
            try:
                if room and str(admin) not in room.users:
                    await self._account.invite(self._room_id, admin)
                    log.info("invited admin=%s", admin)
                if await self._store.dm(admin) is None:
                    await self._chat.ready_dm(admin)
            except AdminbotError as exc:
                log.warning("could not invite admin=%s why=%s", admin, exc)

    async def _all_told(self) -> bool:
        """Tell every admin once, also across restarts; False if somebody is still to be told."""
        try:
            if await self._store.fact(_TOLD) == self._room_id:
                return True
            told = [await self._tell(admin) for admin in self._admins]
            if all(told):
                await self._store.set_fact(_TOLD, self._room_id)
        except AdminbotError as exc:
            log.warning("not told that the admin room is gone why=%s", exc)
            return False
        return all(told)

    async def _tell(self, admin: UserId) -> bool:
        if not self._chat.trusted_devices(admin):
            log.info("nobody to tell that the admin room is gone admin=%s", admin)
            return True
        try:
            room_id = await self._chat.ready_dm(admin)
            txn = f"room-gone-{zlib.crc32(f'{self._room_id} {admin}'.encode())}"
            await self._chat.send(room_id, render.ringing(_GONE, admin), txn=txn)
        except AdminbotError as exc:
            log.warning("not told that the admin room is gone admin=%s why=%s", admin, exc)
            return not isinstance(exc, HomeserverUnreachable)
        return True
