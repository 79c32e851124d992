"""An encrypted private chat between a person and a bot, made in the bot's name, without us."""

import asyncio
from enum import Enum, auto
from typing import Any

from adminbot.accounts.act import Act, Acts, Order
from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.backends.checks import check_may_act_as
from adminbot.accounts.registry import Registry
from adminbot.errors import HomeserverError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.new_rooms import direct_chat, direct_rooms, record_direct
from adminbot.homeserver.values import RoomFacts
from adminbot.store import Bot
from adminbot.values.ids import UserId

_MAKE, _INVITE, _RECORD = "make a private chat", "invite the person again", "note the chat"
_AT_MOST = 1000  # rooms of a bot that are looked at
_AT_ONCE = 20


class Found(Enum):
    """How a person and a bot come to their chat."""

    MADE = auto()
    INVITED_AGAIN = auto()  # the person had left
    STILL_INVITED = auto()
    JOINED = auto()


class PrivateChats:
    """Makes private chats of bots with people, one for each two."""

    def __init__(self, registry: Registry, backend: AccountBackend, acts: Acts) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts

    async def open(self, typed: str, order: Order) -> tuple[Bot, Found]:
        """Have a bot invite the person to their chat, a new one only if there is none.

        The room is in the bot's `m.direct` once made. If the process dies in between, or the
        server's answer is lost, the next run finds the room among those that the bot made. On the
        person's side the invitation says that it is direct, and apps note it in `m.direct` on
        accepting: we could only write there in the person's name.

        Raises: NotManaged, Refused (Paused, Protected, too), AccountGone, HomeserverError.
        """
        async with self._acts.begin("chat", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            await check_may_act_as(self._backend, bot.user_id)
            await act.note()
            async with self._backend.acting_as(bot.user_id) as account:
                return bot, await self._open(account, bot.user_id, act)

    async def _open(self, account: ClientApi, own: UserId, act: Act) -> Found:
        joined = await account.joined_rooms()
        known = await direct_rooms(account, own, act.who)
        for room_id in (it for it in known if it in joined):
            if found := await _found(account, own, act, room_id):
                return found
        for room_id in await self._made_by(own, [it for it in joined if it not in known]):
            if found := await _found(account, own, act, room_id):
                break
        else:
            await act.step(_MAKE)
            room_id, found = await account.create_room(direct_chat(act.who)), Found.MADE
        await act.step(_RECORD)
        await record_direct(account, own, act.who, room_id)
        return found

    async def _made_by(self, own: UserId, rooms: list[str]) -> list[str]:
        """Those rooms that may be private chats made in a bot's name; the state has to tell."""
        found: list[str] = []
        for first in range(0, min(len(rooms), _AT_MOST), _AT_ONCE):
            some = rooms[first : first + _AT_ONCE]
            for facts in await asyncio.gather(*map(self._backend.room, some)):
                if facts.creator == str(own) and _is_like_a_chat(facts):
                    found.append(facts.room_id)
        return found


def _is_like_a_chat(room: RoomFacts) -> bool:
    return room.is_encrypted and not room.name and room.members <= 2


async def _found(account: ClientApi, own: UserId, act: Act, room_id: str) -> Found | None:
    """Bring the person into a room, if the room is the chat of the two and lets the person in."""
    membership = membership_in(await account.room_state(room_id), own, act.who)
    if membership == "join":
        return Found.JOINED
    if membership == "invite":
        if _INVITE in act.earlier_steps:
            return Found.INVITED_AGAIN
        return Found.MADE if _MAKE in act.earlier_steps else Found.STILL_INVITED
    if membership != "leave":
        return None
    await act.step(_INVITE)
    try:
        await account.invite_to_chat(room_id, act.who)
    except HomeserverError as exc:
        if exc.status != 403:
            raise
        return None  # the bot's program, or whoever made the room, lets it invite nobody
    return Found.INVITED_AGAIN


def membership_in(state: list[dict[str, Any]], own: UserId, person: UserId) -> str | None:
    """The person's membership of a room; None unless it is the encrypted chat of the two alone.

    Args:
        state: all state events of the room.
    """
    members = {
        str(it.get("state_key")): _said(it, "membership")
        for it in state
        if it.get("type") == "m.room.member"
    }
    present = {who for who, membership in members.items() if membership in ("join", "invite")}
    is_theirs = str(own) in present and str(person) in members
    if not is_theirs or present - {str(own), str(person)} or not _is_private(state):
        return None
    return members[str(person)]


def _is_private(state: list[dict[str, Any]]) -> bool:
    """Whether a room is encrypted, nameless, and shut to everybody who is not invited."""
    events = {str(it.get("type")): it for it in state if it.get("state_key") == ""}
    return (
        "m.room.encryption" in events
        and "m.room.name" not in events
        and _said(events.get("m.room.join_rules"), "join_rule") in ("", "invite")
        and _said(events.get("m.room.history_visibility"), "history_visibility")
        != "world_readable"
    )


def _said(event: dict[str, Any] | None, name: str) -> str:
    """A field of an event's content; empty without one."""
    content = event.get("content") if event else None
    return str(content.get(name) or "") if isinstance(content, dict) else ""
