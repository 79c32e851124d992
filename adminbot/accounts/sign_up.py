"""Sign-up tokens: who has one can register an account, as often as the token allows."""

import secrets
from collections.abc import Callable
from datetime import datetime

from adminbot.accounts.act import Acts, NotedAct, Order
from adminbot.accounts.backends.base import AccountBackend, Can
from adminbot.accounts.backends.checks import check_can
from adminbot.errors import UsageError
from adminbot.homeserver.values import SHOWN, SigningUp, SignUpToken
from adminbot.store import CardKind, Store, sealed_for
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from adminbot.values.text import safe_to_quote

_READABLE = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"
_LENGTH = 20
Phrase = Callable[[Secret], str]


class SignUp:
    """Makes sign-up tokens and takes them away. A token is a secret: only a card shows it."""

    def __init__(self, own: UserId, backend: AccountBackend, acts: Acts, store: Store) -> None:
        self._own = own
        self._backend = backend
        self._acts = acts
        self._store = store

    async def who_can(self) -> SigningUp:
        """Who can make an account for themselves, with a token or without."""
        return await self._backend.signing_up()

    async def all(self) -> list[SignUpToken]:
        """The tokens that are still good. Raises Refused, HomeserverError."""
        check_can(self._backend, Can.SIGN_UP)
        return await self._backend.sign_up_tokens()

    async def new(self, order: Order, phrase: Phrase, *, uses: int, until: datetime) -> int:
        """Make a token; returns the card's id.

        The token is sealed before the request: after a crash the second run makes the same one,
        and puts that on the card. Raises Refused, HomeserverError.
        """
        check_can(self._backend, Can.SIGN_UP)
        act = NotedAct(self._store, order, "regtoken", self._own)
        await act.note()
        name = sealed_for(order.event_id)
        token = await self._store.sealed.get(name)
        if token is None:
            token = "".join(secrets.choice(_READABLE) for _ in range(_LENGTH))
            await self._store.sealed.set(name, token)
        secret = Secret(token)
        await self._backend.make_sign_up_token(secret, act, uses=uses, until=until)
        return await self._store.give_card(
            CardKind.SIGN_UP, None, event_id=order.event_id, reader=order.who, card=phrase(secret)
        )

    async def find(self, beginning: str) -> SignUpToken:
        """The one token that begins so. Raises UsageError: none does, or several do."""
        typed = _bare(beginning)
        found = [it for it in await self.all() if it.begins_with(typed)]
        if len(typed) < SHOWN or len(found) != 1:
            many = "No" if not found else "More than one"
            raise UsageError(
                f"{many} sign-up token begins with “{safe_to_quote(typed[:SHOWN], 8)}”. "
                "Nothing was changed."
                if len(typed) >= SHOWN
                else f"Type the first {SHOWN} characters of the token. Nothing was changed.",
                "`!regtoken list` shows them.",
            )
        return found[0]

    async def is_gone(self, beginning: str) -> bool:
        """Whether no token begins so (any more). Raises Refused, HomeserverError."""
        return not any(it.begins_with(_bare(beginning)) for it in await self.all())

    async def revoke(self, token: Secret, order: Order) -> None:
        """Let nobody register with a token any more. One request. Raises HomeserverError."""
        act = NotedAct(self._store, order, "regtoken", self._own)
        await act.note()
        await self._backend.drop_sign_up_token(token, act)


def _bare(beginning: str) -> str:
    """A beginning without the `…` of the list, which is where people copy it from."""
    return beginning.rstrip("….")
