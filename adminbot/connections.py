"""The open connections to the server, the state and the chat: opened, mended, closed again."""

import asyncio
import itertools
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from adminbot.chat.client import Client
from adminbot.chat.own_identity import (
    current_session,
    ensure_trusted,
    forget_session,
    heal,
    keys_are_ours,
)
from adminbot.config import Settings
from adminbot.errors import (
    HomeserverError,
    HomeserverUnreachable,
    NotServerAdmin,
    RateLimited,
    SetupError,
    TokenRejected,
    WrongServer,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.homeserver.probe import check_matrix, check_server
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.token_text import what_is_wrong
from adminbot.homeserver.values import Session
from adminbot.store import Store, open_store
from adminbot.trust.admins import LeftOut, left_out
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

log = logging.getLogger(__name__)

T = TypeVar("T")
BACKOFF_S = (0.3, 0.5, 1, 2, 3, 5, 10)
LOG_IN_AGAIN = "A new one, with bots, pins and keys kept: `adminbot login`"


@dataclass(frozen=True, slots=True)
class Connections:
    """The open connections to the server, the state and the chat."""

    session: Session
    store: Store
    synapse: SynapseAdmin
    account: ClientApi
    policy: TrustPolicy
    client: Client
    left_out: tuple[LeftOut, ...]  # admins by the settings, whom the policy does not know


@asynccontextmanager
async def open_connections(settings: Settings, given: Session) -> AsyncIterator[Connections]:
    """Open state, server and a chat client whose device is trusted; heal it if its keys are lost.

    Waits for a homeserver that is down.

    Raises:
        SetupError: the account, the identity or the data directory cannot be used.
    """
    async with AsyncExitStack() as stack:
        sealer = Sealer.from_base64(settings.store_key)
        store = await stack.enter_async_context(open_store(settings.data_dir, sealer))
        session = await current_session(store, given)
        wire = await stack.enter_async_context(
            open_http(settings.homeserver, session.token, ca_file=settings.ca_file)
        )
        synapse, account = SynapseAdmin(wire), ClientApi(wire)
        session = await _working_session(wire, settings, store, session, given)
        await _check_server(wire, synapse, settings)
        without = await _look_admins_up(settings, synapse, store)
        absent = {it.user_id for it in without}
        admins = tuple(admin for admin in settings.admins if admin not in absent)
        policy = TrustPolicy(settings.trust, admins, store)

        def open_client(of: Session) -> Client:
            client = Client(
                settings.homeserver,
                of,
                settings.data_dir / "crypto",
                sealer.pickle_key(),
                policy.trusted,
                policy.is_admin,
                settings.ca_file,
            )
            stack.push_async_callback(client.close)
            return client

        client = open_client(session)
        if await keys_are_ours(client, account, session.user_id):
            await ensure_trusted(client, account, store, session.user_id)
        else:
            client = await heal(
                given,
                session,
                account=account,
                synapse=synapse,
                store=store,
                open_client=open_client,
            )
        session = await current_session(store, given)
        if session.device_id != given.device_id:
            await synapse.delete_device(given.user_id, given.device_id)
        yield Connections(session, store, synapse, account, policy, client, without)


async def _working_session(
    wire: HttpClient, settings: Settings, store: Store, kept: Session, given: Session
) -> Session:
    """The one that we gave ourselves; where that is dead, a newer one that was put in by hand."""
    try:
        await _check_session(wire, settings, kept)
    except SetupError:
        if kept.device_id != given.device_id or kept.token == given.token:
            raise
        wire.token = given.token
        await _check_session(wire, settings, given)
        await forget_session(store)
        return given
    return kept


async def _check_session(wire: HttpClient, settings: Settings, session: Session) -> None:
    """Once the homeserver answers: raises SetupError when it does not know the session."""

    async def whoami() -> tuple[UserId, str | None]:
        try:
            return await ClientApi(wire).whoami(once=True)
        except HomeserverUnreachable:
            await check_matrix(wire, settings.homeserver)  # which knows more to say
            raise

    try:
        found = await _once_it_answers(whoami)
    except TokenRejected as exc:
        raise _token_refused(session) from exc
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


async def _check_server(wire: HttpClient, synapse: SynapseAdmin, settings: Settings) -> None:
    """Once it answers: raises SetupError when we cannot do our work there."""
    await _once_it_answers(lambda: check_server(wire, settings.homeserver))
    try:
        await _once_it_answers(lambda: synapse.find_account(settings.user_id))
    except NotServerAdmin as exc:
        raise SetupError(str(exc), exc.hint) from exc


async def _look_admins_up(
    settings: Settings, synapse: SynapseAdmin, store: Store
) -> tuple[LeftOut, ...]:
    """Who of the admins does not count. A server that is down locks nobody out: it is waited for.

    Raises:
        SetupError: nobody is left, or the server refuses to say.
    """
    look = partial(left_out, synapse, store, settings.user_id, settings.admins)
    try:
        return await _once_it_answers(look)
    except HomeserverError as exc:
        raise SetupError(
            f"I cannot look up the accounts of my admins. {exc}",
            "My account must be a server admin, and /_synapse/admin must be reachable at "
            "ADMINBOT_HOMESERVER.",
        ) from exc


async def _once_it_answers(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask for as long as it takes. What stands in the way is logged, with its remedy."""
    for attempt in itertools.count():
        try:
            return await ask()
        except (HomeserverUnreachable, RateLimited, WrongServer) as exc:
            pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            why = exc.message() if isinstance(exc, WrongServer) else exc
            log.warning("waiting for the homeserver, next try in_s=%s why=%s", pause, why)
            await asyncio.sleep(pause)
    raise AssertionError("unreachable")
