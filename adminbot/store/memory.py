"""The memory between two runs: the tables together, and what spans several of them."""

from adminbot.store.acts import Acts
from adminbot.store.awaited import AwaitedDevices
from adminbot.store.bots import Bot, Bots
from adminbot.store.cards import Cards
from adminbot.store.database import Database
from adminbot.store.device_keys import DeviceKeys
from adminbot.store.facts import Facts, SealedSecrets, identity_of, recovery_of
from adminbot.store.inbox import Inbox
from adminbot.store.pins import BotPins, Pins
from adminbot.store.questions import Questions
from adminbot.store.requests import Requests
from adminbot.store.rooms import Rooms
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
        self.acts = Acts(db)
        self.questions = Questions(db)
        self.inbox = Inbox(db, self.facts, self.acts, self.questions)
        self.requests = Requests(db, self.facts)
        self.pins = Pins(db, self.facts, self.requests)
        self.rooms = Rooms(db, self.facts)

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
            dropped = await self.cards.void(bot.user_id)
            card_id = await self.cards.add(bot.user_id, reader, card)
        # After the transaction: SQLite refuses a checkpoint inside a write transaction.
        if dropped:
            await self._db.scrub()
        return card_id

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

    async def signed_out(self, user_id: UserId, *, event_id: str) -> None:
        """The bot has no session any more; the next token needs a new device. Ends the act."""
        async with self._db.transaction():
            await self.bots.set_signed_out(user_id)
            await self.awaited.forget(user_id)
            await self.device_keys.forget(user_id)
            dropped = await self.cards.void(user_id)
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
            dropped = await self.cards.void(user_id)
            await self.acts.end(event_id, "done")
        if dropped:
            await self._db.scrub()
