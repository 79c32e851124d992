"""The accounts room put together: everything that can be done with managed accounts."""

from dataclasses import dataclass
from typing import Self

from adminbot.accounts.act import Acts
from adminbot.accounts.adoption import Adoption
from adminbot.accounts.backends.base import AccountBackend, TakeOver
from adminbot.accounts.bulk import Bulk
from adminbot.accounts.create import Creation
from adminbot.accounts.device_trust import DeviceTrust
from adminbot.accounts.endings import Endings
from adminbot.accounts.faces import Faces
from adminbot.accounts.handover import HandOver, Phrase
from adminbot.accounts.membership import Membership
from adminbot.accounts.notes import Notes
from adminbot.accounts.passwords import Passwords
from adminbot.accounts.pausing import Pausing
from adminbot.accounts.people import People
from adminbot.accounts.private_chat import PrivateChats
from adminbot.accounts.registry import Own, Registry
from adminbot.accounts.sign_up import SignUp
from adminbot.accounts.signing import Signer
from adminbot.accounts.tokens import Tokens
from adminbot.accounts.watching import Watching
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Store


@dataclass(frozen=True, slots=True)
class Accounts:
    """The services for command handlers. A new subject: one more field, one more line below."""

    registry: Registry
    creation: Creation
    adoption: Adoption
    tokens: Tokens
    passwords: Passwords
    endings: Endings
    pausing: Pausing
    notes: Notes
    device_trust: DeviceTrust
    membership: Membership
    private_chats: PrivateChats
    bulk: Bulk
    faces: Faces
    people: People
    sign_up: SignUp
    watching: Watching
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
        """Build all services over one backend.

        Args:
            account: our own client API.
            phrase: writes the text of a card.
            become: called with our own new session when our token is renewed.
        """
        # One `Acts` for all services: two would have separate locks on the same account.
        acts, signer, handover = Acts(store), Signer(backend, store), HandOver(store, phrase)
        registry = Registry(own, store, acts)
        return cls(
            registry=registry,
            creation=Creation(registry, backend, acts, signer, handover, store),
            adoption=Adoption(registry, account, backend, acts, store),
            tokens=Tokens(registry, backend, acts, handover, become),
            passwords=Passwords(registry, backend, acts, handover),
            endings=Endings(registry, backend, acts, store),
            pausing=Pausing(registry, backend, acts, store),
            notes=Notes(registry, store),
            device_trust=DeviceTrust(registry, account, acts, signer, store),
            membership=Membership(registry, account, backend, acts),
            private_chats=PrivateChats(registry, backend, acts),
            bulk=Bulk(store),
            faces=Faces(registry, backend, acts, store),
            people=People(registry, backend, acts, store),
            sign_up=SignUp(own.user_id, backend, acts, store),
            watching=Watching(registry, store),
            signer=signer,
        )
