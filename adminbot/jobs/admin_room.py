"""Keeps the admin room to the admins: a missing admin is invited, anybody else is removed.

The loss of the room is told in the private chats. Nobody can let us in again: only we may invite.
Another room is made in the shell (`adminbot room --new`); until then the private chats do.
"""

import logging

from adminbot.chat.chat import Chat
from adminbot.chat.rooms import made_by
from adminbot.errors import AdminbotError, HomeserverUnreachable, RateLimited, StateError
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs.alarm import Alarm
from adminbot.jobs.runner import Job
from adminbot.metrics import count
from adminbot.metrics.table import ALARMS, About
from adminbot.store import Store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.text import safe_to_quote

log = logging.getLogger(__name__)

_REMOVED = "🧹 I removed `{user}` from this room: no admin of mine any more."
_STAYS = (
    "⚠️ `{user}` is no admin of mine and sits in this room, and the homeserver does not let me "
    "remove them. Until they have left, type what needs a card in our private chat."
)
_GONE = (
    "⚠️ I am not in the admin room any more: somebody took me out of it, or deleted it. Here I "
    "still do what you ask.\n"
    "For a new one, whoever runs this server types\n`adminbot room --new`\nand restarts me."
)
_TOLD = "admin room gone"  # the fact: the room id that was told of


class AdminRoom(Job):
    """The admin room: put in order once a start, then watched."""

    name = "admin room"
    retry_s = broken_s = 60.0

    def __init__(
        self,
        room_id: str,
        *,
        chat: Chat,
        account: ClientApi,
        store: Store,
        policy: TrustPolicy,
        alarm: Alarm,
    ) -> None:
        super().__init__()
        self._id = room_id
        self._chat = chat
        self._account = account
        self._store = store
        self._policy = policy
        self._alarm = alarm
        self._was_put_in_order = self._is_gone = False

    async def round(self) -> None:
        """Lasts until the room is gone. Once all admins know, there is nothing more to do.

        Raises AdminbotError: an admin has still to be told.
        """
        if not self._was_put_in_order:
            self._was_put_in_order = True
            await self._put_in_order()
        await self._chat.rooms.wait_until_left(self._id)
        if not self._is_gone:
            self._is_gone = True
            log.error("ALARM I am not in the admin room any more room=%s", self._id)
            count(ALARMS, About.ROOM_GONE)
        await self._tell_all()

    def _admins(self) -> list[UserId]:
        return [UserId.parse(admin) for admin in sorted(self._policy.admins)]

    # -- who is in it

    async def _put_in_order(self) -> None:
        room = self._chat.rooms.room(self._id)
        if room is None:
            return
        people = set(room.users)
        await self._remove_others(people - self._policy.admins - {self._chat.rooms.user_id})
        for admin in self._admins():
            await self._welcome(admin, is_in=str(admin) in people)

    async def _remove_others(self, others: set[str]) -> None:
        """Remove `others` (user ids) from a room of our making: other rooms have other guests."""
        if not others:
            return
        try:
            if not made_by(await self._account.room_state(self._id), self._chat.rooms.user_id):
                log.warning("others are in the admin room, which I did not make room=%s", self._id)
                return
        except AdminbotError as exc:
            log.warning("could not look at the admin room why=%s", exc)
            return
        for other in sorted(others):
            await self._remove(other)

    async def _remove(self, other: str) -> None:
        count(ALARMS, About.STRANGER)
        try:
            await self._account.kick(self._id, other, reason="no admin of mine any more")
        except AdminbotError as exc:
            log.warning("could not remove from the admin room user=%s why=%s", other, exc)
            self._alarm.tell_room(_STAYS.format(user=safe_to_quote(other, 60)))
            await self._alarm.told("in the admin room", other, once=True)
        else:
            log.warning("removed from the admin room user=%s", other)
            self._alarm.tell_room(_REMOVED.format(user=safe_to_quote(other, 60)))
            await self._alarm.told("removed from the admin room", other)

    async def _welcome(self, admin: UserId, *, is_in: bool) -> None:
        """Invite an admin who was added since setup, or who left, to both rooms."""
        try:
            if not is_in:
                await self._account.invite(self._id, admin)
                log.info("invited admin=%s", admin)
            if await self._store.rooms.dm(admin) is None:
                await self._chat.direct_chats.ready(admin)
        except AdminbotError as exc:
            log.warning("could not invite admin=%s why=%s", admin, exc)

    # -- that it is gone

    async def _tell_all(self) -> None:
        """Tell every admin once, also across restarts.

        Raises AdminbotError if an admin has still to be told. An admin to whom the homeserver
        refuses to send counts as told.
        """
        if await self._store.facts.get(_TOLD) == self._id:
            return
        failed: AdminbotError | None = None
        for admin in self._admins():
            try:
                await self._alarm.tell(admin, _GONE, "room gone", self._id)
            except (HomeserverUnreachable, RateLimited, StateError) as exc:
                failed = exc
            except AdminbotError as exc:
                log.warning("not told that the admin room is gone admin=%s why=%s", admin, exc)
        if failed:
            raise failed
        await self._store.facts.set(_TOLD, self._id)
