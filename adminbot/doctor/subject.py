"""What is examined: the settings, and what could be opened of them."""

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from adminbot.chat.client import Client
from adminbot.chat.own_identity import current_session
from adminbot.config import Settings
from adminbot.connections import open_client
from adminbot.errors import AdminbotError, SetupError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import Store, open_store
from adminbot.store.database import DATABASE
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId

NOT_RUNNING = SetupError("The service does not run.", "Start it: `adminbot run`")
NO_KEYS = SetupError(
    "The encryption store is not in the data directory.",
    "Nothing to do: the next start takes a new device under the same identity.",
)
STARTING = SetupError(
    "The service is still starting, so its encryption store cannot be looked at.",
    "Try again once its log says `ready`.",
)
SILENT = SetupError(
    "The service has the data directory, and does not answer.", "Restart the service."
)
OTHER_VERSION = SetupError(
    "The service does not understand the doctor: it is of another version.", "Restart the service."
)


@dataclass(frozen=True, slots=True)
class Subject:
    """An adminbot, running or not. What could not be opened is an error in its place.

    `http` has the token of `session`, and asks once: a check waits for nobody.
    `synced_at`: when the service took in its last sync; an error if the service does not serve.
    """

    settings: Settings
    session: Session
    http: HttpClient
    opened_store: Store | AdminbotError
    opened_client: Client | AdminbotError
    synced_at: datetime | AdminbotError

    @property
    def own(self) -> UserId:
        return self.settings.user_id

    @property
    def account(self) -> ClientApi:
        return ClientApi(self.http)

    @property
    def synapse(self) -> SynapseAdmin:
        return SynapseAdmin(self.http)

    @property
    def store(self) -> Store:
        """Raises AdminbotError: the state could not be opened."""
        if isinstance(self.opened_store, AdminbotError):
            raise self.opened_store
        return self.opened_store

    @property
    def client(self) -> Client:
        """Raises AdminbotError: the encryption store could not be opened."""
        if isinstance(self.opened_client, AdminbotError):
            raise self.opened_client
        return self.opened_client


@asynccontextmanager
async def from_outside(
    settings: Settings, service: SetupError = NOT_RUNNING
) -> AsyncIterator[Subject]:
    """An adminbot that does not serve. Never raises for what is wrong with it.

    `service`: why it does not serve. Beside a service that may be of another version, or another
    user's, the state stays closed.
    """
    async with AsyncExitStack() as stack:
        store: Store | AdminbotError
        session = settings.session
        try:
            _check_openable(settings.data_dir / DATABASE, service)
            is_alone = service is NOT_RUNNING
            opening = open_store(settings.data_dir, settings.sealer, alone=is_alone)
            store = await stack.enter_async_context(opening)
            session = await current_session(store, session)
        except AdminbotError as exc:
            store = exc
        http = await stack.enter_async_context(_once(settings, session))
        client = (
            STARTING if service is STARTING else await _client(settings, session, store, stack)
        )
        yield Subject(settings, session, http, store, client, service)


def _check_openable(file: Path, service: SetupError) -> None:
    """Raises SetupError where opening would make a state, or leave its owner files of ours."""
    if service not in (NOT_RUNNING, STARTING):
        raise service
    try:
        owner = file.stat().st_uid
    except OSError as exc:
        raise SetupError(
            f"There is no state that we can read in {file.parent}.",
            "Check ADMINBOT_DATA_DIR, and who owns it.",
        ) from exc
    if owner != os.geteuid():
        raise SetupError(
            f"The state in {file.parent} is another user's.", "Use this word as that user."
        )


@asynccontextmanager
async def from_inside(
    settings: Settings, session: Session, store: Store, client: Client, synced_at: datetime
) -> AsyncIterator[Subject]:
    """The service that we are."""
    async with _once(settings, session) as http:
        yield Subject(settings, session, http, store, client, synced_at)


def _once(settings: Settings, session: Session) -> AbstractAsyncContextManager[HttpClient]:
    return open_http(
        settings.homeserver, session.token, patience=timedelta(), ca_file=settings.ca_file
    )


async def _client(
    settings: Settings, session: Session, store: Store | AdminbotError, stack: AsyncExitStack
) -> Client | AdminbotError:
    if isinstance(store, AdminbotError):
        return store
    if not (settings.data_dir / "crypto" / "crypto.db").exists():  # opening would make one
        return NO_KEYS
    try:
        policy = TrustPolicy(settings.trust, settings.admins, store)
        return open_client(settings, policy, stack, session)
    except AdminbotError as exc:
        return exc
