"""The open connections to the server, the state and the chat: opened, mended, closed again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from adminbot.accounts.backends.base import AccountBackend
from adminbot.accounts.backends.synapse import SynapseBackend
from adminbot.chat.client import Client
from adminbot.chat.own_identity import (
    current_session,
    ensure_trusted,
    forget_session,
    heal,
    keys_are_ours,
)
from adminbot.checks import check_admins, check_homeserver, check_server_admin, check_session
from adminbot.config import Settings
from adminbot.errors import HomeserverUnreachable, RateLimited, SetupError, WrongServer
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import Store, open_store
from adminbot.trust.admins import LeftOut
from adminbot.trust.pins import TrustPolicy
from adminbot.values.backoff import pauses

log = logging.getLogger(__name__)

T = TypeVar("T")
_PAUSE_MOST_S = 10


@dataclass(frozen=True, slots=True)
class Connections:
    """The open connections to the server, the state and the chat."""

    session: Session
    store: Store
    backend: AccountBackend
    account: ClientApi
    policy: TrustPolicy
    client: Client
    left_out: tuple[LeftOut, ...]  # admins by the settings, whom the policy does not know


@asynccontextmanager
async def open_connections(
    settings: Settings, *, alone: bool = True
) -> AsyncIterator[Connections]:
    """Open state, server and chat on a trusted device; a device whose keys are lost is replaced.

    Waits for a homeserver that is down. `alone`: as `open_store`.

    Raises:
        SetupError: the account, the identity or the data directory cannot be used.
    """
    given = settings.session
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(settings.data_dir, settings.sealer, alone=alone)
        )
        session = await current_session(store, given)
        http = await stack.enter_async_context(
            open_http(settings.homeserver, session.token, ca_file=settings.ca_file)
        )
        account = ClientApi(http)
        backend = SynapseBackend(SynapseAdmin(http), account, settings.shared_secret)
        session = await _working_session(http, settings, store, session)
        await _once_it_answers(lambda: check_homeserver(http, settings.homeserver))
        await _once_it_answers(lambda: check_server_admin(backend.find, settings.user_id))
        without = await _once_it_answers(lambda: check_admins(backend.find, store, settings))
        policy = _policy(settings, without, store)
        open_as = partial(open_client, settings, policy, stack)
        client = open_as(session)
        if await keys_are_ours(client, account, session.user_id):
            await ensure_trusted(client, account, store, session.user_id)
        else:
            client = await heal(
                given,
                session,
                account=account,
                backend=backend,
                store=store,
                open_client=open_as,
            )
        session = await current_session(store, given)
        if session.device_id != given.device_id:
            await backend.drop_device(given.user_id, given.device_id)
        yield Connections(session, store, backend, account, policy, client, without)


async def _working_session(
    http: HttpClient, settings: Settings, store: Store, kept: Session
) -> Session:
    """The session kept in the state; if dead, a newer session set by hand."""
    given = settings.session
    try:
        await _once_it_answers(lambda: check_session(http, settings.homeserver, kept))
    except SetupError:
        if kept.device_id != given.device_id or kept.token == given.token:
            raise
        http.token = given.token
        await _once_it_answers(lambda: check_session(http, settings.homeserver, given))
        await forget_session(store)
        return given
    return kept


def _policy(settings: Settings, without: tuple[LeftOut, ...], store: Store) -> TrustPolicy:
    absent = {it.user_id for it in without}
    admins = tuple(admin for admin in settings.admins if admin not in absent)
    return TrustPolicy(settings.trust, admins, store)


def open_client(
    settings: Settings, policy: TrustPolicy, stack: AsyncExitStack, session: Session
) -> Client:
    """A chat client as this session, closed with the stack."""
    client = Client(
        settings.homeserver,
        session,
        settings.data_dir / "crypto",
        settings.sealer.pickle_key(),
        policy,
        settings.ca_file,
    )
    stack.push_async_callback(client.close)
    return client


async def _once_it_answers(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask for as long as necessary. Each obstacle is logged, with the remedy."""
    backoff = pauses(_PAUSE_MOST_S)
    while True:
        try:
            return await ask()
        except (HomeserverUnreachable, RateLimited, WrongServer) as exc:
            pause_s = next(backoff)
            why = exc.message() if isinstance(exc, WrongServer) else exc
            log.warning("waiting for the homeserver, next try in_s=%s why=%s", pause_s, why)
            await asyncio.sleep(pause_s)
