"""New tokens: a bot's, and our own."""

from dataclasses import replace

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import AccountBackend, TakeOver, Target
from adminbot.accounts.handover import HandOver, Purpose
from adminbot.accounts.registry import Registry
from adminbot.store import Bot
from adminbot.values.clock import now
from adminbot.values.ids import new_device_id

_MEANWHILE = " Until then its old token works; `!revoke {name}` ends that now."


class Tokens:
    """Gives accounts that are ours a new token; every older one dies."""

    def __init__(
        self,
        registry: Registry,
        backend: AccountBackend,
        acts: Acts,
        handover: HandOver,
        become: TakeOver,
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts
        self._handover = handover
        self._become = become

    async def rotate(self, typed: str, order: Order, *, new_device: bool) -> tuple[Bot, int]:
        """Give the bot a new token and kill every older one; returns the bot and its card's id.

        In place, the bot's device and encryption keys stay. With `new_device` (or after `revoke`,
        which left no device) everything is fresh. AccountBackend says what is true after each
        step. The new token is on a card, or nobody has the token and a second run kills it.

        Raises: NotManaged, HomeserverError.
        """
        async with self._acts.begin("rotate", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get(typed)
            self._acts.check_nobody_waits(bot.user_id)
            kept = None if new_device else await self._present_device(bot)
            device_id = await act.note(kept or new_device_id(bot.user_id.localpart))
            bot = replace(bot, device_id=device_id, token_at=now())
            target = Target(bot.user_id, device_id, bot.display_name)
            if kept:
                meanwhile = _MEANWHILE.format(name=bot.user_id.localpart)
                login = await self._backend.renew(target, act, meanwhile=meanwhile)
            else:
                login = await self._backend.start_afresh(target, act)
            why = Purpose.RENEWED if kept else Purpose.FRESH_DEVICE
            return bot, await self._handover.hand_over(bot, login, order, why)

    async def _present_device(self, bot: Bot) -> str | None:
        """The bot's device, if the server still has it: a logout of the program deletes it.

        The same device id again would lead to a deaf program: its keys are gone from the
        server, while its own store believes them to be there.
        """
        devices = {device.device_id for device in await self._backend.devices(bot.user_id)}
        return bot.device_id if bot.device_id in devices else None

    async def rotate_own(self, order: Order) -> None:
        """Give ourselves a new token on the same device; every older one dies.

        The token in the env file dies, too, and the file stays as it is: the next start uses the
        new token, which `become` seals in the data directory. If the process dies between the two,
        whether the older token still lives is the backend's matter (`AccountBackend.renew`).
        """
        own = self._registry.own
        async with self._acts.begin("rotate", own.user_id, order) as act:
            await act.note(own.device_id)
            target = Target(own.user_id, own.device_id, "adminbot")
            await self._backend.renew(target, act, self._become)
