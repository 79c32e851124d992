"""Handing a new login over: on a sealed card, stored with the bot in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum

from adminbot.accounts.act import Act, Order
from adminbot.accounts.backends.base import AccountBackend, Login
from adminbot.errors import HomeserverError
from adminbot.store import Bot, Store
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret, new_password


class Purpose(Enum):
    """The reason for a login; decides what the card says about the program's data."""

    NEW = "a new account"
    RENEWED = "a new token for the same device, whose keys stay"
    FRESH_DEVICE = "a new device, which has no keys yet"
    PASSWORD = "a new password; sessions go on"  # noqa: S105 (words)


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The program that gets a login, as far as that decides what is done with the account.

    `app`, `room_id`, `room_alias`: see Bot. `logs_in`: the program logs in by itself, with the
    password. `picks_device`: on a device of its own choice. `shows_keys`: the device will have
    encryption keys. `keeps_device`: the program goes on with its keys after a new token.
    """

    app: str = ""
    room_id: str = ""
    room_alias: str = ""
    logs_in: bool = False
    picks_device: bool = False
    shows_keys: bool = True
    keeps_device: bool = True

    def of(self, bot: Bot) -> Bot:
        """The bot, noted to have this program."""
        return replace(
            bot,
            app=self.app,
            room_id=self.room_id,
            room_alias=self.room_alias,
            has_password=bot.has_password or self.logs_in,
        )


@dataclass(frozen=True, slots=True)
class PasswordOnly:
    """A new password, where the program logs in by itself: no session is open."""

    password: Secret


# Writes a card: (bot, secrets by placeholder of the profiles, reason, reader) → the card as JSON.
Phrase = Callable[[Bot, Mapping[str, Secret], Purpose, UserId], str]


class HandOver:
    """Puts logins on cards."""

    def __init__(self, store: Store, phrase: Phrase) -> None:
        self._store = store
        self._phrase = phrase

    async def hand_over(
        self,
        bot: Bot,
        login: Login | PasswordOnly,
        order: Order,
        why: Purpose,
        program: Program,
        extra: Mapping[str, Secret] = {},
    ) -> int:
        """Store bot, sealed card and the act's success in one transaction; returns the card's id.

        `extra`: further secrets of the card, by name of the placeholder. For one of many accounts
        the card waits for the others as a section (`Store.keep_section`), and the id is 0.

        Raises:
            HomeserverError: the session belongs to another account or device; nothing is stored.
            StateError: nothing is stored.
        """
        secrets = dict(extra)
        if isinstance(login, Login):
            session = login.session
            if session.user_id != bot.user_id or session.device_id != bot.device_id:
                raise HomeserverError(
                    "Synapse gave a session for something else than I asked for."
                )
            secrets["access_token"] = session.token
        if bot.has_password and login.password:
            secrets["password"] = login.password
        if program.picks_device:
            bot = replace(bot, device_id=None)
        card = self._phrase(bot, secrets, why, order.who)
        if order.part_of:
            await self._store.keep_section(
                bot,
                event_id=order.event_id,
                part_of=order.part_of,
                reader=order.who,
                section=card,
                shows_keys=program.shows_keys,
            )
            return 0
        return await self._store.hand_over(
            bot,
            event_id=order.event_id,
            reader=order.who,
            card=card,
            shows_keys=program.shows_keys,
        )

    async def hand_over_password(
        self, bot: Bot, password: Secret, order: Order, program: Program, *, form: str
    ) -> int:
        """As `hand_over`, for a new password while the sessions go on.

        `form`: the app in whose form the card is; the bot keeps its own app.
        """
        shown = replace(bot, app=form)
        card = self._phrase(shown, {"password": password}, Purpose.PASSWORD, order.who)
        return await self._store.password_set(
            bot,
            event_id=order.event_id,
            reader=order.who,
            card=card,
            shows_keys=program.shows_keys,
            is_login=program.logs_in,
        )


async def leave_password_only(backend: AccountBackend, user_id: UserId, act: Act) -> PasswordOnly:
    """Give the account a new password and end every session: its program logs in by itself.

    A program that logs in would otherwise leave our own session behind, for nobody. If the process
    dies in here, the account has no session, or all of them, and nobody has the password.
    """
    password = new_password()
    await backend.set_password(user_id, password, act, keep_sessions=False)
    return PasswordOnly(password)
