"""A login by password within an act: waits for Synapse's login limit to pass, without a lock."""

import asyncio
from datetime import timedelta

from adminbot.accounts.act import Act
from adminbot.accounts.backends.base import Target
from adminbot.errors import HomeserverError, HomeserverUnreachable, RateLimited
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import Session
from adminbot.metrics import observe
from adminbot.metrics.table import RATE_LIMIT_WAIT, Wait
from adminbot.values.clock import now
from adminbot.values.secret import Secret
from adminbot.values.text import format_duration

_LONGEST_WAIT = timedelta(hours=1)


async def log_in(
    account: ClientApi, target: Target, password: Secret, act: Act, meanwhile: str = ""
) -> Session:
    """Log in, and wait while the limit is used up (`rc_login`: by default 5, then 1 in 333 s).

    During the wait the act holds no lock, so other acts can work on the account. The person is
    told of the wait, with `meanwhile` added.

    Each login is sent once: after a lost answer the account may have a token more, to be ended.

    Raises:
        HomeserverUnreachable: the answer is lost; there may be a session.
        RateLimited: the wait would end more than an hour after the first try.
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
        except HomeserverUnreachable:  # has M_UNKNOWN as its errcode, too, and means another thing
            raise
        except HomeserverError as exc:
            # Synapse has no errcode for a password login that is off: M_UNKNOWN with a text.
            if exc.errcode in ("M_UNKNOWN", "M_FORBIDDEN", "M_UNRECOGNIZED"):
                raise _no_password_login(target, exc) from exc
            raise


async def _sit_out(wait: timedelta, localpart: str, act: Act, meanwhile: str) -> None:
    wait_s = wait.total_seconds()
    observe(RATE_LIMIT_WAIT, wait_s, Wait.LOGIN)
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
