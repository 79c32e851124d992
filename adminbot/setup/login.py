"""A new token for the bot's own account on its own device, when the old one died. Asks nobody."""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from adminbot.chat.own_identity import current_session, forget_session, keep_session
from adminbot.config import Settings, sources
from adminbot.errors import SetupError, WrongCredential
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.setup.account import BySharedSecret, Credential, Say, as_admin, register_admin
from adminbot.setup.env_file import replace_values
from adminbot.store import Store, open_store
from adminbot.store.database import DATABASE
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret, new_password

_HELPER = "helper of a login"  # localpart of a server admin that is to be closed again
_START_OVER = "Set up another: docs/setup.md, “Starting over”."


async def log_in_again(
    settings: Settings, env_file: Path, credential: Credential, say: Say
) -> None:
    """Bots, pins and keys stay; every older token of the bot's account dies.

    The new token is sealed in the data directory before the older ones die, and from there the
    next start uses it; then it goes into the env file. Cut off anywhere, a second run ends well.

    Raises:
        WrongCredential: nothing was changed.
        SetupError: the account or the data directory is not fit for it, or the service runs.
        HomeserverError: the server refused, or gave no answer.
    """
    if not (settings.data_dir / DATABASE).exists():
        raise SetupError(
            f"The data directory {settings.data_dir} holds no bot.",
            "Is ADMINBOT_DATA_DIR the right one? A lost one comes back by `adminbot restore`.",
        )
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.data_dir, settings.sealer))
        device_id = (await current_session(store, settings.session)).device_id
        http = await stack.enter_async_context(
            open_http(settings.homeserver, ca_file=settings.ca_file)
        )
        async with _some_admin(credential, http, store, settings.user_id) as synapse:
            await _check_account(synapse, settings.user_id)
            had = {device.device_id for device in await synapse.devices(settings.user_id)}
            session = await _renewed(synapse, ClientApi(http), store, settings, device_id)
        say(f"✅ {session.user_id} has a new token on device {device_id}, older ones are dead")
        if device_id not in had:
            say("⚠️ That device had been deleted on the server: the next start takes a new one.")
        await _into_env_file(env_file, session, store, say)


async def _check_account(synapse: SynapseAdmin, own: UserId) -> None:
    account = await synapse.find_account(own)
    if account is None:
        raise SetupError(f"{own} is not on the server any more.", _START_OVER)
    if account.is_deactivated:
        raise SetupError(
            f"{own} is deactivated on the server: its sessions, keys and rooms are gone.",
            _START_OVER,
        )
    if not account.is_admin:
        raise SetupError(
            f"{own} is no server admin any more, and could do nothing with a new token.",
            "Make it one first: docs/operate.md, “The admin flag”.",
        )


async def _renewed(
    synapse: SynapseAdmin, account: ClientApi, store: Store, settings: Settings, device_id: str
) -> Session:
    """As `Sessions.renew_in_place`, by another admin's right: the device and its keys stay."""
    own, first = settings.user_id, new_password()
    await synapse.set_password(own, first, logout_devices=False)
    session = await account.log_in(
        own.localpart, first, device_id=device_id, device_name="adminbot"
    )
    await store.audit.by_shell("login", own)
    await keep_session(store, settings.device_id, session)
    await account.change_password(session, old=first, new=new_password())
    return session


async def _into_env_file(env_file: Path, session: Session, store: Store, say: Say) -> None:
    """Where the env file does not name the token, the next start uses the sealed one."""
    if not sources.names_token(env_file):
        say(
            "✅ it is sealed in the data directory, where the next start finds it; the one that "
            "ADMINBOT_ACCESS_TOKEN (or its _FILE) names is dead"
        )
        return
    new = {
        "ADMINBOT_ACCESS_TOKEN": session.token.reveal(),
        "ADMINBOT_DEVICE_ID": session.device_id,
    }
    replace_values(env_file, new)
    await forget_session(store)
    say(f"✅ it is in {env_file}")


# -- by whose right


@asynccontextmanager
async def _some_admin(
    credential: Credential, http: HttpClient, store: Store, own: UserId
) -> AsyncIterator[SynapseAdmin]:
    if not isinstance(credential, BySharedSecret):
        async with as_admin(credential, http) as (_, synapse):
            await _close_helper(synapse, store, own)
            yield synapse
        return
    async with _helper(credential.secret, http, store, own) as synapse:
        yield synapse


@asynccontextmanager
async def _helper(
    secret: Secret, http: HttpClient, store: Store, own: UserId
) -> AsyncIterator[SynapseAdmin]:
    """A server admin's account, made with the shared secret for these few requests.

    (The secret opens no existing account.) The helper is noted before it is made, and deactivated
    whatever happens, after a crash by the next login. Nobody ever has the helper's password, and
    its token lives in this process only.
    """
    left_behind = await store.sealed.get(_HELPER)
    name = f"adminbot-login-{secrets.token_hex(4)}"
    await store.sealed.set(_HELPER, f"{left_behind} {name}" if left_behind else name)
    try:
        session = await register_admin(name, secret, http, name.upper(), new_password())
    except WrongCredential:
        await _note(store, left_behind)
        raise
    synapse = SynapseAdmin(http.acting_with(session.token))
    try:
        yield synapse
    finally:
        # Its own account last: after that it can do nothing any more.
        await _close_helper(synapse, store, own)


async def _close_helper(synapse: SynapseAdmin, store: Store, own: UserId) -> None:
    for name in (await store.sealed.get(_HELPER) or "").split():
        user_id = UserId(name, own.server)
        if await synapse.find_account(user_id) is not None:
            await synapse.deactivate(user_id)
    await _note(store, None)


async def _note(store: Store, names: str | None) -> None:
    if names:
        await store.sealed.set(_HELPER, names)
    else:
        await store.sealed.drop(_HELPER)
