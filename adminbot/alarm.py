"""The alarm: an admin's cross-signing identity is another one than the pinned. The rest are told.

Either that person reset it, or somebody with power over the homeserver pretends to be them.
"""

import asyncio
import logging
import zlib

from adminbot import render
from adminbot.chat import Chat
from adminbot.errors import AdminbotError
from adminbot.ids import UserId
from adminbot.store import Store
from adminbot.trust import TrustPolicy

log = logging.getLogger(__name__)

_TEXT = (
    "🚨 **{user}** shows another cross-signing identity than the one I remember. I take nothing "
    "from them and give nothing to them.\n"
    "Ask them, not on this server, whether they did reset it. If so, whoever runs the server "
    "types `adminbot trust {user}`\n"
    "If not, somebody has power over the homeserver who should not."
)


class Alarm:
    """Rings once for each new identity, also across restarts."""

    def __init__(self, chat: Chat, store: Store, policy: TrustPolicy) -> None:
        self._chat = chat
        self._store = store
        self._policy = policy
        self._raised: asyncio.Queue[tuple[UserId, str]] = asyncio.Queue()
        self._known: set[tuple[UserId, str]] = set()

    def ring(self, user_id: UserId, master: str) -> None:
        """Have the other admins told; the same again does nothing."""
        if (user_id, master) not in self._known:
            self._known.add((user_id, master))
            self._raised.put_nowait((user_id, master))

    async def forever(self) -> None:
        """Tell, until cancelled."""
        while True:
            user_id, master = await self._raised.get()
            try:
                await self._tell_all(user_id, master)
            except Exception:  # the service goes on; the log has the alarm in any case
                log.exception("alarm not given user=%s", user_id)

    async def _tell_all(self, user_id: UserId, master: str) -> None:
        """First everybody is told, then that is noted; told twice is the same event."""
        log.error("ALARM identity changed user=%s master_key=%s", user_id, master)
        for other in sorted(self._policy.admins - {str(user_id)}):
            try:
                await self._tell(UserId.parse(other), user_id, master)
            except AdminbotError as exc:
                log.warning("alarm not given to=%s why=%s", other, exc)
        await self._store.alarmed(user_id, master)

    async def _tell(self, other: UserId, user_id: UserId, master: str) -> None:
        if not self._chat.trusted_devices(other):
            log.warning("alarm not given to=%s why=no trusted device", other)
            return
        room_id = await self._chat.ready_dm(other)
        content = render.ringing(_TEXT.format(user=user_id), other)
        txn = f"alarm-{zlib.crc32(f'{other} {user_id} {master}'.encode())}"
        await self._chat.send(room_id, content, txn=txn)
