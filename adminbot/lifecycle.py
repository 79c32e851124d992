"""What may happen to a managed account, and in which order. No chat, no HTTP, no SQL.

Every act is noted before it begins (`begin_act`), and every method says what is true if the
process dies between two of its steps. `act` is the event id of the command.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from adminbot.account import Account
from adminbot.crosssigning import device_state
from adminbot.errors import (
    HomeserverError,
    HomeserverUnreachable,
    NameTaken,
    NotManaged,
    UsageError,
)
from adminbot.ids import BotName, UserId, new_device_id
from adminbot.secret import Secret, new_password
from adminbot.sessions import Say, Sessions
from adminbot.store import Act, Bot, Store, now
from adminbot.synapse import Session, Synapse

log = logging.getLogger(__name__)

# Given the bot, its session and perhaps its password: the text of its card.
Phrase = Callable[[Bot, Session, Secret | None, str], str]
_TRIES = 5


@dataclass(frozen=True, slots=True)
class BotDetail:
    """A bot with what the server knows of it now."""

    bot: Bot
    last_seen: datetime | None
    addresses: tuple[str, ...]
    device_state: str


class BotKeeper:
    """Makes, renews, signs out and closes the accounts that are ours, and no others."""

    def __init__(
        self,
        *,
        own: UserId,
        own_device: str,
        synapse: Synapse,
        account: Account,
        store: Store,
        phrase: Phrase,
        shared_secret: Secret | None,
    ) -> None:
        self.own = own
        self._own_device = own_device
        self._synapse = synapse
        self._account = account
        self._sessions = Sessions(synapse, account)
        self._store = store
        self._phrase = phrase
        self._shared_secret = shared_secret
        self._locks: defaultdict[UserId, asyncio.Lock] = defaultdict(asyncio.Lock)

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
        """Raises NotManaged."""
        bot = await self._store.find_bot(self.user_id(typed))
        if bot is None:
            raise NotManaged(typed)
        return bot

    async def all(self) -> list[Bot]:
        return await self._store.bots()

    # -- making

    async def create(
        self,
        name: BotName,
        *,
        display_name: str,
        device_id: str | None,
        with_password: bool,
        owner: UserId,
        act: str,
        say: Say,
    ) -> tuple[Bot, int]:
        """Make the account with one device and its token; returns the bot and its card's id.

        First the name is seen to be free, then that is noted with the device id, then the
        account is made, then bot, sealed card and success are noted at once. A crash after the
        account was made leaves the note: the second run finds an account that was not there
        before and has no device but the noted one, and takes it over by `_fresh_session`.

        Raises:
            NameTaken, UsageError: the name cannot be used; nothing was changed.
            HomeserverError: it did not work, and the text says what is true now.
        """
        user_id = UserId(name.localpart, self.server)
        async with self._locks[user_id]:
            noted = await self._store.find_act(act)
            if noted is None:
                await self._synapse.check_name_free(user_id)
                noted = await self._store.begin_act(
                    act,
                    who=owner,
                    command="newbot",
                    target=str(user_id),
                    device_id=self._usable(device_id) or new_device_id(name.localpart),
                )
            bot = Bot(
                user_id=user_id,
                display_name=display_name,
                device_id=noted.device_id,
                has_password=with_password,
                made_by=owner,
                made_at=now(),
                token_at=now(),
            )
            try:
                session, password = await self._make_account(bot, noted, say)
            except HomeserverError as exc:
                await self._keep_half_made(bot, noted, exc)
                raise
            return bot, await self._hand_over(bot, session, password, owner, act, "new bot")

    async def _keep_half_made(self, bot: Bot, noted: Act, exc: HomeserverError) -> None:
        """An account that was made, and could not log in, is ours all the same: `rotate` helps."""
        try:
            made = await self._was_made_by(noted, bot.user_id)
        except HomeserverError:
            made = False
        if made:
            await self._store.add_bot(replace(bot, token_at=None))
            exc.hint = (
                f"The account is made, but has no login yet: `!rotate {bot.user_id.localpart}`"
            )

    def _usable(self, device_id: str | None) -> str | None:
        if device_id == self._own_device:
            raise UsageError("That device id is my own.", "Leave `--device` out, or pick another.")
        return device_id

    async def _make_account(self, bot: Bot, noted: Act, say: Say) -> tuple[Session, Secret]:
        """Create if absent, whatever the network does; what is ours already is taken over."""
        for _ in range(_TRIES):
            try:
                return await self._create_once(bot, noted, say)
            except HomeserverUnreachable as exc:
                log.warning("outcome unknown, looking it up user=%s why=%s", bot.user_id, exc)
            except NameTaken:
                if not await self._was_made_by(noted, bot.user_id):
                    raise
            except HomeserverError as exc:
                if exc.errcode != "M_RESOURCE_LIMIT_EXCEEDED":
                    raise
                # The server is full (MAU), yet it has made the account before it said so.
            if await self._was_made_by(noted, bot.user_id):
                await self._synapse.set_up(
                    bot.user_id, display_name=bot.display_name, password=new_password()
                )
                return await self._sessions.renew_in_place(bot, say)
        raise HomeserverUnreachable("several tries")

    async def _create_once(self, bot: Bot, noted: Act, say: Say) -> tuple[Session, Secret]:
        password = new_password()
        if self._shared_secret:
            session = await self._synapse.register(
                self._shared_secret,
                bot.user_id.localpart,
                password=password,
                display_name=bot.display_name,
                device_id=str(bot.device_id),
            )
            return session, password
        await self._synapse.create_blank(bot.user_id)
        await self._synapse.set_up(bot.user_id, display_name=bot.display_name, password=password)
        return await self._sessions.log_in(bot, password, say), password

    async def _was_made_by(self, noted: Act, user_id: UserId) -> bool:
        """Whether the account that is there now is what this act made.

        It was not there when the act was noted. A person's account that came since would have
        a device of its own (or be an admin's); ours has the noted one or none.
        """
        found = await self._synapse.find_account(user_id)
        if found is None or found.is_admin or found.is_deactivated:
            return False
        devices = {device.device_id for device in await self._synapse.devices(user_id)}
        return devices <= {noted.device_id}

    # -- tokens

    async def rotate(
        self, typed: str, *, new_device: bool, owner: UserId, act: str, say: Say
    ) -> tuple[Bot, int]:
        """Give the bot a new token and kill every older one; returns the bot and its card's id.

        In place, its device and encryption keys stay. With `new_device` (or after `revoke`,
        which left no device) everything is fresh. Cut off anywhere it can simply run again.

        Raises: NotManaged, HomeserverError.
        """
        bot = await self.get(typed)
        async with self._locks[bot.user_id]:
            kept = None if new_device else await self._present_device(bot)
            noted = await self._store.begin_act(
                act,
                who=owner,
                command="rotate",
                target=str(bot.user_id),
                device_id=kept or new_device_id(bot.user_id.localpart),
            )
            bot = replace(bot, device_id=noted.device_id, token_at=now())
            if kept:
                session, password = await self._sessions.renew_in_place(bot, say)
            else:
                session, password = await self._sessions.start_afresh(bot, say)
            title = "new token" if kept else "new token and device"
            return bot, await self._hand_over(bot, session, password, owner, act, title)

    async def _present_device(self, bot: Bot) -> str | None:
        """The bot's device, if the server still has it: a logout of the program deletes it.

        The same device id again would lead to a deaf program: its keys are gone from the
        server, while its own store believes them to be there.
        """
        devices = {device.device_id for device in await self._synapse.devices(bot.user_id)}
        return bot.device_id if bot.device_id in devices else None

    async def _hand_over(
        self, bot: Bot, session: Session, password: Secret, owner: UserId, act: str, title: str
    ) -> int:
        if session.user_id != bot.user_id or session.device_id != bot.device_id:
            raise HomeserverError("Synapse gave a session for something else than I asked for.")
        card = self._phrase(bot, session, password if bot.has_password else None, title)
        return await self._store.hand_over(bot, event_id=act, reader=owner, card=card)

    # -- endings

    async def revoke(self, typed: str, *, owner: UserId, act: str) -> Bot:
        """Sign the bot out everywhere: tokens, devices and keys go, the account stays."""
        bot = await self.get(typed)
        async with self._locks[bot.user_id]:
            await self._store.begin_act(
                act, who=owner, command="revoke", target=str(bot.user_id), device_id=None
            )
            await self._synapse.set_password(bot.user_id, new_password(), logout_devices=True)
            await self._store.signed_out(bot.user_id, event_id=act)
        return bot

    async def delete(self, typed: str, *, owner: UserId, act: str) -> Bot:
        """Deactivate the account for good; its name stays taken on this server."""
        bot = await self.get(typed)
        async with self._locks[bot.user_id]:
            await self._store.begin_act(
                act, who=owner, command="deletebot", target=str(bot.user_id), device_id=None
            )
            await self._synapse.deactivate(bot.user_id)
            await self._store.bot_deleted(bot.user_id, event_id=act)
        return bot

    # -- looking

    async def last_seen(self, bot: Bot) -> datetime | None:
        """When a session of the bot was last used; None if never (or signed out)."""
        seen = [device.last_seen for device in await self._synapse.devices(bot.user_id)]
        return max((moment for moment in seen if moment), default=None)

    async def detail(self, typed: str) -> BotDetail:
        bot = await self.get(typed)
        last_seen, addresses, answer = await asyncio.gather(
            self.last_seen(bot),
            self._synapse.whois(bot.user_id),
            self._account.query_keys(bot.user_id),
        )
        return BotDetail(
            bot, last_seen, tuple(addresses), device_state(answer, str(bot.user_id), bot.device_id)
        )
