"""Cross-signing for managed bots: makes and publishes identities, signs devices.

Only the self-signing seed of an identity is kept, sealed: enough to sign devices, too little to
be the identity. All uploads use a short session without a device (`AccountBackend.acting_as`).

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
    """The kept part of a bot's identity.

    `seed`: the self-signing seed in hex. `master`: the master key's public half, unpadded base64.
    `identity`, `storage`: the bodies still to be published, None afterwards: the public keys, and
    the secret storage that only the recovery key opens.
    """

    seed: str
    master: str
    identity: JSON | None
    storage: JSON | None

    @classmethod
    def new(cls, user_id: UserId, recovery: RecoveryKey | None) -> Self:
        """A fresh identity. The master and user-signing seeds are dropped, or go to `recovery`."""
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
        """Whether the upload is known to have succeeded."""
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
        """The kept part of the identity made here; None without such an identity."""
        sealed = await self._store.sealed.get(identity_of(user_id))
        return Kept.from_json(sealed) if sealed else None

    async def check_not_replaced(self, bot: Bot, answer: JSON) -> None:
        """Raises ReplacedIdentity if `answer` (of /keys/query) shows another than our identity.

        Nothing is checked for a bot that signs itself, or before our identity is published.
        """
        kept = None if bot.own_identity else await self.kept(bot.user_id)
        shown = master_key(answer, str(bot.user_id))
        if kept and kept.is_out and shown not in (None, kept.master):
            raise ReplacedIdentity(bot.user_id)

    async def ensure(self, user_id: UserId) -> Kept:
        """Make and publish the bot's identity, unless done; returns the kept part.

        Sealed in the store before the upload, because a published identity cannot be replaced: a
        crash after the upload must not lose the seed. The second run uploads the same identity
        again, which is no error.

        Raises:
            ForeignIdentity: the account has another identity.
            HomeserverError, StateError: unknown whether published; a second call goes on.
        """
        known = await self.kept(user_id)
        kept = known or Kept.new(user_id, None)
        if not known:
            await self._store.sealed.set(identity_of(user_id), kept.to_json())
        if kept.identity:
            await self._publish(user_id, kept.identity, kept.storage or {})
            # A crash before this line is stored means one more upload of the same bodies.
            kept = replace(kept, identity=None, storage=None)
            await self._store.sealed.set(identity_of(user_id), kept.to_json())
        return kept

    async def ensure_with_recovery(self, user_id: UserId) -> Secret:
        """As `ensure`, with secret storage; returns the recovery key in its printed form.

        The recovery key stays sealed in the store until a card has the key (`Store.hand_over`): a
        second run after a crash finds the key that opens the published secret storage.
        """
        recovery_key = await self._store.sealed.get(recovery_of(user_id))
        if recovery_key is None:
            key = RecoveryKey.new()
            recovery_key = str(key)
            # In one transaction: the secret storage in Kept opens with this recovery key only.
            await self._store.sealed.set_all(
                {
                    recovery_of(user_id): recovery_key,
                    identity_of(user_id): Kept.new(user_id, key).to_json(),
                }
            )
        await self.ensure(user_id)
        return Secret(recovery_key)

    async def _publish(self, user_id: UserId, identity: JSON, storage: JSON) -> None:
        async with self._backend.acting_as(user_id) as account:
            try:
                await account.upload_cross_signing(identity)
            except ForeignIdentity:
                # Ours can never be published: the first identity on the server stays.
                await self._store.sealed.drop(identity_of(user_id))
                raise
            for kind, content in storage.items():
                await account.set_account_data(user_id, kind, content)

    async def sign(self, user_id: UserId, device_keys: JSON) -> None:
        """Sign a device; `device_keys` as in a /keys/query answer.

        Raises:
            ForeignIdentity: the account has another identity.
            HomeserverError: the server did not take the signature, or whether it did is unknown.

        Source: client-server API, POST /keys/signatures/upload.
        """
        kept = await self.ensure(user_id)
        body = device_signature(kept.self_signing, str(user_id), device_keys)
        # Our own token will not do: Synapse takes self-signing signatures from the account only.
        async with self._backend.acting_as(user_id) as account:
            await account.upload_signatures(body)
