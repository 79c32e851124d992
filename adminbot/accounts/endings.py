"""Endings: acts that sign a bot out or close an account. All but `prune` are brakes."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import timedelta
from functools import partial

from adminbot.accounts.act import Acts, Brake, Order
from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.backends.checks import check_may_change
from adminbot.accounts.registry import Registry
from adminbot.errors import AccountGone, HomeserverError, UsageError
from adminbot.homeserver.values import Device, Removal
from adminbot.store import Bot, Store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import shown_id

_PRUNE = "sign out device "


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
            with still_alive(bot.user_id, "revoke"):
                await sign_out()
            # After this only the session of an overtaken login can be left.
            await brake.once_more_after_late_logins(sign_out)
            await self._store.signed_out(bot.user_id, event_id=order.event_id)
        return bot

    async def revoke_device(self, typed: str, shown: str, order: Order) -> tuple[Bot, str]:
        """End one session of the bot, known by its device id as `shown`; the others stay.

        Returns the bot as it was before, and the device id. If the process dies before
        the end is noted, the session may be ended and the store does not know so yet. A second run
        ends it again, which is no error, and notes the end.

        Raises:
            UsageError: there is no such session.
            NotManaged, AccountGone, HomeserverError.
        """
        bot = await self._registry.get(typed)
        # An earlier run may have ended the session: then its device is no more.
        noted = await self._store.acts.find(order.event_id)
        device_id = noted.device_id if noted else None
        if not device_id:
            device_id = await self._device(bot, shown)
        async with self._acts.brake("revoke", bot.user_id, order, device_id) as brake:
            end = partial(self._backend.end_session, bot.user_id, device_id, brake)
            with still_alive(bot.user_id, "revoke", shown):
                await end()
            await brake.once_more_after_late_logins(end)
            if device_id == bot.device_id:
                await self._store.signed_out(bot.user_id, event_id=order.event_id)
        return bot, device_id

    async def _device(self, bot: Bot, shown: str) -> str:
        ids = {
            shown_id(it.device_id): it.device_id for it in await self._backend.devices(bot.user_id)
        }
        if shown in ids:
            return ids[shown]
        # Phones change the case of what one types.
        alike = [device_id for it, device_id in ids.items() if it.casefold() == shown.casefold()]
        if len(alike) == 1:
            return alike[0]
        raise UsageError(
            f"`{bot.user_id}` has no session on `{shown_id(shown)}`. Nothing was changed.",
            f"`!devices {bot.user_id.localpart}` lists them.",
        )

    async def unused(self, bot: Bot, for_so_long: timedelta) -> list[Device]:
        """The sessions last seen longer ago, the longest first.

        Not among them: the issued session, and those never used, whose age is not known.

        Raises: AccountGone, HomeserverError.
        """
        found = [
            (device.last_seen, device)
            for device in await self._backend.devices(bot.user_id)
            if device.last_seen
            and device.last_seen < now() - for_so_long
            and device.device_id != bot.device_id
        ]
        return [device for _, device in sorted(found, key=lambda it: it[0])]

    async def prune(self, typed: str, for_so_long: timedelta, order: Order) -> list[str]:
        """End every session that `unused` finds now; returns the device ids as shown.

        If the process dies in here, some sessions are ended. A second run ends the rest, and
        returns all.

        Raises: NotManaged, Refused, Superseded, AccountGone, HomeserverError.
        """
        async with self._acts.begin("devices", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get(typed)
            await act.note()
            gone = [it.removeprefix(_PRUNE) for it in act.earlier_steps if it.startswith(_PRUNE)]
            # Looked up anew: what was seen since the question stays.
            for device in await self.unused(bot, for_so_long):
                gone.append(shown_id(device.device_id))
                await act.step(f"{_PRUNE}{gone[-1]}")
                await self._backend.end_session(bot.user_id, device.device_id, act)
            left = {shown_id(it.device_id) for it in await self._backend.devices(bot.user_id)}
            return [it for it in dict.fromkeys(gone) if it not in left]

    async def delete(self, typed: str, order: Order) -> Bot:
        """Close the account for good; the name stays taken on this server.

        If the process dies before the end is noted, the account may be closed and the store does
        not know so yet. A second run notes the end: closing a closed or missing account is no
        error.

        Raises: NotManaged, Protected, HomeserverError.
        """
        bot = await self._registry.get(typed)
        async with self._acts.brake("deletebot", bot.user_id, order) as brake:
            close = partial(self._backend.close, bot.user_id, brake)
            with still_alive(bot.user_id, "deletebot"):
                with suppress(AccountGone):  # closing a missing account is no error
                    await check_may_change(self._backend, bot.user_id)
                await close()
            await brake.once_more_after_late_logins(close)
            await self._store.bot_deleted(bot.user_id, event_id=order.event_id)
        return bot

    async def erase(self, typed: str, order: Order) -> tuple[Bot, Removal | None]:
        """Close the account for good, and remove what it has written and what it was called.

        Returns the bot, and how far the removal of its messages is; None for an account that was
        missing.

        The sessions are dead before anything else. Then the messages, while the account is still
        in its rooms: which rooms these are, the server looks up when the removal begins. The
        account is closed last. If the process dies between two of these, a second run does all
        three again; none of them is an error when it was done before.

        Raises: NotManaged, HomeserverError.
        """
        bot = await self._registry.get(typed)
        async with self._acts.brake("deletebot", bot.user_id, order) as brake:
            removal = None
            with suppress(AccountGone):
                removal = await self._empty(bot.user_id, brake)
            close = partial(self._backend.close, bot.user_id, brake, erase=True)
            with _signed_out(bot.user_id):
                await close()
            await brake.once_more_after_late_logins(close)
            await self._store.bot_deleted(bot.user_id, event_id=order.event_id)
        return bot, removal

    async def _empty(self, user_id: UserId, brake: Brake) -> Removal:
        """Sign the account out and remove its messages. Raises AccountGone, HomeserverError."""
        account = await self._backend.find(user_id)
        if account is None or not account.is_deactivated:  # by an earlier run, or by somebody else
            with still_alive(user_id, "deletebot", "--erase"):
                await self._backend.sign_out(user_id, brake)
            await self._store.signed_out(user_id)
        with _signed_out(user_id):
            return await self._backend.remove_messages(user_id, brake)

    async def delete_own(self, order: Order) -> None:
        """Close our own account. No answer can be sent afterwards, and no restart helps.

        Raises HomeserverError.
        """
        own = self._registry.own.user_id
        async with self._acts.brake("deletebot", own, order) as brake:
            await self._backend.close(own, brake)


@contextmanager
def still_alive(user_id: UserId, command: str, *more: str) -> Iterator[None]:
    """Add to a brake's failure what the person must know: the bot's tokens may still work.

    `more`: the words behind the name.
    """
    again = " ".join([command, user_id.localpart, *more])
    with _hinted(f"Its tokens may still work. Try again: `!{again}`"):
        yield


def _signed_out(user_id: UserId) -> AbstractContextManager[None]:
    """The same, once the sessions are dead."""
    again = f"deletebot {user_id.localpart} --erase"
    return _hinted(f"It is signed out, and not deleted yet. Try again: `!{again}`")


@contextmanager
def _hinted(hint: str) -> Iterator[None]:
    try:
        yield
    except AccountGone:  # no account, no token: the error's own hint is the right one
        raise
    except HomeserverError as exc:
        exc.hint = hint
        raise
