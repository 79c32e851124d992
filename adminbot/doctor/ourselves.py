"""Our own account: its session, its rights, its encryption."""

from adminbot.chat.own_identity import keys_are_ours, own_identity
from adminbot.checks import check_server_admin, check_session
from adminbot.crypto.crosssigning import is_signed, master_key
from adminbot.doctor.finding import Verdict, error, warning, well
from adminbot.doctor.subject import NO_KEYS, STARTING, Subject

_FEW = 10  # one-time keys; fifty are kept there


async def session(it: Subject) -> Verdict:
    """The homeserver knows our token, as this account's and this device's."""
    await check_session(it.http, it.settings.homeserver, it.session)
    return well(f"{it.own}, device {it.session.device_id}")


async def server_admin(it: Subject) -> Verdict:
    await check_server_admin(it.synapse.find_account, it.own)
    return well("our account is one")


async def rate_limit(it: Subject) -> Verdict:
    if await it.synapse.has_no_rate_limit(it.own):
        return well("lifted for our account")
    return warning(
        "not lifted for our account, so the homeserver slows down answers",
        "Restart the service: each start lifts it.",
    )


async def encryption_keys(it: Subject) -> Verdict:
    """The keys of our device on the homeserver are those of our encryption store."""
    if it.opened_client in (NO_KEYS, STARTING):
        return warning(str(it.opened_client), it.opened_client.hint)
    if await keys_are_ours(it.client, it.account, it.own):
        return well(f"those of device {it.client.device_id} are on the homeserver")
    return error(
        f"those of device {it.client.device_id} on the homeserver are not in the data directory",
        "Restart the service: it takes a new device under the same identity.",
    )


async def cross_signing(it: Subject) -> Verdict:
    """Our identity is published, is the one in the state, and signs our device."""
    identity = await own_identity(it.store)
    answer = await it.account.query_keys(it.own)
    published = master_key(answer, str(it.own))
    if published is None:
        return error("our identity is not published", "Restart the service: it publishes it.")
    if published != identity.master.public:
        return error(
            "the homeserver shows another identity than ours: somebody replaced it",
            "Find out who: a homeserver admin can. Then use another --bot-name and --data-dir.",
        )
    device = answer["device_keys"].get(str(it.own), {}).get(it.session.device_id)
    signer = identity.self_signing.public
    if device is None or not is_signed(device, str(it.own), signer, signer):
        return error(
            "our device is not signed: apps show a red shield",
            "Restart the service: it signs the device.",
        )
    return well("our identity is published, and signs our device")


async def one_time_keys(it: Subject) -> Verdict:
    """Without them nobody new can send us keys, but for the fallback key."""
    count = await it.account.one_time_key_count()
    if count >= _FEW:
        return well(f"{count} on the homeserver")
    return warning(
        f"{count} on the homeserver",
        "The service puts new ones there while it runs: start it, and look again in a minute.",
    )
