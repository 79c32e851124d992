"""What the admins are told unasked: an identity that changed, a state that cannot be written.

An admin's cross-signing identity is another one than the pinned: either that person reset it, or
somebody with power over the homeserver pretends to be them. The other admins are told.
"""

import asyncio
import logging
import secrets
import zlib
from collections.abc import Awaitable, Callable
from functools import partial

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
_RETRY_S = 60
_STUCK = (
    "⚠️ I cannot write my own state (is my disk full?). What you type waits until I can; nothing "
    "is lost. Whoever runs this server: the log says why."
)
_FREE = "✅ I can write my own state again, and go on."


class Alarm:
    """Rings once for each new identity, also across restarts."""

    def __init__(self, chat: Chat, store: Store, policy: TrustPolicy, admin_room: str) -> None:
        self._chat = chat
        self._admin_room = admin_room
        self._store = store
        self._policy = policy
        self._raised: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._is_stuck = False
        self._known: set[tuple[UserId, str]] = set()

    def ring(self, user_id: UserId, master: str) -> None:
        """Have the other admins told; the same again does nothing."""
        if (user_id, master) not in self._known:
            self._known.add((user_id, master))
            self._raised.put_nowait(partial(self._tell_all, user_id, master))

    def tell_room(self, text: str) -> None:
        """Have something said in the admin room."""
        txn = f"alarm-{secrets.token_hex(8)}"
        self._raised.put_nowait(partial(self._say, text, txn))

    async def _say(self, text: str, txn: str) -> None:
        await self._chat.send(self._admin_room, render.notice(text), txn=txn)

    def stuck(self, *, is_stuck: bool) -> None:
        """Whether our own state can be written; the same again does nothing."""
        if is_stuck and not self._is_stuck:
            self._is_stuck = True
            self.tell_room(_STUCK)
        elif self._is_stuck and not is_stuck:
            self._raised.put_nowait(self._tell_free)

    async def _tell_free(self) -> None:
        """Once it is really so: a sync that had nothing to write proves nothing."""
        if self._is_stuck:
            await self._store.check_writable()
            self._is_stuck = False
            self.tell_room(_FREE)

    async def forever(self) -> None:
        """Tell, until cancelled."""
        while True:
            tell = await self._raised.get()
            try:
                await tell()
            except AdminbotError as exc:
                log.warning("alarm not given why=%s", exc)
            except Exception:  # the service goes on; the log has the alarm in any case
                log.exception("alarm not given")

    async def _tell_all(self, user_id: UserId, master: str) -> None:
        """Until everybody is told and that is noted; told twice is the same event."""
        log.error("ALARM identity changed user=%s master_key=%s", user_id, master)
        try:
            await self._tell_each(user_id, master)
            await self._store.alarmed(user_id, master)
        except AdminbotError as exc:
            log.warning("alarm not given to all yet why=%s", exc)
            again = partial(self._tell_all, user_id, master)
            asyncio.get_running_loop().call_later(_RETRY_S, self._raised.put_nowait, again)
        else:
            self._known.discard((user_id, master))  # what is noted now keeps it quiet

    async def _tell_each(self, user_id: UserId, master: str) -> None:
        """Raises AdminbotError if somebody could not be told, after all others were."""
        pin = await self._store.find_pin(str(user_id))
        about = f"{user_id} {pin.master_key if pin else None} {master}"
        failed: AdminbotError | None = None
        for other in sorted(self._policy.admins - {str(user_id)}):
            try:
                await self._tell(UserId.parse(other), about, user_id)
            except AdminbotError as exc:
                failed = exc
        if failed:
            raise failed

    async def _tell(self, other: UserId, about: str, user_id: UserId) -> None:
        if not self._chat.trusted_devices(other):
            log.warning("alarm not given to=%s why=no trusted device", other)
            return
        room_id = await self._chat.ready_dm(other)
        content = render.ringing(_TEXT.format(user=user_id), other)
        txn = f"alarm-{zlib.crc32(f'{other} {about}'.encode())}"
        await self._chat.send(room_id, content, txn=txn)
