"""Keeps the admin room to the admins: who was added is invited, who is none any more goes."""

import logging

from adminbot.account import Account
from adminbot.alarm import Alarm
from adminbot.chat import Chat
from adminbot.chat.rooms import made_by
from adminbot.errors import AdminbotError, shortened
from adminbot.ids import UserId
from adminbot.store import Store
from adminbot.trust import TrustPolicy

log = logging.getLogger(__name__)

_REMOVED = "🧹 I removed `{user}` from this room: no admin of mine any more."
_STAYS = (
    "⚠️ `{user}` is no admin of mine and sits in this room, and the homeserver does not let me "
    "remove them. Until they have left, type what needs a card in our private chat."
)


class AdminRoom:
    """The room in which the admins command; put in order once, at start."""

    def __init__(
        self,
        room_id: str,
        *,
        chat: Chat,
        account: Account,
        store: Store,
        policy: TrustPolicy,
        alarm: Alarm,
    ) -> None:
        self._id = room_id
        self._chat = chat
        self._account = account
        self._store = store
        self._policy = policy
        self._alarm = alarm

    async def put_in_order(self) -> None:
        """Remove who is no admin any more, and invite who was added; nobody waits for this."""
        room = self._chat.room(self._id)
        if room is None:
            log.warning("I am not in the admin room room=%s", self._id)
            return
        people = set(room.users)
        await self._remove_others(people - self._policy.admins - {self._chat.user_id})
        for admin in sorted(self._policy.admins - people):
            await self._invite(UserId.parse(admin))

    async def _remove_others(self, others: set[str]) -> None:
        """Nobody else has the power to. Only in a room of our making: another has other guests."""
        if not others:
            return
        try:
            if not made_by(await self._account.room_state(self._id), self._chat.user_id):
                log.warning("others are in the admin room, which I did not make room=%s", self._id)
                return
        except AdminbotError as exc:
            log.warning("could not look at the admin room why=%s", exc)
            return
        for other in sorted(others):
            await self._remove(other)

    async def _remove(self, other: str) -> None:
        """The direct chat is forgotten first: made an admin again, they are invited as anew."""
        try:
            await self._store.drop_dm(other)
            await self._account.kick(self._id, other, reason="no admin of mine any more")
        except AdminbotError as exc:
            log.warning("could not remove from the admin room user=%s why=%s", other, exc)
            self._alarm.tell_room(_STAYS.format(user=shortened(other, 60)))
        else:
            log.warning("removed from the admin room user=%s", other)
            self._alarm.tell_room(_REMOVED.format(user=shortened(other, 60)))

    async def _invite(self, admin: UserId) -> None:
        """Once: who left again by themselves, has a direct chat, and is let be."""
        try:
            if await self._store.dm(admin) is None:
                await self._account.invite(self._id, admin)
                await self._chat.ready_dm(admin)
                log.info("invited admin=%s", admin)
        except AdminbotError as exc:
            log.warning("could not invite admin=%s why=%s", admin, exc)
