"""Signing a bot's device by hand, after a person has seen the device's keys."""

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.device_keys import keys_of
from adminbot.accounts.registry import Registry
from adminbot.accounts.signing import Signer
from adminbot.crypto.crosssigning import fingerprint, master_key, trusted_devices
from adminbot.errors import UsageError
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Store
from adminbot.values.text import shown_id


class DeviceTrust:
    """Signs one device of a bot at a time, on a person's word."""

    def __init__(
        self, registry: Registry, account: ClientApi, acts: Acts, signer: Signer, store: Store
    ) -> None:
        self._registry = registry
        self._account = account
        self._acts = acts
        self._signer = signer
        self._store = store

    async def trust(self, typed: str, device_id: str, shown: str, order: Order) -> None:
        """Sign one device of a bot; `shown`: the fingerprint that the person saw.

        A missing identity is made, and sealed in the store before the upload. The signature is one
        request, and to repeat the request is no error: after a crash the second run signs again.
        Of a bot without a device, whose program picks one, the signed device is the bot's.

        Raises:
            NotManaged, Refused: as `Registry.get`.
            UsageError: the device has no keys, or other keys than the person saw.
            ForeignIdentity: the account's identity was not made here.
            ReplacedIdentity: an identity made here was published, and the account shows another.
        """
        async with self._acts.begin("trust", self._registry.user_id(typed), order) as act:
            bot = await self._registry.get_running(typed)
            answer = await self._account.query_keys(bot.user_id)
            # The server may serve other keys than a moment ago: sign only what the person saw.
            keys = trusted_devices(answer, str(bot.user_id), None).get(device_id)
            if keys is None or fingerprint(keys) != shown:
                raise UsageError(
                    f"The keys of device `{shown_id(device_id)}` changed meanwhile. I signed "
                    "nothing.",
                    f"Look again: `!devices {bot.user_id.localpart}`",
                )
            await self._signer.check_not_replaced(bot, answer)
            # `Signer.sign` would publish an identity of ours. On the server the first identity
            # wins, so the program could never publish its own.
            if bot.own_identity and master_key(answer, str(bot.user_id)) is None:
                raise UsageError(
                    f"`{bot.user_id}` is to make its identity itself, and has not yet. I signed "
                    "nothing.",
                    "Start its program, with encryption turned on.",
                )
            await act.note(device_id)
            await act.step("sign its device")
            await self._signer.sign(bot.user_id, keys)
            await self._store.takes_device(bot.user_id, device_id)
            await self._store.device_keys.remember(bot.user_id, device_id, keys_of(keys))
