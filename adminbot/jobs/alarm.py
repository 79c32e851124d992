"""What the admins are told unasked: a changed identity, an admin who does not count, a state that
cannot be written.

Where an account shows another cross-signing identity than the pinned, either the owner reset the
identity, or somebody with power over the homeserver pretends to be the owner. The change of an
admin is told to the other admins, the change of a bot to all.
"""

import logging
import secrets
from collections.abc import Awaitable, Callable
from functools import partial

from adminbot.chat.chat import Chat
from adminbot.errors import IDENTITY_THAT_COUNTS, AdminbotError, StateError
from adminbot.jobs.runner import Job
from adminbot.metrics import count
from adminbot.metrics.table import ALARMS, About
from adminbot.store import OURSELVES, Bot, Entry, Kind, ShownKeys, Store
from adminbot.trust.admins import LeftOut
from adminbot.trust.pins import TrustPolicy
from adminbot.values import render
from adminbot.values.ids import UserId, txn_id

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
_KEYS_TEXT = (
    "🚨 `{name}` has other encryption keys on its device `{device}` than {which}. "
    "Nobody can read what it writes now.\n"
    "Most likely its program lost its data, or threw its keys away. A new device mends that: "
    "`!rotate {name} --new-device`\n"
    "If its program did nothing of that kind, somebody else has its token: `!revoke {name}`"
)
_LEFT_OUT = "🚨 **{user}** is in ADMINBOT_ADMINS, and I leave them out, because {why}.\n{remedy}"
_STUCK = (
    "⚠️ I cannot write my own state (is my disk full?). What you type waits until I can; nothing "
    "is lost. Whoever runs this server: the log says why."
)
_FREE = "✅ I can write my own state again, and go on."

_OTHER_IDENTITY = "identity changed"  # for the audit

_Tell = Callable[[], Awaitable[None]]


