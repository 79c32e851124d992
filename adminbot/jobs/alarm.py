"""What the admins are told unasked: an identity that changed, an admin who does not count, a state
that cannot be written.

A cross-signing identity is another one than the pinned: either who it belongs to reset it, or
somebody with power over the homeserver pretends to be them. An admin's is told to the others, a
bot's to all.
"""

import asyncio
import logging
import secrets
import zlib
from collections.abc import Awaitable, Callable
from functools import partial

from adminbot.chat.chat import Chat
from adminbot.errors import IDENTITY_THAT_COUNTS, AdminbotError
from adminbot.store import Bot, Store
from adminbot.trust.admins import LeftOut
from adminbot.trust.pins import TrustPolicy
from adminbot.values import render
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

_TEXT = (
    "🚨 **{user}** shows another cross-signing identity than the one I remember. I take nothing "
    "from them and give nothing to them.\n"
    "Ask them, not on this server, whether they did reset it. If so, whoever runs the server "
    "types `adminbot trust {user}`\n"
    "If not, somebody has power over the homeserver who should not."
)
_BOT_TEXT = (
    "🚨 Bot **{user}** shows another cross-signing identity than {which}. I sign nothing for it "
    "any more.\n"
    "Ask whoever runs its program, not on this server. If the program did that itself, whoever "
    "runs the server types `adminbot trust {user}`\n"
    "If not, somebody has power over that account who should not: `!revoke {name}`"
)
_LEFT_OUT = "🚨 **{user}** is in ADMINBOT_ADMINS, and I leave them out, because {why}.\n{remedy}"
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
        self._identity_changed(user_id, master, partial(self._tell_change, user_id, master))

    def ring_bot(self, bot: Bot, counts: str, master: str) -> None:
        """Have all admins told that a bot shows another identity than `counts`; the same once."""
        text = _BOT_TEXT.format(
            user=bot.user_id,
            name=bot.user_id.localpart,
            which=IDENTITY_THAT_COUNTS[bot.own_identity],
        )
        tell = partial(self._tell_bot_change, bot.user_id, counts, master, text)
        self._identity_changed(bot.user_id, master, tell)

    def left_out(self, admin: LeftOut) -> None:
        """Have the admins who count told of one who does not."""
        log.error("ALARM admin left out user=%s why=%s", admin.user_id, admin.why)
        text = _LEFT_OUT.format(user=admin.user_id, why=admin.why, remedy=admin.remedy)
        self._keep_telling(partial(self._tell_each, text, f"{admin}", admin.user_id))

    def _identity_changed(
        self, user_id: UserId, master: str, tell: Callable[[], Awaitable[None]]
    ) -> None:
        if (user_id, master) not in self._known:
            self._known.add((user_id, master))
            log.error("ALARM identity changed user=%s master_key=%s", user_id, master)
            self._keep_telling(tell)

    def _keep_telling(self, tell: Callable[[], Awaitable[None]]) -> None:
        """Again and again until everybody is told; told twice is the same event."""

        async def until_told() -> None:
            try:
                await tell()
            except AdminbotError as exc:
                log.warning("alarm not given to all yet why=%s", exc)
                loop = asyncio.get_running_loop()
                loop.call_later(_RETRY_S, self._raised.put_nowait, until_told)

        self._raised.put_nowait(until_told)

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

    async def run(self) -> None:
        """Tell, until cancelled; one alarm that finds no way keeps no other waiting."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                tasks.create_task(self._guarded(await self._raised.get()))

    @staticmethod
    async def _guarded(tell: Callable[[], Awaitable[None]]) -> None:
        try:
            await tell()
        except AdminbotError as exc:
            log.warning("alarm not given why=%s", exc)
        except Exception:  # the service goes on; the log has the alarm in any case
            log.exception("alarm not given")

    async def _tell_change(self, user_id: UserId, master: str) -> None:
        """Tell all, and note that; what is noted keeps it quiet from then on."""
        pin = await self._store.pins.find(str(user_id))
        about = f"{user_id} {pin.master_key if pin else None} {master}"
        await self._tell_each(_TEXT.format(user=user_id), about, user_id)
        await self._store.pins.alarmed(user_id, master)
        self._known.discard((user_id, master))

    async def _tell_bot_change(self, user_id: UserId, counts: str, master: str, text: str) -> None:
        """Likewise of a bot."""
        await self._tell_each(text, f"{user_id} {counts} {master}", user_id)
        await self._store.bot_pins.alarmed(user_id, master)
        self._known.discard((user_id, master))

    async def _tell_each(self, text: str, about: str, user_id: UserId) -> None:
        """Raises AdminbotError if somebody could not be told, after all others were."""
        failed: AdminbotError | None = None
        for other in sorted(self._policy.admins - {str(user_id)}):
            try:
                await self._tell(UserId.parse(other), text, about)
            except AdminbotError as exc:
                failed = exc
        if failed:
            raise failed

    async def _tell(self, other: UserId, text: str, about: str) -> None:
        if not self._chat.rooms.trusted_devices(other):
            log.warning("alarm not given to=%s why=no trusted device", other)
            return
        room_id = await self._chat.direct_chats.ready(other)
        txn = f"alarm-{zlib.crc32(f'{other} {about}'.encode())}"
        await self._chat.send(room_id, render.ringing(text, other), txn=txn)
