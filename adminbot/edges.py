"""The open connections to the server, the state and the chat: opened, mended, closed again."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from adminbot.account import Account
from adminbot.admins import LeftOut, left_out
from adminbot.chat.client import Client
from adminbot.chat.identity import (
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
    MasNotSupported,
    RateLimited,
    SetupError,
    TokenRejected,
)
from adminbot.secret import Sealer
from adminbot.store import Store, open_store
from adminbot.synapse import Session, Synapse
from adminbot.trust import TrustPolicy
from adminbot.wire import open_wire

log = logging.getLogger(__name__)

T = TypeVar("T")
BACKOFF_S = (0.3, 0.5, 1, 2, 3, 5, 10)
SET_UP_ANOTHER = "Set up another: `adminbot setup` with a new --bot-name, --data-dir, --env-file."


@dataclass(frozen=True, slots=True)
class Edges:
    """The open connections to the server, the state and the chat."""

    session: Session
    store: Store
    synapse: Synapse
    account: Account
    policy: TrustPolicy
    client: Client
    left_out: tuple[LeftOut, ...]  # admins by the settings, whom the policy does not know


@asynccontextmanager
async def open_edges(settings: Settings, given: Session) -> AsyncIterator[Edges]:
    """Open state, server and a chat client whose device is trusted; heal it if its keys are lost.

    Waits for a homeserver that is down.

    Raises:
        SetupError: the account, the identity or the data directory cannot be used.
    """
    async with AsyncExitStack() as stack:
        sealer = Sealer.from_base64(settings.store_key)
        store = await stack.enter_async_context(open_store(settings.data_dir, sealer))
        session = await current_session(store, given)
        wire = await stack.enter_async_context(open_wire(settings.homeserver, session.token))
        synapse, account = Synapse(wire), Account(wire)
        session = await _working_session(account, store, session, given)
        if await synapse.is_mas():
            raise MasNotSupported
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
        yield Edges(session, store, synapse, account, policy, client, without)


async def _working_session(
    account: Account, store: Store, kept: Session, given: Session
) -> Session:
    """The one that we gave ourselves; where that is dead, a newer one that was put in by hand."""
    try:
        await _wait_for_homeserver(account, kept)
    except SetupError:
        if kept.device_id != given.device_id or kept.token == given.token:
            raise
        account.become(given.token)
        await _wait_for_homeserver(account, given)
        await forget_session(store)
        return given
    return kept


async def _wait_for_homeserver(account: Account, session: Session) -> None:
    """Until it answers. Raises SetupError when it does not know the session."""
    try:
        found = await _patiently(partial(account.whoami, once=True))
    except TokenRejected as exc:
        raise SetupError(
            "The homeserver does not accept ADMINBOT_ACCESS_TOKEN any more.",
            SET_UP_ANOTHER,
        ) from exc
    if found != (session.user_id, session.device_id):
        raise SetupError(
            "ADMINBOT_ACCESS_TOKEN belongs to another user id or device id than the settings say.",
            "Use the three lines that `adminbot setup` wrote together.",
        )


async def _look_admins_up(
    settings: Settings, synapse: Synapse, store: Store
) -> tuple[LeftOut, ...]:
    """Who of the admins does not count. A server that is down locks nobody out: it is waited for.

    Raises:
        SetupError: nobody is left, or the server refuses to say.
    """
    look = partial(left_out, synapse, store, settings.user_id, settings.admins)
    try:
        return await _patiently(look)
    except HomeserverError as exc:
        raise SetupError(
            f"I cannot look up the accounts of my admins. {exc}",
            "My account must be a server admin, and /_synapse/admin must be reachable at "
            "ADMINBOT_HOMESERVER.",
        ) from exc


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """What the homeserver answers, once it does."""
    for attempt in range(1_000_000):
        try:
            return await ask()
        except (HomeserverUnreachable, RateLimited) as exc:
            pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            log.info("waiting for the homeserver, next try in_s=%s why=%s", pause, exc)
            await asyncio.sleep(pause)
    raise AssertionError("unreachable")
