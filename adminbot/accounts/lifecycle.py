"""What may happen to a managed account, and in which order. No chat, no HTTP, no SQL.

Every act is noted before it begins (`begin_act`), so is every step that changes something outside
(`Order.will`), and every method says what is true if the process dies between two of them. An act
that was cut off is run again from its beginning: each is made so that this finishes it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from adminbot.accounts.holds import Holds, Logins
from adminbot.accounts.newaccount import MAKE, Attempt, NewAccounts
from adminbot.accounts.order import Order
from adminbot.accounts.sessions import Sessions, TakeOver
from adminbot.accounts.signing import Signer
from adminbot.crypto.crosssigning import fingerprint, master_key, trusted_devices
from adminbot.errors import (
    AccountGone,
    AdminbotError,
    HomeserverError,
    NotManaged,
    Refused,
    Superseded,
    UsageError,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import ActNote, Bot, Store
from adminbot.values.clock import now
from adminbot.values.ids import BotName, UserId, new_device_id
from adminbot.values.secret import Secret, new_password
from adminbot.values.text import shown_id

log = logging.getLogger(__name__)

_LOGIN_S = 40  # longer than a request may take
_MEANWHILE = " Until then its old token works; `!revoke {name}` ends that now."

# Given the bot, its session, what else it needs (such as MATRIX_PASSWORD) and a title: its card.
Phrase = Callable[[Bot, Session, dict[str, Secret], str], str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a new bot shall be like.

    `own_identity`: its program makes its cross-signing identity itself. `recovery`: a recovery
    key comes on the card, for programs on the Rust SDK.
    """

    display_name: str
    device_id: str | None
    password: bool
    own_identity: bool
    recovery: bool


