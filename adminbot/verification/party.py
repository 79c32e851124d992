"""The two sides: our own device, and a device of the person's pinned identity."""

import logging
from typing import Any

from adminbot.chat.client import Client
from adminbot.chat.own_identity import own_identity
from adminbot.errors import HOW_TO_RECOVER, AdminbotError, HomeserverUnreachable
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Store
from adminbot.trust.pins import PinState, TrustPolicy
from adminbot.values.ids import UserId
from adminbot.verification import texts
from adminbot.verification.events import Broken, Party

log = logging.getLogger(__name__)

_MAY_VERIFY = (PinState.AS_PINNED, PinState.NOT_VERIFIED)


async def own_party(client: Client, store: Store) -> Party:
    """Our device and our identity, as others are to verify us."""
    device_key = client.olm.account.identity_keys["ed25519"]
    identity = await own_identity(store)
    return Party(str(client.user_id), str(client.device_id), device_key, identity.master.public)


class Parties:
    """Both sides; the other side as the homeserver shows the person's devices just now."""

    def __init__(self, us: Party, account: ClientApi, store: Store, policy: TrustPolicy) -> None:
        self.us = us
        self._account = account
        self._store = store
        self._policy = policy

    def standing(self, user_id: UserId) -> PinState:
        """What is known of a person's identity, as of the newest answer."""
        return self._policy.standing(str(user_id))

    async def check(self, user_id: UserId) -> None:
        """Raises AdminbotError unless there is the remembered identity to verify."""
        if not self._policy.is_admin(str(user_id)):
            raise AdminbotError(f"{user_id} is not in ADMINBOT_ADMINS.", "Add it there first.")
        await self._policy.trusted(str(user_id), await self._query(user_id))
        standing = self.standing(user_id)
        if standing is PinState.CHANGED:
            raise AdminbotError(
                f"{user_id} has another identity than I remember.",
                f"If they reset it themselves, first: `adminbot trust {user_id}`",
            )
        if standing is PinState.NO_IDENTITY:
            raise AdminbotError(f"{user_id} has no cross-signing identity.", HOW_TO_RECOVER)
        if standing not in _MAY_VERIFY:
            raise AdminbotError(texts.NOT_WITH_ANY)

    async def is_verified(self, user_id: UserId) -> bool:
        """Whether this person and we have verified each other before."""
        pin = await self._store.pins.find(str(user_id))
        return pin is not None and pin.verified

    async def is_renewed(self, user_id: UserId) -> bool:
        """Whether this person's identity took another's place, and is not verified yet."""
        return await self._store.pins.is_renewed(user_id)

    async def find(self, user_id: UserId, device_id: str) -> Party | None:
        """The other side, if the device belongs to the pinned identity."""
        return await self._found(user_id, device_id, await self._query(user_id))

    async def sign(self, them: Party) -> None:
        """Sign the other identity with ours, on the server.

        Raises Broken (m.key_mismatch): the identity is not, or no longer, the pinned identity.
        """
        user_id = UserId.parse(them.user_id)
        answer = await self._query(user_id)
        if await self._found(user_id, them.device_id, answer) != them:
            raise Broken("m.key_mismatch")
        identity = await own_identity(self._store)
        signature = identity.user_signature(self.us.user_id, answer, them.user_id)
        await self._account.upload_signatures(signature)

    async def keep(self, them: Party) -> None:
        """Remember that the other identity is verified."""
        await self._policy.verified(UserId.parse(them.user_id), them.master_key)
        log.info("verified user=%s master_key=%s", them.user_id, them.master_key)

    async def _found(
        self, user_id: UserId, device_id: str, answer: dict[str, Any]
    ) -> Party | None:
        """The other side by a /keys/query answer."""
        trusted = await self._policy.trusted(str(user_id), answer)
        pin = await self._store.pins.find(str(user_id))
        keys = trusted.get(device_id)
        if not pin or not keys or self.standing(user_id) not in _MAY_VERIFY:
            return None
        device_key = str(keys["keys"][f"ed25519:{device_id}"])
        return Party(str(user_id), device_id, device_key, pin.master_key)

    async def _query(self, user_id: UserId) -> dict[str, Any]:
        """A /keys/query answer about this person.

        Raises HomeserverUnreachable: the answer says nothing about the person.
        """
        answer = await self._account.query_keys(user_id)
        if str(user_id) not in answer["device_keys"]:
            raise HomeserverUnreachable("nothing about that person's devices")
        return answer
