"""adminbot's memory in SQLite, one class a table. No secrets in clear."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import aiosqlite

from adminbot.errors import SetupError
from adminbot.store.acts import ActNote, Acts
from adminbot.store.awaited import Awaited, AwaitedDevices
from adminbot.store.bots import Bot, Bots
from adminbot.store.cards import Card, Cards
from adminbot.store.database import Database
from adminbot.store.facts import Facts, SealedSecrets, identity_of, recovery_of
from adminbot.store.inbox import Inbox, InboxMessage
from adminbot.store.owner import SoleOwner
from adminbot.store.pins import BotPins, Pin, Pins
from adminbot.store.questions import Question, Questions
from adminbot.store.requests import OpenRequest, Requests
from adminbot.store.rooms import Rooms
from adminbot.store.schema import migrate
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

__all__ = [
    "ActNote",
    "Awaited",
    "Bot",
    "Card",
    "InboxMessage",
    "OpenRequest",
    "Pin",
    "Question",
    "Store",
    "identity_of",
    "open_store",
    "recovery_of",
]


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

    async def hand_over(self, bot: Bot, *, event_id: str, reader: UserId, card: str) -> int:
        """Store the bot with the new token's date, the sealed card and the act's success, at once.

        Returns the card's id. Older cards of the bot are void. From here on a crash cannot lose
        the secret; a crash before leaves a token that nobody has, and the act to be run again.
        """
        async with self._db.transaction():
            previous = await self.bots.find(bot.user_id)
            await self.bots.put(bot)
            await self.acts.end(event_id, "done")
            await self.sealed.forget(recovery_of(bot.user_id))  # the card has the recovery key
            is_new = previous is None or previous.device_id != bot.device_id
            await self.awaited.expect(bot, reader, is_new=is_new)
            # On a new device the program starts afresh, and may make another identity.
            if bot.own_identity and is_new:
                await self.bot_pins.forget(bot.user_id)
            dropped = await self.cards.void(bot.user_id)
            card_id = await self.cards.add(bot.user_id, reader, card)
        # After the transaction: SQLite refuses a checkpoint inside a write transaction.
        if dropped:
            await self._db.scrub()
        return card_id

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
            dropped = await self.cards.void(user_id)
            await self.acts.end(event_id, "done")
        if dropped:
            await self._db.scrub()

    async def bot_deleted(self, user_id: UserId, *, event_id: str) -> None:
        """The account is closed; the bot's row stays as a memory. Ends the act."""
        async with self._db.transaction():
            await self.bots.set_deleted(user_id)
            await self.awaited.forget(user_id)
            await self.sealed.forget(identity_of(user_id))
            await self.bot_pins.forget(user_id)
            dropped = await self.cards.void(user_id)
            await self.acts.end(event_id, "done")
        if dropped:
            await self._db.scrub()


@asynccontextmanager
async def open_store(
    data_dir: Path, sealer: Sealer, *, alone: bool = True
) -> AsyncIterator[Store]:
    """Open the state in `data_dir`; a missing file is made, an older file brought up to date.

    Args:
        alone: keep other processes out. False for a single look or statement beside a service that
            may be running.

    Raises:
        SetupError: the state is in use by another process, not writable, damaged, or from a newer
            version.
    """
    with SoleOwner(data_dir) if alone else nullcontext():
        with _as_set_up():
            # None: Python's sqlite3 opens no transactions by itself; `Database` does.
            db = await aiosqlite.connect(data_dir / "adminbot.db", isolation_level=None)
        try:
            with _as_set_up():
                await _prepare(db)
            yield Store(Database(db, sealer))
        finally:
            await db.close()


@contextmanager
def _as_set_up() -> Iterator[None]:
    """Turn SQLite's errors at start into SetupError: nothing waits for a better moment yet."""
    try:
        yield
    except sqlite3.OperationalError as exc:
        raise SetupError(
            f"The state in the data directory cannot be used ({exc}).",
            "Is the disk full, does another program hold the file, is it somebody else's?",
        ) from exc
    except sqlite3.DatabaseError as exc:
        raise SetupError(
            "The state in the data directory cannot be read: it is damaged, or no database.",
            "Restore it from a backup, or start afresh with an empty data directory.",
        ) from exc


async def _prepare(db: aiosqlite.Connection) -> None:
    db.row_factory = aiosqlite.Row
    # The shell reads and writes beside a running service: in WAL mode a reader blocks no writer.
    await db.execute("PRAGMA journal_mode = WAL")
    # In WAL mode NORMAL can lose the last commits to a power cut. A step must be on disk before
    # the act takes the step.
    await db.execute("PRAGMA synchronous = FULL")
    # Without secure_delete, forgotten secrets could stay, sealed, in free pages of the file.
    await db.execute("PRAGMA secure_delete = ON")
    # Damage deep in the file would otherwise show up only in the middle of an act.
    [(verdict,)] = await db.execute_fetchall("PRAGMA quick_check(1)")
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)
    await migrate(db)
