"""The bot's own account and session: made by one of three credentials, or taken up again.

No credential is kept, and a session that was opened with one is logged out again.
"""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from adminbot.errors import (
    HomeserverError,
    NameTaken,
    NotServerAdmin,
    SetupError,
    TokenRejected,
    WrongCredential,
    WrongName,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.setup.journal import Journal
from adminbot.values.ids import UserId, new_device_id
from adminbot.values.secret import Secret, new_password

# A fixed device: a session that a crash left behind is found again and logged out.
_ADMIN_DEVICE = "ADMINBOTSETUP"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class BySharedSecret:
    """Synapse's `registration_shared_secret`."""

    secret: Secret


@dataclass(frozen=True, slots=True)
class ByLogin:
    """A server admin's name and password, for a session that is logged out again."""

    name: str
    password: Secret


@dataclass(frozen=True, slots=True)
class ByToken:
    """A server admin's access token, which stays as it is."""

    token: Secret


Credential = BySharedSecret | ByLogin | ByToken


async def own_session(
    name: str, credential: Credential, journal: Journal, http: HttpClient, say: Say
) -> Session:
    """The bot's own session: from an interrupted setup, or of a new account.

    The account is a server admin then, and its rate limit is lifted.
    """
    token, user, device = (journal.get(name) for name in ("TOKEN", "USER_ID", "DEVICE_ID"))
    if journal.get("PASSWORD") and isinstance(credential, ByLogin):
        # An interrupted try may have left its admin session behind: same device, out it goes.
        async with as_admin(credential, http):
            pass
    if token and user and device:
        session = Session(UserId.parse(user), device, Secret(token))
        await ClientApi(http.acting_with(session.token)).whoami()
        say(f"✅ account {session.user_id} from the interrupted setup")
    else:
        untouched = journal.get("PASSWORD") is None
        try:
            session = await _new_account(name, credential, journal, http)
        except WrongCredential:
            if untouched:
                journal.done()  # nothing was made: anything may be tried now
            raise
        journal.keep(
            TOKEN=session.token.reveal(),
            USER_ID=str(session.user_id),
            DEVICE_ID=session.device_id,
        )
        say(f"✅ account {session.user_id} made")
    await _use_rights(session, http)
    return session


async def _use_rights(session: Session, http: HttpClient) -> None:
    """See that the own account is a server admin; lift its rate limit, so that answers come soon.

    Raises SetupError: the account is no server admin.
    """
    synapse = SynapseAdmin(http.acting_with(session.token))
    try:
        await synapse.find_account(session.user_id)
    except NotServerAdmin as exc:
        raise SetupError(f"{session.user_id} is no server admin.", exc.hint) from exc
    await synapse.lift_rate_limit(session.user_id)


async def _new_account(
    name: str, credential: Credential, journal: Journal, http: HttpClient
) -> Session:
    """Create if absent. The password in the journal opens an account whose token was lost."""
    device_id = journal.first("DEVICE_ID", lambda: new_device_id(name))
    tried = journal.get("PASSWORD") is not None
    password = Secret(journal.first("PASSWORD", lambda: new_password().reveal()))
    if tried:
        with contextlib.suppress(HomeserverError):
            return await _log_in(name, http, device_id, password)
    try:
        if isinstance(credential, BySharedSecret):
            return await register_admin(name, credential.secret, http, device_id, password)
        async with as_admin(credential, http) as (admin, synapse):
            await _make_admin(UserId(name, admin.server), journal, synapse, password)
        return await _log_in(name, http, device_id, password)
    except NameTaken as exc:
        journal.done()  # nothing was made: another name may be tried beside the same env file
        raise WrongName(
            f"An account called {name} exists already, and I leave it alone.",
            "Choose another with --bot-name.",
        ) from exc


async def register_admin(
    name: str, secret: Secret, http: HttpClient, device_id: str, password: Secret
) -> Session:
    """A server admin made by the shared secret. Raises WrongCredential, NameTaken."""
    try:
        return await SynapseAdmin(http).register(
            secret,
            name,
            password=password,
            display_name="adminbot",
            device_id=device_id,
            admin=True,
        )
    except HomeserverError as exc:
        if exc.status == 400 and exc.errcode == "M_UNKNOWN":
            raise WrongCredential(
                "The homeserver does not offer registration by shared secret.",
                "Set registration_shared_secret, or use --login-as.",
            ) from exc
        if exc.status == 403 and exc.errcode in ("M_UNKNOWN", "M_FORBIDDEN"):
            raise WrongCredential(str(exc), "It is in homeserver.yaml.") from exc
        raise


async def _make_admin(
    user_id: UserId, journal: Journal, synapse: SynapseAdmin, password: Secret
) -> None:
    """Make a server admin's account, or finish the one that an interrupted setup made."""
    if journal.get("BLANK") != str(user_id):
        await synapse.check_name_free(user_id)
        # From here on an account of this name, without any device, is ours.
        journal.keep(BLANK=str(user_id))
        await synapse.create_blank(user_id)
    elif await synapse.find_account(user_id) is None:
        await synapse.create_blank(user_id)
    elif await synapse.devices(user_id):
        raise NameTaken(user_id)
    await synapse.set_up(user_id, display_name="adminbot", password=password, admin=True)


async def _log_in(name: str, http: HttpClient, device_id: str, password: Secret) -> Session:
    return await ClientApi(http).log_in(
        name, password, device_id=device_id, device_name="adminbot"
    )


@asynccontextmanager
async def as_admin(
    credential: ByLogin | ByToken, http: HttpClient
) -> AsyncIterator[tuple[UserId, SynapseAdmin]]:
    """Act as a server admin; a session that is opened here is logged out, whatever happens.

    Raises:
        WrongCredential: nobody has this login or token, or the account is no server admin's.
    """
    if isinstance(credential, ByToken):
        acting = http.acting_with(credential.token)
        try:
            user_id, _ = await ClientApi(acting).whoami()
        except TokenRejected as exc:
            raise WrongCredential("The homeserver does not accept that access token.") from exc
        await _check_is_admin(user_id, acting)
        yield user_id, SynapseAdmin(acting)
        return
    session = await _log_in_once(credential, http)
    acting = http.acting_with(session.token)
    try:
        await _check_is_admin(session.user_id, acting)
        yield session.user_id, SynapseAdmin(acting)
    finally:
        with contextlib.suppress(TokenRejected):  # it was the bot's own account: ended with others
            await ClientApi(acting).log_out()


async def _log_in_once(credential: ByLogin, http: HttpClient) -> Session:
    try:
        return await ClientApi(http).log_in(
            credential.name,
            credential.password,
            device_id=_ADMIN_DEVICE,
            device_name="adminbot setup",
        )
    except HomeserverError as exc:
        if exc.errcode == "M_FORBIDDEN":
            raise WrongCredential(f"Name or password of {credential.name} is wrong.") from exc
        if exc.errcode in ("M_UNKNOWN", "M_UNRECOGNIZED") and exc.status in (400, 404):
            raise WrongCredential(
                "The homeserver does not let anybody log in by password.",
                "Use the shared secret or an access token.",
            ) from exc
        if exc.errcode == "M_USER_DEACTIVATED":
            raise WrongCredential(f"The account of {credential.name} is deactivated.") from exc
        raise


async def _check_is_admin(user_id: UserId, acting: HttpClient) -> None:
    try:
        await SynapseAdmin(acting).find_account(user_id)
    except NotServerAdmin as exc:
        raise WrongCredential(
            f"{user_id} is not a server admin, and only one can make or renew my account.",
            "Use a server admin's login or token, or the registration shared secret.",
        ) from exc
