"""Pausing a bot: its account is locked, and all that it has stays."""

from dataclasses import dataclass

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.endings import still_alive
from adminbot.accounts.registry import Registry
from adminbot.errors import AccountGone
from adminbot.store import Bot, Store


@dataclass(frozen=True, slots=True)
class Resumed:
    """A bot that runs again. `was_locked`: it did not run before.

    `given_up`: the command for a new login that gave way meanwhile, if one did: whether the
    older login works is not known then.
    """

    bot: Bot
    was_locked: bool
    given_up: str = ""


class Pausing:
    """Locks and unlocks the accounts of bots."""

    def __init__(
        self, registry: Registry, backend: AccountBackend, acts: Acts, store: Store
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts
        self._store = store

    async def pause(self, typed: str, order: Order) -> Bot:
        """Lock the account: tokens, devices and keys stay, and none of them works. A brake.

        A locked account is locked again: somebody else may have unlocked it. A rotation that the
        pause overtakes may have killed the older token, and may have a session that nobody has:
        neither works until `resume`, whose answer tells of it; another rotation ends it.

        If the process dies before the end is noted, the account may be locked and the store does
        not know so yet. A second run locks it again and notes it.

        Raises: NotManaged, Refused, AccountGone, HomeserverError.
        """
        bot = await self._registry.get(typed)
        async with self._acts.brake("pause", bot.user_id, order) as brake:
            with still_alive(bot.user_id, "pause"):
                await self._backend.lock(bot.user_id, brake)
            await self._store.paused(bot.user_id, paused=True, event_id=order.event_id)
        return bot

    async def resume(self, typed: str, order: Order) -> Resumed:
        """Unlock the account, whoever locked it: the same tokens work again.

        If the process dies before the end is noted, the account may be unlocked and the store
        does not know so yet. A second run unlocks it again and notes it.

        Raises: NotManaged, Refused, AccountGone, Superseded, HomeserverError.
        """
        async with self._acts.begin("resume", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get(typed)
            account = await self._backend.find(bot.user_id)
            if account is None:
                raise AccountGone
            if not (bot.is_paused or account.is_locked or act.earlier_steps):
                return Resumed(bot, was_locked=False)
            await act.note()
            await self._backend.unlock(bot.user_id, act)
            await self._store.paused(bot.user_id, paused=False, event_id=order.event_id)
            since = bot.token_at or bot.made_at
            given_up = await self._store.acts.given_up_since(str(bot.user_id), since)
            return Resumed(bot, was_locked=True, given_up=given_up or "")
