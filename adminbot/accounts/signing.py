"""Managed bots' cross-signing: an identity made and published for them, their devices signed.

Of an identity only the self-signing seed is kept, sealed: enough to sign devices, too little to
be the identity. Everything goes over a session without a device that ends at once.

Source: client-server API, "Cross-signing"; the first upload needs no password (MSC3967).
"""

import json
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from adminbot.accounts.backends.base import AccountBackend
from adminbot.crypto.crosssigning import Identity, SigningKey, device_signature, master_key
from adminbot.crypto.secret_storage import RecoveryKey
from adminbot.errors import ForeignIdentity, ReplacedIdentity
from adminbot.store import Bot, Store, identity_of, recovery_of
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True, repr=False)
class Kept:
    """What is kept of a bot's identity: `seed` in hex, the master key's public half.

    `identity` and `storage` are what is still to be published: public keys, and secret storage
    that only the recovery key opens.
    """

    seed: str
    master: str
    identity: JSON | None
    storage: JSON | None

    @classmethod
    def new(cls, user_id: UserId, recovery: RecoveryKey | None) -> Self:
        """A fresh identity; its other two seeds end here, or in secret storage."""
        seeds = Identity.new_seeds()
        identity = Identity.from_seeds(seeds)
        raw = {role: bytes.fromhex(seed) for role, seed in json.loads(seeds).items()}
        named = {f"m.cross_signing.{role}": seed for role, seed in raw.items()}
        return cls(
            seed=raw["self_signing"].hex(),
            master=identity.master.public,
            identity=identity.upload_body(str(user_id)),
            storage=recovery.account_data(named) if recovery else None,
        )

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))

    @property
    def is_out(self) -> bool:
        """Whether it is known to be published."""
        return self.identity is None

    @property
    def self_signing(self) -> SigningKey:
        return SigningKey(bytes.fromhex(self.seed))


class Signer:
    """Gives managed bots an identity and signs their devices."""

    def __init__(self, backend: AccountBackend, store: Store) -> None:
        self._backend = backend
        self._store = store

    async def kept(self, user_id: UserId) -> Kept | None:
        """What is kept of the identity that was made here; None if none was."""
        sealed = await self._store.sealed.get(identity_of(user_id))
        return Kept.from_json(sealed) if sealed else None

    async def check_not_replaced(self, bot: Bot, answer: JSON) -> None:
        """Raises ReplacedIdentity: the account shows another identity than we published."""
        kept = None if bot.own_identity else await self.kept(bot.user_id)
        shown = master_key(answer, str(bot.user_id))
        if kept and kept.is_out and shown not in (None, kept.master):
            raise ReplacedIdentity(bot.user_id)

    async def ensure(self, user_id: UserId) -> Kept:
        """An identity that we can sign with is published; made if we keep none yet.

        It is kept before it is published, which could not be undone; the same one can be
        published again.

        Raises:
            ForeignIdentity: the account has another one.
        """
        known = await self.kept(user_id)
        kept = known or Kept.new(user_id, None)
        if not known:
            await self._store.sealed.set(identity_of(user_id), kept.to_json())
        if kept.identity:
            await self._publish(user_id, kept.identity, kept.storage or {})
            kept = replace(kept, identity=None, storage=None)
            await self._store.sealed.set(identity_of(user_id), kept.to_json())
        return kept

    async def ensure_with_recovery(self, user_id: UserId) -> Secret:
        """The same, with secret storage; returns the recovery key.

        It stays sealed until it is on a card (`Store.hand_over`), so that a second run after a
        crash finds the one that opens what was published.
        """
        known = await self._store.sealed.get(recovery_of(user_id))
        if known is None:
            key = RecoveryKey.new()
            known = str(key)
            await self._store.sealed.set_all(
                {
                    recovery_of(user_id): known,
                    identity_of(user_id): Kept.new(user_id, key).to_json(),
                }
            )
        await self.ensure(user_id)
        return Secret(known)

    async def _publish(self, user_id: UserId, identity: JSON, storage: JSON) -> None:
        async with self._backend.acting_as(user_id) as account:
            try:
                await account.upload_cross_signing(identity)
            except ForeignIdentity:
                await self._store.sealed.drop(identity_of(user_id))  # it can never be used
                raise
            for kind, content in storage.items():
                await account.set_account_data(user_id, kind, content)

    async def sign(self, user_id: UserId, device_keys: JSON) -> None:
        """Sign a device, given as /keys/query gives it. Raises ForeignIdentity."""
        kept = await self.ensure(user_id)
        body = device_signature(kept.self_signing, str(user_id), device_keys)
        async with self._backend.acting_as(user_id) as account:
            await account.upload_signatures(body)
