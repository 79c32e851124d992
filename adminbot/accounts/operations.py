"""All that can be done with managed accounts, put together: one field a subject."""

from dataclasses import dataclass
from typing import Self

from adminbot.accounts.act import Acts
from adminbot.accounts.backends.base import AccountBackend, TakeOver
from adminbot.accounts.create import Creation
from adminbot.accounts.device_trust import DeviceTrust
from adminbot.accounts.endings import Endings
from adminbot.accounts.handover import HandOver, Phrase
from adminbot.accounts.registry import Own, Registry
from adminbot.accounts.signing import Signer
from adminbot.accounts.tokens import Tokens
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Store


@dataclass(frozen=True, slots=True)
class Accounts:
    """What command handlers reach. A new subject is one more field, and one more line below."""

    registry: Registry
    creation: Creation
    tokens: Tokens
    endings: Endings
    device_trust: DeviceTrust
    signer: Signer

    @classmethod
    def over(
        cls,
        own: Own,
        *,
        backend: AccountBackend,
        account: ClientApi,
        store: Store,
        phrase: Phrase,
        become: TakeOver,
    ) -> Self:
        """All of them over one backend.

        Args:
            account: our own client API.
            phrase: what is written on a card.
            become: called with the session when our own token is renewed.
        """
        acts, signer, handover = Acts(store), Signer(backend, store), HandOver(store, phrase)
        registry = Registry(own, store, acts)
        return cls(
            registry=registry,
            creation=Creation(registry, backend, acts, signer, handover, store),
            tokens=Tokens(registry, backend, acts, handover, become),
            endings=Endings(registry, backend, acts, store),
            device_trust=DeviceTrust(registry, account, acts, signer),
            signer=signer,
        )