class Alarm(Job):
    """Rings once for each new identity, also across restarts.

    Alarms wait for the first round, which comes after the first sync: before, no device of an
    admin is known. Each alarm is told separately, again and again until all admins were told; a
    message sent again is the same event.
    """

    name = "alarm"
    retry_s = broken_s = 60.0

    def __init__(self, chat: Chat, store: Store, policy: TrustPolicy, admin_room: str) -> None:
        super().__init__()
        self._chat = chat
        self._admin_room = admin_room
        self._store = store
        self._policy = policy
        self._raised: dict[str, _Tell] = {}
        self._is_stuck = False

    def ring(self, user_id: UserId, master: str) -> None:
        """Have the other admins told; the same again does nothing."""
        self._identity_changed(user_id, master, partial(self._tell_change, user_id, master))

    def ring_bot(self, bot: Bot, counts: str, master: str) -> None:
        """Have all admins told that a bot shows `master`, not `counts`; the same once."""
        tell = partial(self._tell_bot_change, bot, counts, master)
        self._identity_changed(bot.user_id, master, tell)

    def ring_keys(self, bot: Bot, keys: ShownKeys) -> None:
        """Have it told that a bot's device shows these other keys; the same once."""
        item = f"{bot.user_id} {keys}"
        if item not in self._raised:
            log.error("ALARM device keys changed user=%s device=%s", bot.user_id, bot.device_id)
            count(ALARMS, About.DEVICE_KEYS)
            self._raise(item, partial(self._tell_keys_changed, bot, keys))

    def left_out(self, admin: LeftOut) -> None:
        """Have the admins who count told of an admin who does not."""
        log.error("ALARM admin left out user=%s why=%s", admin.user_id, admin.why)
        count(ALARMS, About.LEFT_OUT)
        text = _LEFT_OUT.format(user=admin.user_id, why=admin.why, remedy=admin.remedy)
        tell = partial(self._tell_left_out, text, admin)
        self._raise(f"left out {admin.user_id}", tell)

    def tell_room(self, text: str, *, rings: bool = False) -> None:
        """Have something said in the admin room; `rings`: it is an alarm for everybody there."""
        txn = f"alarm-{secrets.token_hex(8)}"
        self._raise(txn, partial(self._say, text, txn, rings=rings))

    def stuck(self, *, is_stuck: bool) -> None:
        """Whether our own state can be written; the same again does nothing."""
        if is_stuck and not self._is_stuck:
            self._is_stuck = True
            count(ALARMS, About.STATE)
            self.tell_room(_STUCK, rings=True)  # and nothing can be noted
        elif self._is_stuck and not is_stuck:
            self._raise("free", self._tell_free)

    async def tell(self, admin: UserId, text: str, *about: object) -> str:
        """Tell one admin, once for the same `about`; returns the event id.

        Tells nothing where no trusted device could read the text, and returns no id then. Raises
        AdminbotError: not sent.
        """
        if not self._chat.rooms.trusted_devices(admin):
            log.warning("alarm not given to=%s why=no trusted device", admin)
            return ""
        room_id = await self._chat.direct_chats.ready(admin)
        txn = txn_id("alarm", admin, *about)
        return await self._chat.send(room_id, render.ringing(text), txn=txn)

    def who_hears(self, admin: UserId) -> list[UserId]:
        """One admin; all, where that person is none any more, or has no device that may read."""
        if str(admin) in self._policy.admins and self._chat.rooms.trusted_devices(admin):
            return [admin]
        return sorted(map(UserId.parse, self._policy.admins))

    async def round(self) -> None:
        """Begin whatever is raised and not under way."""
        for key, tell in self._raised.items():
            self.beside(key, partial(self._give, key, tell))

    async def _give(self, key: str, tell: _Tell) -> None:
        await tell()
        del self._raised[key]

    async def told(self, what: str, user_id: object, *, once: bool = False) -> None:
        """Note in the audit that an alarm about an account was told.

        To be called before the alarm is marked as told: a crash in between notes twice. `once`:
        not if that is the newest that is known of the account, since it is told again and again.
        """
        if once:
            newest = await self._store.audit.page(str(user_id), start=0, count=1)
            if [entry.what for entry in newest] == [what]:
                return
        await self._store.audit.add(Entry(Kind.ALARM, OURSELVES, what, str(user_id), "told"))

    def _raise(self, key: str, tell: _Tell) -> None:
        self._raised.setdefault(key, tell)
        self.wake()

    def _identity_changed(self, user_id: UserId, master: str, tell: _Tell) -> None:
        key = f"{user_id} {master}"
        if key not in self._raised:
            log.error("ALARM identity changed user=%s master_key=%s", user_id, master)
            count(ALARMS, About.IDENTITY)
            self._raise(key, tell)

    async def _say(self, text: str, txn: str, *, rings: bool) -> None:
        # Who is alone with us hears the message anyway.
        admins = sorted(map(UserId.parse, self._policy.admins))
        others = admins if len(admins) > 1 else []
        message = render.ringing(text, *others) if rings else render.notice(text)
        try:
            await self._chat.send(self._admin_room, message, txn=txn)
        except AdminbotError as exc:  # refused for good
            log.warning("not said in the admin room why=%s", exc)

    async def _tell_free(self) -> None:
        """After a look of our own: a sync that had nothing to write proves nothing."""
        try:
            await self._store.check_writable()
        except StateError:
            return  # the next sync asks again
        self._is_stuck = False
        self.tell_room(_FREE)

    async def _tell_change(self, user_id: UserId, master: str) -> None:
        """Tell the others, then note that: `TrustPolicy` rings no more for `master`."""
        pin = await self._store.pins.find(str(user_id))
        pinned = pin.master_key if pin else None
        await self._tell_others(_TEXT.format(user=user_id), user_id, pinned, master)
        await self.told(_OTHER_IDENTITY, user_id)
        await self._store.pins.alarmed(user_id, master)

    async def _tell_bot_change(self, bot: Bot, counts: str, master: str) -> None:
        """Tell all, then note that: `Identities` rings no more for `master`."""
        text = _BOT_TEXT.format(
            user=bot.user_id,
            name=bot.user_id.localpart,
            which=IDENTITY_THAT_COUNTS[bot.own_identity],
        )
        await self._tell_others(text, bot.user_id, counts, master)
        await self.told(_OTHER_IDENTITY, bot.user_id)
        await self._store.bot_pins.alarmed(bot.user_id, master)

    async def _tell_keys_changed(self, bot: Bot, keys: ShownKeys) -> None:
        """Tell who made the bot, then note that: `DeviceKeyMemory` rings no more for `keys`.

        All admins are told where that person is none any more, or has no device that may read it.
        """
        device_id = bot.device_id or ""
        if not await self._store.device_keys.find(bot.user_id, device_id):
            return  # mended meanwhile: the bot has another device, or none
        which = "before" if bot.own_identity else "the ones I signed"
        text = _KEYS_TEXT.format(name=bot.user_id.localpart, device=device_id, which=which)
        about = ("other keys", bot.user_id, keys)
        is_admin = str(bot.made_by) in self._policy.admins
        if is_admin and self._chat.rooms.trusted_devices(bot.made_by):
            await self.tell(bot.made_by, text, *about)
        else:
            await self._tell_others(text, bot.user_id, *about)
        await self.told("other keys", bot.user_id)
        await self._store.device_keys.told(bot.user_id, device_id, keys)

    async def _tell_left_out(self, text: str, admin: LeftOut) -> None:
        await self._tell_others(text, admin.user_id, "left out", admin.why)
        await self.told("left out", admin.user_id, once=True)

    async def _tell_others(self, text: str, user_id: UserId, *about: object) -> None:
        """Tell all admins except `user_id`, the subject of the alarm.

        Raises AdminbotError if an admin could not be told, after all others were.
        """
        failed: AdminbotError | None = None
        for other in sorted(self._policy.admins - {str(user_id)}):
            try:
                await self.tell(UserId.parse(other), text, user_id, *about)
            except AdminbotError as exc:
                failed = exc
        if failed:
            raise failed
