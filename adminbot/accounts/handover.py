"""Handing a new login over: on a sealed card, stored with the bot in one transaction."""

from collections.abc import Callable, Mapping
from enum import Enum

from adminbot.accounts.act import Order
from adminbot.accounts.backends.base import Login
from adminbot.errors import HomeserverError
from adminbot.homeserver.values import Session
from adminbot.store import Bot, Store
from adminbot.values.secret import Secret


class Purpose(Enum):
    """The reason for a login; decides what the card says about the program's data."""

    NEW = "a new account"
    RENEWED = "a new token for the same device, whose keys stay"
    FRESH_DEVICE = "a new device, which has no keys yet"


# Writes a card: (bot, session, further lines such as MATRIX_PASSWORD, reason) → the card's JSON.
Phrase = Callable[[Bot, Session, dict[str, Secret], Purpose], str]


class HandOver:
    """Puts logins on cards."""

    def __init__(self, store: Store, phrase: Phrase) -> None:
        self._store = store
        self._phrase = phrase

    async def hand_over(
        self, bot: Bot, login: Login, order: Order, why: Purpose, extra: Mapping[str, Secret] = {}
    ) -> int:
        """Store bot, sealed card and the act's success in one transaction; returns the card's id.

        `extra`: further lines of the card, by name.

        Raises:
            HomeserverError: the session belongs to another account or device; nothing is stored.
            StateError: nothing is stored.
        """
        session = login.session
        if session.user_id != bot.user_id or session.device_id != bot.device_id:
            raise HomeserverError("Synapse gave a session for something else than I asked for.")
        secrets = dict(extra)
        if bot.has_password and login.password:
            secrets = {"MATRIX_PASSWORD": login.password, **extra}
        card = self._phrase(bot, session, secrets, why)
        return await self._store.hand_over(
            bot, event_id=order.event_id, reader=order.who, card=card
        )
