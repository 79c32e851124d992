"""Endings: acts that sign a bot out or close an account. An ending is a brake: no waiting."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.registry import Registry
from adminbot.errors import AccountGone, HomeserverError
from adminbot.store import Bot, Store
from adminbot.values.ids import UserId


class Endings:
    """Signs out and closes the bots made here and adminbot's own account, and no others."""

    def __init__(
        self, registry: Registry, backend: AccountBackend, acts: Acts, store: Store
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts
        self._store = store

    async def revoke(self, typed: str, order: Order) -> Bot:
        """Sign the bot out everywhere: tokens, devices and keys go, the account stays.

        If the process dies before the end is noted, some or all sessions are ended and the store
        does not know so yet. A second run ends the rest and notes the end.

        Raises: NotManaged, AccountGone, HomeserverError.
        """
        bot = await self._registry.get(typed)
        async with self._acts.brake("revoke", bot.user_id, order) as brake:
            sign_out = partial(self._backend.sign_out, bot.user_id, brake)
            with _still_alive(bot.user_id, "revoke"):
                await sign_out()
            # After this only the session of an overtaken login can be left.
            await brake.once_more_after_late_logins(sign_out)
            await self._store.signed_out(bot.user_id, event_id=order.event_id)
        return bot

    async def delete(self, typed: str, order: Order) -> Bot:
        """Close the account for good; the name stays taken on this server.

        If the process dies before the end is noted, the account may be closed and the store does
        not know so yet. A second run notes the end: closing a closed or missing account is no
        error.

        Raises: NotManaged, HomeserverError.
        """
        bot = await self._registry.get(typed)
        async with self._acts.brake("deletebot", bot.user_id, order) as brake:
            close = partial(self._backend.close, bot.user_id, brake)
            with _still_alive(bot.user_id, "deletebot"):
                await close()
            await brake.once_more_after_late_logins(close)
            await self._store.bot_deleted(bot.user_id, event_id=order.event_id)
        return bot

    async def delete_own(self, order: Order) -> None:
        """Close our own account. No answer can be sent afterwards, and no restart helps.

        Raises HomeserverError.
        """
        own = self._registry.own.user_id
        async with self._acts.brake("deletebot", own, order) as brake:
            await self._backend.close(own, brake)


@contextmanager
def _still_alive(user_id: UserId, command: str) -> Iterator[None]:
    """Add to a brake's failure what the person must know: the bot's tokens may still work."""
    try:
        yield
    except AccountGone:  # no account, no token: the error's own hint is the right one
        raise
    except HomeserverError as exc:
        exc.hint = f"Its tokens may still work. Try again: `!{command} {user_id.localpart}`"
        raise
