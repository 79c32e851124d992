"""What must be true before the bot can work: one function a check, asked once, without waiting.

A check raises SetupError: the problem, and as hint the remedy. While the homeserver has no usable
answer, a check raises WrongServer, HomeserverUnreachable or RateLimited, and may be asked again.
"""

from adminbot.config import Settings
from adminbot.errors import (
    HomeserverError,
    HomeserverUnreachable,
    NotServerAdmin,
    RateLimited,
    SetupError,
    TokenRejected,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient
from adminbot.homeserver.probe import check_matrix, check_server
from adminbot.homeserver.token_text import what_is_wrong
from adminbot.homeserver.values import Session
from adminbot.store import Store
from adminbot.trust.admins import Find, LeftOut, left_out
from adminbot.values.ids import UserId

LOG_IN_AGAIN = "A new one, with bots, pins and keys kept: `adminbot login`"


async def check_homeserver(http: HttpClient, homeserver: str) -> None:
    """At the base URL is a Synapse that adminbot can use; probe.py has the questions."""
    await check_server(http, homeserver)


async def check_session(http: HttpClient, homeserver: str, session: Session) -> None:
    """The homeserver (a base URL) knows the token that `http` sends as the session's."""
    try:
        found = await ClientApi(http).whoami(once=True)
    except TokenRejected as exc:
        raise _token_refused(session) from exc
    except HomeserverUnreachable:
        await check_matrix(http, homeserver)  # which knows more to say
        raise
    if found != (session.user_id, session.device_id):
        raise SetupError(
            "ADMINBOT_ACCESS_TOKEN belongs to another user id or device id than the settings say.",
            "Use the three lines that `adminbot setup` wrote together.",
        )


def _token_refused(session: Session) -> SetupError:
    if wrong := what_is_wrong(session.token, session.user_id):
        return SetupError(
            f"ADMINBOT_ACCESS_TOKEN is mistyped or cut off: {wrong}.",
            f"Put the whole value back. {LOG_IN_AGAIN}",
        )
    return SetupError(
        "The homeserver does not accept ADMINBOT_ACCESS_TOKEN any more: that session was ended.",
        LOG_IN_AGAIN,
    )


async def check_server_admin(find: Find, own: UserId) -> None:
    """The bot's own account, as which `find` asks, is a server admin."""
    try:
        await find(own)
    except NotServerAdmin as exc:
        raise SetupError(str(exc), exc.hint) from exc


async def check_admins(
    find: Find, store: Store, settings: Settings, *, remembers: bool = True
) -> tuple[LeftOut, ...]:
    """Somebody in ADMINBOT_ADMINS can command; returns the admins who cannot. As `left_out`."""
    own, admins = settings.user_id, settings.admins
    try:
        return await left_out(find, store, own, admins, remembers=remembers)
    except (HomeserverUnreachable, RateLimited):
        raise
    except HomeserverError as exc:
        raise SetupError(
            f"I cannot look up the accounts of my admins. {exc}",
            "My account must be a server admin, and /_synapse/admin must be reachable at "
            "ADMINBOT_HOMESERVER.",
        ) from exc
