"""The bot's own cross-signing: the device signed before the first message, and healed when lost.

The three seeds rest sealed in adminbot's own state, apart from matrix-nio's store: losing that
store costs a device, not the identity that people verified.
"""

import logging
from collections.abc import Callable

from nio import KeysUploadResponse

from adminbot.accounts.backends.base import AccountBackend
from adminbot.chat.client import Client
from adminbot.chat.responses import expect
from adminbot.crypto.crosssigning import Identity, is_signed, master_key
from adminbot.errors import SetupError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import Session
from adminbot.store import OURSELVES, SHELL, Entry, Kind, Store
from adminbot.values.ids import UserId, new_device_id
from adminbot.values.secret import Secret

log = logging.getLogger(__name__)

_SEEDS = "cross-signing seeds"
_HEALED = "healed session"  # "env device|device|token": the env file cannot be rewritten
_PLANNED = "healing device"


async def current_session(store: Store, given: Session) -> Session:
    """The session to use: the given session, or the session that replaced the given session."""
    healed = await store.sealed.get(_HEALED)
    if healed:
        replaces, device_id, token = healed.split("|")
        if replaces == given.device_id:
            return Session(given.user_id, device_id, Secret(token))
    return given


async def adopt_session(
    client: Client, account: ClientApi, store: Store, env_device: str, fresh: Session
) -> None:
    """Use a newer token of this device, from the next request on and after every restart."""
    await keep_session(store, env_device, fresh)
    account.become(fresh.token)
    client.access_token = fresh.token.reveal()


async def keep_session(store: Store, env_device: str, fresh: Session) -> None:
    """Let the next start use a session, as long as the env file names `env_device`."""
    kept = f"{env_device}|{fresh.device_id}|{fresh.token.reveal()}"
    await store.sealed.set(_HEALED, kept)


async def forget_session(store: Store) -> None:
    """Use the session in the env file again."""
    await store.sealed.drop(_HEALED)


async def ensure_trusted(
    client: Client, account: ClientApi, store: Store, user_id: UserId
) -> None:
    """Publish the identity and sign this device, as far as not done yet.

    Raises:
        SetupError: the account has an identity whose seeds are not here.
    """
    if client.should_upload_keys:
        await expect(KeysUploadResponse, client.keys_upload())
    seeds = await store.sealed.get(_SEEDS)
    answer = await account.query_keys(user_id)
    published = master_key(answer, str(user_id))
    if seeds is None:
        if published:
            raise SetupError(
                "The bot's account has a cross-signing identity whose keys are not in the "
                "data directory.",
                "Put the old data directory back, or use another --bot-name and --data-dir.",
            )
        seeds = Identity.new_seeds()
        await store.sealed.set(_SEEDS, seeds)  # before the upload: it could not be undone
    identity = Identity.from_seeds(seeds)
    if published is None:
        await account.upload_cross_signing(identity.upload_body(str(user_id)))
        log.info("cross-signing identity published")
    elif published != identity.master.public:
        raise SetupError(
            "The bot's cross-signing identity on the server is not the one in the data directory: "
            "somebody replaced it.",
            "Find out who: a homeserver admin can. Then use another --bot-name and --data-dir.",
        )
    device = answer.get("device_keys", {}).get(str(user_id), {}).get(client.device_id)
    if device is None:
        raise SetupError("The homeserver does not know this device's keys.", "Run it again.")
    signer = identity.self_signing.public
    if not is_signed(device, str(user_id), signer, signer):
        await account.upload_signatures(identity.device_signature(str(user_id), device))
        log.info("device signed device=%s", client.device_id)


async def own_identity(store: Store) -> Identity:
    """The identity with the private keys; kept since `ensure_trusted`."""
    seeds = await store.sealed.get(_SEEDS)
    if seeds is None:
        raise SetupError("The bot's cross-signing identity is gone.", "Start it again.")
    return Identity.from_seeds(seeds)


async def keys_are_ours(client: Client, account: ClientApi, user_id: UserId) -> bool:
    """Whether the server has no keys for this device, or exactly those of our store.

    Otherwise nio's store was lost, and the device is deaf for good.

    Raises:
        SetupError: our store is whole and had published its keys: somebody else published
            others since.
    """
    answer = await account.query_keys(user_id)
    device = answer.get("device_keys", {}).get(str(user_id), {}).get(client.device_id)
    if device is None:
        return not client.olm_account_shared
    own = client.olm.account.identity_keys
    keys = device.get("keys", {})
    if all(keys.get(f"{kind}:{client.device_id}") == own[kind] for kind in own):
        return True
    if client.olm_account_shared:
        raise SetupError(
            "Another program uses my access token: the keys of my device on the server are not "
            "the ones that I published.",
            "Find it and stop it. Then remove the directory `crypto` in the data directory and "
            "start me again: I take a new device.",
        )
    return False


async def heal(
    given: Session,
    session: Session,
    *,
    account: ClientApi,
    backend: AccountBackend,
    store: Store,
    open_client: Callable[[Session], Client],
) -> Client:
    """Replace a device whose keys are lost by a fresh device, signed with the kept seeds.

    The new device's id is kept before the login, and the token right after the login, so that a
    crash in between leads to the same device again; the old device goes last.
    """
    log.warning("the crypto store does not fit device=%s, taking a new device", session.device_id)
    device_id = await store.sealed.get(_PLANNED) or new_device_id("adminbot")
    await store.sealed.set(_PLANNED, device_id)
    fresh = await backend.open_device(given.user_id, device_id)
    await store.audit.add(await _why_healed(store, given.user_id))
    await store.sealed.set(_HEALED, f"{given.device_id}|{device_id}|{fresh.token.reveal()}")
    await store.sealed.drop(_PLANNED)
    account.become(fresh.token)
    client = open_client(fresh)
    await ensure_trusted(client, account, store, given.user_id)
    await backend.drop_device(given.user_id, session.device_id)
    log.warning("new device in use device=%s", device_id)
    return client


async def _why_healed(store: Store, own: UserId) -> Entry:
    """For the audit. A backup has no place in the server's events: who lacks that was restored."""
    if await store.facts.get("since") is None:
        return Entry(Kind.CHANGE, SHELL, "restore", str(own))
    return Entry(Kind.CHANGE, OURSELVES, "new device", str(own))
