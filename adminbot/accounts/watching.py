"""Watching: who is told when a bot falls silent, and who is reminded of its token."""

from datetime import timedelta

from adminbot.accounts.act import NotedAct, Order
from adminbot.accounts.registry import Registry
from adminbot.store import Bot, Expiry, Store, Watch
from adminbot.values.clock import now
from adminbot.values.ids import UserId


class Watching:
    """Begins to watch bots, and ends that. Local work: the server is asked nothing.

    No act here holds its account, because nothing about the account changes. If the process dies
    after the note, a second run does the same again.
    """

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._store = store

    async def find(self, user_id: UserId) -> tuple[Watch | None, Expiry | None]:
        """How a bot is watched. Raises StateError."""
        watch = await self._store.watches.find(user_id)
        return watch, await self._store.expiries.find(user_id)

    async def watch(self, bot: Bot, silent: timedelta, order: Order) -> None:
        """Tell this person when the bot falls silent for so long, and nobody else any more."""
        watch = Watch(bot.user_id, silent, order.who, now())
        await self._note("watch", bot, order)
        await self._store.watch(bot.user_id, watch, event_id=order.event_id)

    async def unwatch(self, bot: Bot, order: Order) -> None:
        await self._note("watch", bot, order)
        await self._store.watch(bot.user_id, None, event_id=order.event_id)

    async def expire(self, bot: Bot, days: int, order: Order) -> Expiry:
        """Remind this person before the bot's token is so many days old, and nobody else."""
        expiry = Expiry(bot.user_id, days, order.who, now())
        await self._note("expiry", bot, order)
        await self._store.expire(bot.user_id, expiry, event_id=order.event_id)
        return expiry

    async def never_expire(self, bot: Bot, order: Order) -> None:
        await self._note("expiry", bot, order)
        await self._store.expire(bot.user_id, None, event_id=order.event_id)

    async def _note(self, command: str, bot: Bot, order: Order) -> None:
        await NotedAct(self._store, order, command, bot.user_id).note()
