"""New passwords for bots, while their sessions go on."""

from dataclasses import replace

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import AccountBackend, Can
from adminbot.accounts.backends.checks import check_can, check_may_act_as
from adminbot.accounts.handover import HandOver, Program
from adminbot.accounts.registry import Registry
from adminbot.store import Bot
from adminbot.values.clock import now
from adminbot.values.secret import new_password


class Passwords:
    """Gives bots passwords. No session, device or key changes."""

    def __init__(
        self, registry: Registry, backend: AccountBackend, acts: Acts, handover: HandOver
    ) -> None:
        self._registry = registry
        self._backend = backend
        self._acts = acts
        self._handover = handover

    async def renew(
        self, typed: str, order: Order, program: Program, *, form: str
    ) -> tuple[Bot, int]:
        """Give the bot a new password; returns the bot and the card's id.

        If the process dies before the card is stored, the account has the older password, or one
        that nobody has. The second run makes another.

        `form`: the app in whose form the card is.

        Raises: NotManaged, Refused (Paused, too), Superseded, HomeserverError.
        """
        async with self._acts.begin("password", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            check_can(self._backend, Can.PASSWORD)
            # A rotation that waits at the login limit is about to log in with a password of its
            # own: another one now would let it fail.
            self._acts.check_nobody_waits(bot.user_id)
            await check_may_act_as(self._backend, bot.user_id)
            await act.note()
            password = new_password()
            await self._backend.set_password(bot.user_id, password, act, keep_sessions=True)
            # Where the password is the login, or the only one there is, this is a new login.
            is_login = program.logs_in or bot.token_at is None
            bot = replace(bot, has_password=True, token_at=now() if is_login else bot.token_at)
            card = self._handover.hand_over_password(bot, password, order, program, form=form)
            return bot, await card
