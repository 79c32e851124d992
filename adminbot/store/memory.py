"""The memory between two runs: the tables together, and what spans several of them."""

from collections.abc import Mapping, Sequence

from adminbot.errors import StateError
from adminbot.store.acts import Acts
from adminbot.store.audit import Audit
from adminbot.store.awaited import AwaitedDevices
from adminbot.store.bots import Bot, Bots
from adminbot.store.cards import CardKind, Cards
from adminbot.store.database import Database
from adminbot.store.device_keys import DeviceKeys
from adminbot.store.expiries import Expiries, Expiry
from adminbot.store.facts import Facts, SealedSecrets, identity_of, recovery_of, sealed_for
from adminbot.store.inbox import Inbox
from adminbot.store.pins import BotPins, Pins
from adminbot.store.questions import Questions
from adminbot.store.requests import Requests
from adminbot.store.rooms import Rooms
from adminbot.store.sections import Sections
from adminbot.store.watches import Watch, Watches
from adminbot.values.clock import now
from adminbot.values.ids import UserId


class Store:
    """The memory between two runs, by table; opened by `open_store`.

    A method here writes to several tables in one transaction. Every method, here and in the
    tables, raises StateError when SQLite cannot do its work now; then nothing was written.
    """

    def __init__(self, db: Database) -> None:
        self._db = db
        self.facts = Facts(db)
        self.sealed = SealedSecrets(db)
        self.bots = Bots(db)
        self.bot_pins = BotPins(db)
        self.awaited = AwaitedDevices(db)
        self.device_keys = DeviceKeys(db)
        self.cards = Cards(db)
        self.sections = Sections(db)
        self.acts = Acts(db)
        self.audit = Audit(db)
        self.questions = Questions(db)
        self.inbox = Inbox(db, self.facts, self.acts, self.questions, self.audit)
        self.requests = Requests(db, self.facts)
        self.pins = Pins(db, self.facts, self.requests)
        self.rooms = Rooms(db, self.facts)
        self.watches = Watches(db)
        self.expiries = Expiries(db)

    async def check_whole(self) -> None:
        """Raises StateError: the file is damaged; SetupError: another store key sealed it."""
        [row] = await self._db.all("PRAGMA quick_check(1)")
        if row[0] != "ok":
            raise StateError
        await self.sealed.try_all()

    async def check_writable(self) -> None:
        """Raises StateError when nothing can be written."""
        await self.facts.set("written", now().isoformat())

    async def hand_over(
        self, bot: Bot, *, event_id: str, reader: UserId, card: str, shows_keys: bool = True
    ) -> int:
        """Store the bot with the new token's date, the sealed card and the act's success, at once.

        `shows_keys`: a device with encryption keys will appear, and is awaited. Returns the card's
        id. Older cards of the bot are void. From here on a crash cannot lose
        the secret; a crash before leaves a token that nobody has, and the act to be run again.
        """
        async with self._db.transaction():
            dropped = await self._has_login(bot, event_id, reader, shows_keys=shows_keys)
            card_id = await self.cards.add(bot.user_id, reader, card)
        # After the transaction: SQLite refuses a checkpoint inside a write transaction.
        if dropped:
            await self._db.scrub()
        return card_id

    async def keep_section(
        self,
        bot: Bot,
        *,
        event_id: str,
        part_of: str,
        reader: UserId,
        section: str,
        shows_keys: bool = True,
    ) -> None:
        """As `hand_over`, for one of many accounts: the card is made once all have their login.

        `part_of`: the event id of the message, by which `cards_of_sections` finds the section.
        """
        async with self._db.transaction():
            dropped = await self._has_login(bot, event_id, reader, shows_keys=shows_keys)
            await self.sections.add(part_of, bot.user_id, section)
        if dropped:
            await self._db.scrub()

    async def give_card(
        self,
        kind: CardKind,
        about: UserId | None,
        *,
        event_id: str,
        reader: UserId,
        card: str,
    ) -> int:
        """Store a sealed card about no bot's login, and the act's success, at once.

        Older cards about the same account are void. What the act had sealed for itself
        (`sealed_for`) is forgotten. Returns the card's id.
        """
        async with self._db.transaction():
            await self.acts.end(event_id, "done")
            await self.sealed.forget(sealed_for(event_id))
            dropped = await self._void_cards(about) if about else False
            card_id = await self.cards.add(about, reader, card, kind)
        if dropped:
            await self._db.scrub()
        return card_id

    async def _has_login(
        self, bot: Bot, event_id: str, reader: UserId, *, shows_keys: bool
    ) -> bool:
        """Within a transaction: the bot has a new login, and what was of the older one is void.

        Returns whether a secret was dropped; if so, the caller has to scrub.
        """
        previous = await self.bots.find(bot.user_id)
        await self.bots.put(bot)
        await self.acts.end(event_id, "done")
        await self.sealed.forget(recovery_of(bot.user_id))  # the card has the recovery key
        is_new = previous is None or not bot.device_id or previous.device_id != bot.device_id
        if shows_keys:
            await self.awaited.expect(bot, reader, is_new=is_new)
        else:
            await self.awaited.forget(bot.user_id)
        if is_new:
            await self.device_keys.forget(bot.user_id)
        # On a new device the program starts afresh, and may make another identity.
        if bot.own_identity and is_new:
            await self.bot_pins.forget(bot.user_id)
        return await self._void_cards(bot.user_id)

    async def _void_cards(self, user_id: UserId) -> bool:
        """Within a transaction: every secret of the account that is on its way is dead."""
        dropped = await self.cards.void(user_id)
        return await self.sections.void(user_id) or dropped

    async def cards_of_sections(
        self, event_id: str, reader: UserId, cards: Sequence[str], failed: Mapping[str, str]
    ) -> list[int]:
        """Make the cards of a command for many accounts, and end the parts that failed, at once.

        Args:
            cards: the contents, made of all sections of this command.
            failed: the outcomes by target, for the audit.

        Returns the ids of the cards.
        """
        async with self._db.transaction():
            ids = [await self.cards.add(None, reader, it, CardKind.BOTS) for it in cards]
            await self.sections.forget(event_id)
            for target, outcome in failed.items():
                await self.acts.part_failed(event_id, target, outcome)
        if cards:
            await self._db.scrub()
        return ids

    async def adopted(self, bot: Bot, *, event_id: str, master_key: str | None) -> None:
        """An account from before is in our care from now on. Ends the act.

        `master_key`: of the identity that the account has, and that counts; None without one.
        """
        async with self._db.transaction():
            await self.bots.put(bot)
            if master_key:
                await self.bot_pins.put(bot.user_id, master_key)
            await self.acts.end(event_id, "done")

    async def takes_device(self, user_id: UserId, device_id: str) -> None:
        """Note the device that a bot's program picked: from now on it is the bot's.

        Does nothing for a bot that has a device, or was signed out meanwhile.
        """
        async with self._db.transaction():
            await self.bots.set_device(user_id, device_id)
            await self.awaited.set_device(user_id, device_id)

    async def signs_itself(self, user_id: UserId) -> None:
        """Note that the bot has its own identity: forget ours, and sign nothing any more.

        The next identity seen on the account is the identity that counts.
        """
        async with self._db.transaction():
            await self.bots.set_own_identity(user_id)
            await self.sealed.forget(identity_of(user_id))
            await self.bot_pins.forget(user_id)

    async def password_set(
        self,
        bot: Bot,
        *,
        event_id: str,
        reader: UserId,
        card: str,
        shows_keys: bool,
        is_login: bool,
    ) -> int:
        """Store the bot with its new password, the sealed card and the act's success, at once.

        The bot's sessions go on, and so do its cards, but for those with a password alone: where
        the password is its whole login (`is_login`), all of them. Where it was signed out, the
        device of whoever logs in is awaited. Returns the card's id.
        """
        kind = CardKind.BOT if is_login else CardKind.PASSWORD
        async with self._db.transaction():
            previous = await self.bots.find(bot.user_id)
            await self.bots.put(bot)
            await self.acts.end(event_id, "done")
            if shows_keys and previous and previous.token_at is None:
                await self.awaited.expect(bot, reader, is_new=True)
            dropped = await self.cards.void(bot.user_id, None if is_login else kind)
            card_id = await self.cards.add(bot.user_id, reader, card, kind)
        if dropped:
            await self._db.scrub()
        return card_id

    async def noted(self, user_id: UserId, note: str, *, event_id: str) -> None:
        """A person wrote down what the bot is for. Ends the act."""
        async with self._db.transaction():
            await self.bots.set_note(user_id, note)
            await self.acts.end(event_id, "done")

    async def paused(self, user_id: UserId, *, paused: bool, event_id: str) -> None:
        """The account is locked, or is no more. Ends the act."""
        async with self._db.transaction():
            await self.bots.set_paused(user_id, paused=paused)
            await self.acts.end(event_id, "done")

    async def signed_out(self, user_id: UserId, *, event_id: str = "") -> None:
        """The bot has no session any more; the next token needs a new device.

        Ends the act, if `event_id` is given.
        """
        async with self._db.transaction():
            await self.bots.set_signed_out(user_id)
            await self.awaited.forget(user_id)
            await self.device_keys.forget(user_id)
            dropped = await self._void_cards(user_id)
            await self.acts.end(event_id, "done")
        if dropped:
            await self._db.scrub()

    async def bot_deleted(self, user_id: UserId, *, event_id: str) -> None:
        """The account is closed; the bot's row stays as a memory. Ends the act."""
        async with self._db.transaction():
            await self.bots.set_deleted(user_id)
            await self.awaited.forget(user_id)
            await self.device_keys.forget(user_id)
            await self.sealed.forget(identity_of(user_id))
            await self.bot_pins.forget(user_id)
            await self.watches.forget(user_id)
            await self.expiries.forget(user_id)
            dropped = await self._void_cards(user_id)
            await self.acts.end(event_id, "done")
        if dropped:
            await self._db.scrub()

    async def watch(self, user_id: UserId, watch: Watch | None, *, event_id: str) -> None:
        """Watch a bot from now on, or no more. Ends the act."""
        async with self._db.transaction():
            await (self.watches.put(watch) if watch else self.watches.forget(user_id))
            await self.acts.end(event_id, "done")

    async def expire(self, user_id: UserId, expiry: Expiry | None, *, event_id: str) -> None:
        """Have somebody reminded of a bot's token in time, or no more. Ends the act."""
        async with self._db.transaction():
            await (self.expiries.put(expiry) if expiry else self.expiries.forget(user_id))
            await self.acts.end(event_id, "done")