class Accounts:
    """Makes, renews, signs out and closes the accounts that are ours, and no others."""

    def __init__(
        self,
        *,
        own: UserId,
        own_device: str,
        synapse: SynapseAdmin,
        account: ClientApi,
        store: Store,
        signer: Signer,
        phrase: Phrase,
        shared_secret: Secret | None,
        become: TakeOver,
    ) -> None:
        self.own = own
        self._become = become
        self._own_device = own_device
        self._synapse = synapse
        self._account = account
        self._sessions = Sessions(synapse, account)
        self._store = store
        self._signer = signer
        self._phrase = phrase
        self._new = NewAccounts(synapse, self._sessions, shared_secret)
        self._holds = Holds()

    @property
    def server(self) -> str:
        return self.own.server

    def user_id(self, typed: str) -> UserId:
        """Whom a person means: a name, `@name`, or a full user id. Raises NotManaged."""
        bare = typed.strip().removeprefix("@")
        localpart, colon, server = bare.partition(":")
        if not localpart or (colon and server != self.server):
            raise NotManaged(typed)
        return UserId(localpart.lower(), self.server)

    async def get(self, typed: str) -> Bot:
        """Raises NotManaged; Refused for our own account, which is nobody's bot."""
        user_id = self.user_id(typed)
        if user_id == self.own:
            raise Refused(
                f"`{user_id}` is my own account, so I leave it alone.",
                f"To renew my own token: `!rotate {user_id.localpart} --me-too`",
            )
        bot = await self._store.bots.find(user_id)
        if bot is None and self._holds.is_held_by_others(user_id):
            raise Refused(
                f"`{user_id}` is still being made, and has no login yet.", "Wait for that answer."
            )
        if bot is None:
            raise NotManaged(typed)
        return bot

    def check_own(self, typed: str) -> None:
        """Raises UsageError unless our own account is meant."""
        if self.user_id(typed) != self.own:
            raise UsageError(
                "`--me-too` goes with my own name and no other. Nothing was changed.",
                f"Leave it out: it says that you mean `{self.own}`.",
            )

    async def all(self) -> list[Bot]:
        return await self._store.bots.all()

    @asynccontextmanager
    async def _acting(self, user_id: UserId, order: Order) -> AsyncIterator[Order]:
        """Hold the account; the order that comes out can step aside.

        Raises:
            Superseded: a brake came later than the order, now or before a restart.
        """
        async with self._holds.act(user_id) as hold:
            brake = await self._store.acts.brake_after(order.event_id, str(user_id))
            if brake:
                raise Superseded(user_id, brake)
            yield replace(order, aside=hold.aside, whole=hold.whole)

    # -- making

    async def create(self, name: BotName, wanted: Wanted, order: Order) -> tuple[Bot, int]:
        """Make the account with one device and its token; returns the bot and its card's id.

        First the name is seen to be free, then that is noted with the device id, then the
        account is made, then bot, sealed card and success are noted at once. A crash after the
        account was made leaves the notes, that it was about to be made among them: the second run
        finds an account that was not there before and has no device but the noted one, and takes
        it over. A recovery key is kept before what it opens is published, and until it is on the
        card.

        Raises:
            NameTaken, UsageError: the name cannot be used; nothing was changed.
            HomeserverError: it did not work, and the text says what is true now.
        """
        user_id = UserId(name.localpart, self.server)
        async with self._acting(user_id, order) as order:
            self._holds.check_nobody_waits(user_id)
            noted = await self._store.acts.find(order.event_id)
            attempt = Attempt(MAKE in await self._store.acts.steps(order.event_id))
            if noted is None:
                await self._synapse.check_name_free(user_id)
                device_id = self._usable(wanted.device_id) or new_device_id(name.localpart)
                noted = await self._begin("newbot", user_id, order, device_id=device_id)
            bot = Bot(
                user_id=user_id,
                display_name=wanted.display_name,
                device_id=noted.device_id,
                has_password=wanted.password,
                made_by=order.owner,
                made_at=now(),
                token_at=now(),
                own_identity=wanted.own_identity,
            )
            extra: dict[str, Secret] = {}
            try:
                session, password = await self._new.make(bot, noted, order, attempt)
                if wanted.recovery:
                    await order.will("publish its identity")
                    extra = {
                        "MATRIX_RECOVERY_KEY": await self._signer.ensure_with_recovery(user_id)
                    }
            except (HomeserverError, Refused) as exc:
                await self._keep_half_made(bot, noted, attempt, exc)
                raise
            card = self._card(bot, session, password, "new bot", extra)
            return bot, await self._hand_over(bot, session, order, card)

    async def _begin(
        self, command: str, target: UserId, order: Order, *, device_id: str | None = None
    ) -> ActNote:
        """Note the act; on a second run after a crash, what the first one noted."""
        return await self._store.acts.begin(
            order.event_id,
            who=order.owner,
            command=command,
            target=str(target),
            device_id=device_id,
        )

    async def _keep_half_made(
        self, bot: Bot, noted: ActNote, attempt: Attempt, exc: AdminbotError
    ) -> None:
        """An account that was made, and could not log in, is ours all the same: `rotate` helps."""
        try:
            made = await self._new.is_ours(attempt, noted, bot.user_id)
        except HomeserverError:
            made = False
        if made:
            await self._store.bots.add(replace(bot, token_at=None))
            exc.hint = (
                f"The account is made, but has no login yet: `!rotate {bot.user_id.localpart}`"
            )

    def _usable(self, device_id: str | None) -> str | None:
        if device_id == self._own_device:
            raise UsageError("That device id is my own.", "Leave `--device` out, or pick another.")
        return device_id

    # -- tokens

    async def rotate(self, typed: str, order: Order, *, new_device: bool) -> tuple[Bot, int]:
        """Give the bot a new token and kill every older one; returns the bot and its card's id.

        In place, its device and encryption keys stay. With `new_device` (or after `revoke`,
        which left no device) everything is fresh. What is true after each step, `Sessions`
        says; the new token is on a card, or nobody has it and a second run kills it.

        Raises: NotManaged, HomeserverError.
        """
        async with self._acting(self.user_id(typed), order) as order:
            bot = await self.get(typed)
            self._holds.check_nobody_waits(bot.user_id)
            kept = None if new_device else await self._present_device(bot)
            device_id = kept or new_device_id(bot.user_id.localpart)
            noted = await self._begin("rotate", bot.user_id, order, device_id=device_id)
            bot = replace(bot, device_id=noted.device_id, token_at=now())
            if kept:
                session, password = await self._sessions.renew_in_place(
                    bot, order, meanwhile=_MEANWHILE.format(name=bot.user_id.localpart)
                )
            else:
                session, password = await self._sessions.start_afresh(bot, order)
            title = "new token" if kept else "new token and device"
            card = self._card(bot, session, password, title)
            return bot, await self._hand_over(bot, session, order, card)

    async def rotate_own(self, order: Order) -> None:
        """Give ourselves a new token on the same device; every older one dies.

        The one in the env file, too, which stays as it is: the new one is sealed in the data
        directory before the old one dies, and the next start uses it.
        """
        own = Bot(
            user_id=self.own,
            display_name="adminbot",
            device_id=self._own_device,
            has_password=False,
            made_by=self.own,
            made_at=now(),
            token_at=None,
        )
        async with self._acting(self.own, order) as order:
            await self._begin("rotate", self.own, order, device_id=self._own_device)
            await self._sessions.renew_in_place(own, order, self._become)

    async def _present_device(self, bot: Bot) -> str | None:
        """The bot's device, if the server still has it: a logout of the program deletes it.

        The same device id again would lead to a deaf program: its keys are gone from the
        server, while its own store believes them to be there.
        """
        devices = {device.device_id for device in await self._synapse.devices(bot.user_id)}
        return bot.device_id if bot.device_id in devices else None

    def _card(
        self,
        bot: Bot,
        session: Session,
        password: Secret,
        title: str,
        extra: dict[str, Secret] | None = None,
    ) -> str:
        with_it = {"MATRIX_PASSWORD": password} if bot.has_password else {}
        return self._phrase(bot, session, with_it | (extra or {}), title)

    async def _hand_over(self, bot: Bot, session: Session, order: Order, card: str) -> int:
        if session.user_id != bot.user_id or session.device_id != bot.device_id:
            raise HomeserverError("Synapse gave a session for something else than I asked for.")
        return await self._store.hand_over(
            bot, event_id=order.event_id, reader=order.owner, card=card
        )

    # -- endings

    async def revoke(self, typed: str, order: Order) -> Bot:
        """Sign the bot out everywhere: tokens, devices and keys go, the account stays.

        One request does it. Stopped after it, the bot is signed out and we do not know it yet;
        a second run signs nothing out, and knows. Waits for nobody.

        Raises: NotManaged, AccountGone, HomeserverError.
        """
        bot = await self.get(typed)
        async with self._holds.brake(bot.user_id, "revoke") as logins:
            await self._begin("revoke", bot.user_id, order)
            await order.will("sign it out everywhere")
            with _still_alive(bot.user_id, "revoke"):
                await self._sign_out(bot.user_id)
            await self._end_late(logins, partial(self._sign_out, bot.user_id))
            await self._store.signed_out(bot.user_id, event_id=order.event_id)
        return bot

    async def _sign_out(self, user_id: UserId) -> None:
        if await self._synapse.find_account(user_id) is None:
            raise AccountGone  # Synapse would make one
        await self._synapse.set_password(user_id, new_password(), logout_devices=True)

    async def _end_late(self, logins: Logins, end: Callable[[], Awaitable[None]]) -> None:
        """End what comes of logins that the server is still working on; nobody has their tokens.

        What was asked for is done; this is for what may have come in between.
        """
        if logins:
            await asyncio.wait(logins, timeout=_LOGIN_S)
            try:
                await end()
            except HomeserverError as exc:
                log.warning("a late login was not ended why=%s", exc)

    async def delete(self, typed: str, order: Order) -> Bot:
        """Deactivate the account for good; its name stays taken on this server.

        One request does it, and to ask for it once more is no error, nor that it is gone. Waits
        for nobody.
        """
        bot = await self.get(typed)
        close = partial(self._close, bot.user_id)
        async with self._holds.brake(bot.user_id, "deletebot") as logins:
            await self._begin("deletebot", bot.user_id, order)
            await order.will("deactivate it")
            with _still_alive(bot.user_id, "deletebot"):
                await close()
            await self._end_late(logins, close)
            await self._store.bot_deleted(bot.user_id, event_id=order.event_id)
        return bot

    async def _close(self, user_id: UserId) -> None:
        with suppress(AccountGone):
            await self._synapse.deactivate(user_id)

    async def delete_own(self, order: Order) -> None:
        """Deactivate our own account. Nothing can be said after that, and no start helps."""
        async with self._holds.brake(self.own, "deletebot"):
            await self._begin("deletebot", self.own, order)
            await order.will("deactivate my own account")
            await self._synapse.deactivate(self.own)

    # -- trust

    async def trust(self, typed: str, device_id: str, shown: str, order: Order) -> None:
        """Sign one device of a bot, whose keys the person saw as the fingerprint `shown`.

        An identity that has still to be made is kept before it is published; the signature
        is one request, and the same one again is no error.

        Raises:
            UsageError: the device has no keys, or others than those that were shown.
            ForeignIdentity: the account's identity was not made here.
            ReplacedIdentity: nor is it the one that counted.
        """
        async with self._acting(self.user_id(typed), order) as order:
            bot = await self.get(typed)
            answer = await self._account.query_keys(bot.user_id)
            keys = trusted_devices(answer, str(bot.user_id), None).get(device_id)
            if keys is None or fingerprint(keys) != shown:
                raise UsageError(
                    f"The keys of device `{shown_id(device_id)}` changed meanwhile. I signed "
                    "nothing.",
                    f"Look again: `!devices {bot.user_id.localpart}`",
                )
            await self._signer.check_not_replaced(bot, answer)
            if bot.own_identity and master_key(answer, str(bot.user_id)) is None:
                raise UsageError(
                    f"`{bot.user_id}` is to make its identity itself, and has not yet. I signed "
                    "nothing.",
                    "Start its program, with encryption turned on.",
                )
            await self._begin("trust", bot.user_id, order, device_id=device_id)
            await order.will("sign its device")
            await self._signer.sign(bot.user_id, keys)


@contextmanager
def _still_alive(user_id: UserId, command: str) -> Iterator[None]:
    """What a person must know of a brake that failed: the bot may live."""
    try:
        yield
    except AccountGone:
        raise
    except HomeserverError as exc:
        exc.hint = f"Its tokens may still work. Try again: `!{command} {user_id.localpart}`"
        raise
