"""What a bot is for, in a person's words. No server in here."""

from adminbot.accounts.act import NotedAct, Order
from adminbot.accounts.registry import Registry
from adminbot.store import Bot, Store


class Notes:
    """Writes down what bots are for."""

    def __init__(self, registry: Registry, store: Store) -> None:
        self._registry = registry
        self._store = store

    async def write(self, typed: str, note: str, order: Order) -> Bot:
        """Replace the bot's note; an empty one clears it. Waits for no other act.

        One transaction, so a crash leaves the older note or the newer.

        Raises: NotManaged, Refused, StateError.
        """
        bot = await self._registry.get(typed)
        await NotedAct(self._store, order, "note", bot.user_id).note()
        await self._store.noted(bot.user_id, note, event_id=order.event_id)
        return bot
