"""The rooms of a bot's account, entered and left in the bot's name."""

import asyncio
from dataclasses import dataclass

from adminbot.accounts.act import Act, Acts, Order
from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.backends.checks import check_may_act_as, open_account
from adminbot.accounts.registry import Registry
from adminbot.errors import HomeserverError, HomeserverUnreachable, Refused, UsageError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import Invitation, RoomFacts
from adminbot.store import Bot
from adminbot.values.ids import UserId
from adminbot.values.room_names import RoomName

_ACCEPT, _LEAVE = "accept the invitation to ", "leave the room"
_AT_MOST = 20  # invitations: somebody may invite a bot to thousands of rooms


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Where a bot is and where it is invited: the first rooms of each, and how many there are.

    `is_paused`: invitations cannot be seen, since nobody can act as the bot.
    """

    joined: tuple[RoomFacts, ...]
    joined_count: int
    invited: tuple[Invitation, ...]
    invited_count: int
    is_paused: bool = False

    @property
    def are_all(self) -> bool:
        """Whether every room and every invitation is among those looked at."""
        seen = len(self.joined) + len(self.invited)
        return not self.is_paused and self.joined_count + self.invited_count == seen


@dataclass(frozen=True, slots=True)
class Entered:
    """The ids of rooms that a bot has entered, or that did not let it in.

    `left`: how many invitations were not looked at.
    """

    rooms: tuple[str, ...]
    refused: tuple[str, ...] = ()
    left: int = 0


class Membership:
    """Enters rooms as the bots made here: for programs that accept no invitation themselves."""

    def __init__(
        self,
        registry: Registry,
        account: ClientApi,
        backend: AccountBackend,
        acts: Acts,
    ) -> None:
        self._registry = registry
        self._account = account
        self._backend = backend
        self._acts = acts

    async def room_id(self, room: RoomName) -> str:
        """The id of a room that a person named.

        Raises UsageError: no such alias, or of a server that is not there.
        """
        if not room.is_alias:
            return room.text
        server = room.text.partition(":")[2]
        is_elsewhere = server != self._registry.server
        try:
            return await self._account.room_of_alias(room.text, once=is_elsewhere)
        except HomeserverError as exc:
            if is_elsewhere and isinstance(exc, HomeserverUnreachable):
                raise UsageError(
                    f"The homeserver found no way to `{server}`, where `{room.text}` is. "
                    "Nothing was changed.",
                    "Send it again in a minute, or type the room's id.",
                ) from None
            if exc.status not in (400, 404):
                raise
            raise UsageError(
                f"There is no room `{room.text}`. Nothing was changed.",
                "Type its address as its settings show it, or its id.",
            ) from None

    async def join(self, typed: str, room: RoomName | None, order: Order) -> Entered:
        """Enter one room, or every room that the bot is invited to.

        To enter a room twice is no error: after a crash the second run enters what is left.

        Raises:
            NotManaged, AccountGone, HomeserverError.
            Refused: not invited (or Paused, Protected).
        """
        async with self._acts.begin("join", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            await check_may_act_as(self._backend, bot.user_id)
            await act.note()
            async with self._backend.acting_as(bot.user_id) as account:
                if room is None:
                    return await self._accept(account, act)
                await act.step("enter a room")
                await _enter(account, room, bot.user_id)
                return Entered((room.text,))

    async def look(self, bot: Bot) -> Whereabouts:
        """Where a bot is, and where it is invited.

        Raises: AccountGone, Protected (a server admin: we do not act as one), HomeserverError.
        """
        # Only the account itself is told of its invitations, before Synapse 1.145.
        is_paused = (await open_account(self._backend, bot.user_id)).is_locked
        invited = [] if is_paused else await self._invitations(bot.user_id)
        joined = await self._backend.rooms(bot.user_id)
        facts = await asyncio.gather(*(self._backend.room(it) for it in joined[:_AT_MOST]))
        return Whereabouts(
            tuple(facts), len(joined), tuple(invited[:_AT_MOST]), len(invited), is_paused
        )

    async def _invitations(self, user_id: UserId) -> list[Invitation]:
        async with self._backend.acting_as(user_id) as account:
            return await account.invitations()

    async def leave(self, typed: str, room_id: str, order: Order) -> None:
        """Leave one room, or decline its invitation.

        One request: after a crash the bot may be out already, and the second run finds that so.

        Raises: NotManaged, AccountGone, HomeserverError, Refused (not in that room; Paused,
            Protected).
        """
        async with self._acts.begin("leave", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            await check_may_act_as(self._backend, bot.user_id)
            await act.note()
            is_second_run = _LEAVE in act.earlier_steps
            await act.step(_LEAVE)
            async with self._backend.acting_as(bot.user_id) as account:
                try:
                    await account.leave(room_id)
                except HomeserverError as exc:
                    if exc.status not in (403, 404):
                        raise
                    if not is_second_run:
                        raise Refused(
                            f"`{bot.user_id}` is not in that room. Nothing was changed.",
                            f"`!rooms {bot.user_id.localpart}` lists where it is.",
                        ) from None

    async def _accept(self, account: ClientApi, act: Act) -> Entered:
        # A run that was cut off has accepted some: these are no invitations any more.
        earlier = [it.removeprefix(_ACCEPT) for it in act.earlier_steps if it.startswith(_ACCEPT)]
        invited = [it.room_id for it in await account.invitations()]
        rooms = dict.fromkeys(earlier + invited[:_AT_MOST])
        refused = []
        for room_id in rooms:
            await act.step(f"{_ACCEPT}{room_id}")
            try:
                await account.join(room_id)
            except HomeserverError as exc:
                # One room that nobody can enter any more must not bar the others.
                if exc.status not in (403, 404):
                    raise
                refused.append(room_id)
        entered = tuple(it for it in rooms if it not in refused)
        return Entered(entered, tuple(refused), len(invited[_AT_MOST:]))


async def _enter(account: ClientApi, room: RoomName, user_id: UserId) -> None:
    try:
        await account.join(room.text, room.via)
    except HomeserverError as exc:
        if exc.status not in (403, 404):
            raise
        raise Refused(
            f"`{user_id}` is not let into that room. Nothing was changed.",
            f"Invite `{user_id}` there, then type the same again.",
        ) from None
