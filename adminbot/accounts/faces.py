"""The faces of bots: name and picture, set in a bot's name over a session that ends."""

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.backends.checks import check_may_act_as
from adminbot.accounts.registry import Registry
from adminbot.store import Bot, Store


class Faces:
    """Gives bots names and pictures."""

    def __init__(
        self, registry: Registry, backend: AccountBackend, acts: Acts, store: Store
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts
        self._store = store

    async def set_name(self, typed: str, name: str, order: Order) -> Bot:
        """Have a bot called `name` everywhere; returns the bot as it was before.

        If the process dies in here, the server has the older or the new name; the second run sets
        the new one again.

        Raises: NotManaged, Refused, AccountGone, HomeserverError.
        """
        async with self._acts.begin("setname", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            await check_may_act_as(self._backend, bot.user_id)
            await act.note()
            await act.step("set its name")
            async with self._backend.acting_as(bot.user_id) as account:
                await account.set_display_name(bot.user_id, name)
            await self._store.bots.set_display_name(bot.user_id, name)
            return bot

    async def set_picture(self, typed: str, data: bytes, kind: str, order: Order) -> Bot:
        """Give a bot a picture of media type `kind`.

        If the process dies in here, an upload may be left that nothing shows; the second run
        uploads and sets the picture again.

        Raises: NotManaged, Refused, AccountGone, HomeserverError.
        """
        async with self._acts.begin("setpic", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            await check_may_act_as(self._backend, bot.user_id)
            await act.note()
            async with self._backend.acting_as(bot.user_id) as account:
                await act.step("upload its picture")
                address = await account.media.upload(data, kind)
                await act.step("set its picture")
                await account.set_avatar(bot.user_id, address)
            return bot
