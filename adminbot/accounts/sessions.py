"""How a managed account gets a session: in place, afresh, and with Synapse's login limit sat out.

Nothing is remembered here: passwords live as long as a call.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

from adminbot.accounts.order import Order
from adminbot.errors import HomeserverError, HomeserverUnreachable, RateLimited
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import Bot
from adminbot.values.clock import now
from adminbot.values.secret import Secret, new_password
from adminbot.values.text import format_duration

log = logging.getLogger(__name__)

TakeOver = Callable[[Session], Awaitable[None]]
_TRIES = 5
_LONGEST_WAIT = timedelta(hours=1)


async def _nobody(_: Session) -> None:
    """Nobody uses the old token who could be given the new one."""


class Sessions:
    """Opens sessions for `bot.device_id`; each answer is (session, the account's password)."""

    def __init__(self, synapse: SynapseAdmin, account: ClientApi) -> None:
        self._synapse = synapse
        self._account = account

    async def renew_in_place(
        self, bot: Bot, order: Order, take_over: TakeOver = _nobody, *, meanwhile: str = ""
    ) -> tuple[Session, Secret]:
        """A new token for an existing device, all older tokens dead, keys kept.

        1. A password by the admin API, logging nobody out. 2. A login on the same device.
        3. With the new token, a password change that logs all others out: only this spares
        the device. Stopped after 1 nothing is lost; after 2 the old token lives, too; after 3
        nobody has the new one. Run again, all is made anew, and 3 kills what was left behind.
        An answer that is lost on the way is such a stop. Whoever uses the old token gets the
        new one before 3 (`take_over`). `meanwhile`: what a person is told of the old token while
        the login waits.
        """
        first, second = new_password(), new_password()

        async def once() -> Session:
            await order.will("set a password")
            await self._synapse.set_password(bot.user_id, first, logout_devices=False)
            session = await self.log_in(bot, first, order, meanwhile)
            await take_over(session)
            await order.will("end every other session")
            await self._account.change_password(session, old=first, new=second)
            return session

        return await _until_known(once), second

    async def start_afresh(self, bot: Bot, order: Order) -> tuple[Session, Secret]:
        """Sign everything out, devices and keys included, and log in on a new device.

        Stopped in between, the account has no session, or one on the noted device whose token
        nobody has: run again, that one is signed out with the rest.
        """
        password = new_password()

        async def once() -> Session:
            await order.will("sign everything out")
            await self._synapse.set_password(bot.user_id, password, logout_devices=True)
            return await self.log_in(bot, password, order)

        return await _until_known(once), password

    async def log_in(
        self, bot: Bot, password: Secret, order: Order, meanwhile: str = ""
    ) -> Session:
        """Log in, and sit Synapse's login limit out (by default five, then one in 333 s).

        While that lasts nothing is locked: whoever wants to act on the account can.

        Sent once: a login whose answer is lost has made a token that must be ended, too.

        Raises:
            HomeserverUnreachable: whether there is a session is unknown.
            RateLimited: it would take more than an hour.
            HomeserverError: password login is off on this server.
        """
        deadline = now() + _LONGEST_WAIT
        while True:
            await order.will("log in")
            try:
                return await order.whole(
                    self._account.log_in(
                        bot.user_id.localpart,
                        password,
                        device_id=str(bot.device_id),
                        device_name=bot.display_name,
                    )
                )
            except RateLimited as exc:
                if now() + exc.retry_after > deadline:
                    raise
                wait_s = exc.retry_after.total_seconds()
                async with order.aside():
                    await order.say(
                        f"⏳ Synapse asks me to wait {format_duration(round(wait_s))}: its login "
                        f"limit is used up. I finish `{bot.user_id.localpart}` then, nothing to "
                        f"do for you.{meanwhile}"
                    )
                    await asyncio.sleep(wait_s + 0.5)
                await order.check()
            except HomeserverUnreachable:
                raise
            except HomeserverError as exc:
                if exc.errcode in ("M_UNKNOWN", "M_FORBIDDEN", "M_UNRECOGNIZED"):
                    raise _no_password_login(bot, exc) from exc
                raise


async def _until_known(once: Callable[[], Awaitable[Session]]) -> Session:
    """Do it all again when an answer was lost, a few times. Raises HomeserverUnreachable."""
    for tries_left in reversed(range(_TRIES)):
        try:
            return await once()
        except HomeserverUnreachable as exc:
            log.warning("outcome unknown why=%s tries_left=%s", exc, tries_left)
            if not tries_left:
                raise
    raise AssertionError("unreachable")


def _no_password_login(bot: Bot, exc: HomeserverError) -> HomeserverError:
    return HomeserverError(
        f"Synapse does not let {bot.user_id} log in by password "
        "(is `password_config` switched off?).",
        errcode=exc.errcode,
        status=exc.status,
    )
