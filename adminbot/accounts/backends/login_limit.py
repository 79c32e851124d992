"""A login by password as an act makes it: Synapse's login limit is sat out, and nothing locked."""

import asyncio
from datetime import timedelta

from adminbot.accounts.act import Act
from adminbot.accounts.backends.base import Target
from adminbot.errors import HomeserverError, HomeserverUnreachable, RateLimited
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import Session
from adminbot.values.clock import now
from adminbot.values.secret import Secret
from adminbot.values.text import format_duration

_LONGEST_WAIT = timedelta(hours=1)


async def log_in(
    account: ClientApi, target: Target, password: Secret, act: Act, meanwhile: str = ""
) -> Session:
    """Log in, and sit the limit out (by default five logins, and then one in 333 s).

    While that lasts the act holds no lock: whoever wants to work on the account can.

    Each login is sent once: a login whose answer is lost has made a token that must be ended, too.

    Raises:
        HomeserverUnreachable: whether there is a session is unknown.
        RateLimited: to wait would take more than an hour.
        HomeserverError: password login is off on this server.
        Refused: a lockdown came into the wait.
    """
    deadline = now() + _LONGEST_WAIT
    while True:
        await act.step("log in")
        try:
            return await act.whole(
                account.log_in(
                    target.user_id.localpart,
                    password,
                    device_id=target.device_id,
                    device_name=target.display_name,
                )
            )
        except RateLimited as exc:
            if now() + exc.retry_after > deadline:
                raise
            async with act.aside():
                await _sit_out(exc.retry_after, target.user_id.localpart, act, meanwhile)
            await act.check()
        except HomeserverUnreachable:
            raise
        except HomeserverError as exc:
            if exc.errcode in ("M_UNKNOWN", "M_FORBIDDEN", "M_UNRECOGNIZED"):
                raise _no_password_login(target, exc) from exc
            raise


async def _sit_out(wait: timedelta, localpart: str, act: Act, meanwhile: str) -> None:
    wait_s = wait.total_seconds()
    await act.say(
        f"⏳ Synapse asks me to wait {format_duration(round(wait_s))}: its login "
        f"limit is used up. I finish `{localpart}` then, nothing to do for you.{meanwhile}"
    )
    await asyncio.sleep(wait_s + 0.5)


def _no_password_login(target: Target, exc: HomeserverError) -> HomeserverError:
    return HomeserverError(
        f"Synapse does not let {target.user_id} log in by password "
        "(is `password_config` switched off?).",
        errcode=exc.errcode,
        status=exc.status,
    )
