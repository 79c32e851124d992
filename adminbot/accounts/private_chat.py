"""An encrypted private chat between a person and a bot, made in the bot's name, without us."""

from typing import Any

from adminbot.accounts.act import Act, Acts, Order
from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.registry import Registry
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.new_rooms import direct_chat, direct_rooms, record_direct
from adminbot.store import Bot
from adminbot.values.ids import UserId

_MAKE = "make a private chat"


class PrivateChats:
    """Makes private chats of bots with people, one for each two."""

    def __init__(self, registry: Registry, backend: AccountBackend, acts: Acts) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts

    async def open(self, typed: str, order: Order) -> tuple[Bot, str]:
        """Have a bot invite the person to their chat; returns the person's membership of before.

        The membership is empty where the chat is new, else `invite`, `join` or `leave`.

        The room is in the bot's `m.direct` once made. A crash in between leaves a room that only
        the second run looks for: by what the room is like, among the bot's rooms. On the person's
        side the invitation says that it is direct, and apps note it in `m.direct` on accepting.

        Raises: NotManaged, AccountGone, HomeserverError.
        """
        async with self._acts.begin("chat", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            await act.note()
            async with self._backend.acting_as(bot.user_id) as account:
                return bot, await self._open(account, bot.user_id, act)

    async def _open(self, account: ClientApi, own: UserId, act: Act) -> str:
        joined = await account.joined_rooms()
        known = await direct_rooms(account, own, act.who)
        # Made by the run that was cut off, or by nobody: then only what is known counts.
        also = joined if _MAKE in act.earlier_steps else []
        for room_id in dict.fromkeys([it for it in known if it in joined] + also):
            membership = membership_in(await account.room_state(room_id), own, act.who)
            if membership is None:
                continue
            if membership == "leave":
                await act.step("invite the person again")
                await account.invite(room_id, act.who)
            await record_direct(account, own, act.who, room_id)
            return membership
        await act.step(_MAKE)
        room_id = await account.create_room(direct_chat(act.who))
        await record_direct(account, own, act.who, room_id)
        return ""


def membership_in(state: list[dict[str, Any]], own: UserId, person: UserId) -> str | None:
    """The person's membership of a room; None unless it is the encrypted chat of the two alone.

    Args:
        state: all state events of the room.
    """
    members = {
        str(it.get("state_key")): _membership(it)
        for it in state
        if it.get("type") == "m.room.member"
    }
    present = {who for who, membership in members.items() if membership in ("join", "invite")}
    is_encrypted = any(it.get("type") == "m.room.encryption" for it in state)
    is_named = any(it.get("type") == "m.room.name" for it in state)
    is_theirs = str(own) in present and str(person) in members
    if not is_theirs or not is_encrypted or is_named or present - {str(own), str(person)}:
        return None
    return members[str(person)]


def _membership(event: dict[str, Any]) -> str:
    content = event.get("content")
    return str(content.get("membership")) if isinstance(content, dict) else ""
