"""Who we are to those that verify us."""

from adminbot.chat.client import Client
from adminbot.chat.own_identity import own_identity
from adminbot.store import Store
from adminbot.verification.sas import Party


async def own_party(client: Client, store: Store) -> Party:
    """Our device and our identity, as others are to verify them."""
    device_key = client.olm.account.identity_keys["ed25519"]
    identity = await own_identity(store)
    return Party(str(client.user_id), str(client.device_id), device_key, identity.master.public)
