"""New tokens, for bots and for our own account."""

from dataclasses import replace

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import AccountBackend, Can, Login, TakeOver, Target
from adminbot.accounts.backends.checks import check_can, check_may_act_as
from adminbot.accounts.handover import (
    HandOver,
    PasswordOnly,
    Program,
    Purpose,
    leave_password_only,
)
from adminbot.accounts.registry import Registry
from adminbot.store import Bot
from adminbot.values.clock import now
from adminbot.values.ids import new_device_id

_MEANWHILE = " Until then its old token works; `!revoke {name}` ends that now."


class Tokens:
    """Gives new tokens to bots and to adminbot's own account; all older tokens die."""

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

    async def rotate(
        self, typed: str, order: Order, program: Program, *, new_device: bool
    ) -> tuple[Bot, int]:
        """Give the bot a new token and kill all older tokens; returns the bot and the card's id.

        In place, the bot's device and encryption keys stay. With `new_device`, when the server has
        the device no more (after `!revoke`, say), or for a program that cannot keep its device,
        everything is fresh. A program that logs in by itself gets a new password instead, and
        every session ends. AccountBackend says what is true after each step. After a crash the new
        token is on a card, or nobody has the token and the second run kills it.

        Raises: NotManaged, Refused (Paused, too), Superseded, HomeserverError.
        """
        async with self._acts.begin("rotate", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            self._acts.check_nobody_waits(bot.user_id)
            await check_may_act_as(self._backend, bot.user_id)
            is_kept = program.keeps_device and not program.logs_in and not new_device
            present_device = await self._present_device(bot) if is_kept else None
            device_id = await act.note(present_device or new_device_id(bot.user_id.localpart))
            bot = program.of(replace(bot, device_id=device_id, token_at=now()))
            target = Target(bot.user_id, device_id, bot.display_name)
            login: Login | PasswordOnly
            if program.logs_in:
                check_can(self._backend, Can.PASSWORD, "That program needs one.")
                login = await leave_password_only(self._backend, bot.user_id, act)
            elif present_device:
                meanwhile = _MEANWHILE.format(name=bot.user_id.localpart)
                login = await self._backend.renew(target, act, meanwhile=meanwhile)
            else:
                login = await self._backend.start_afresh(target, act)
            why = Purpose.RENEWED if present_device else Purpose.FRESH_DEVICE
            return bot, await self._handover.hand_over(bot, login, order, why, program)

    async def _present_device(self, bot: Bot) -> str | None:
        """The bot's device id, or None if the server has the device no more.

        A logout by the program deletes the device. A login on the same device id would make the
        program deaf: the device's keys are gone from the server, while the program's own store
        takes the keys for uploaded.
        """
        devices = {device.device_id for device in await self._backend.devices(bot.user_id)}
        return bot.device_id if bot.device_id in devices else None

    async def rotate_own(self, order: Order) -> None:
        """Give ourselves a new token on the same device; all older tokens die.

        The token in the env file dies, too, and the file stays unchanged: the next start uses the
        new token, sealed in the data directory by `become`. If the process dies between the login
        and `become`, the backend decides whether the older token lives (`AccountBackend.renew`).

        Raises: Refused, Superseded, HomeserverError.
        """
        own = self._registry.own
        async with self._acts.begin("rotate", own.user_id, order) as act:
            await act.note(own.device_id)
            target = Target(own.user_id, own.device_id, "adminbot")
            await self._backend.renew(target, act, self._become)
