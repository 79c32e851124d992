"""The SQLite edge: what adminbot remembers, one question per method. No secrets in clear.

Every write is one statement or one `BEGIN IMMEDIATE` under the store's lock, because all
coroutines share one connection and with it one transaction state.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosqlite

from adminbot.clock import now
from adminbot.errors import SetupError, StateError
from adminbot.ids import UserId
from adminbot.secret import Sealer
from adminbot.store.owner import SoleOwner
from adminbot.store.rows import (
    Act,
    Awaited,
    Bot,
    Card,
    Letter,
    Pin,
    Question,
    act_of,
    awaited_of,
    bot_of,
    card_of,
    identity_of,
    question_of,
    recovery_of,
)
from adminbot.store.schema import migrate

__all__ = [
    "Act",
    "Awaited",
    "Bot",
    "Card",
    "Letter",
    "Pin",
    "Question",
    "Store",
    "identity_of",
    "open_store",
    "recovery_of",
]

log = logging.getLogger(__name__)

_OPEN_LETTERS = "SELECT event_id, content, reply FROM inbox WHERE content IS NOT NULL"


class Store:
    """All that is remembered between two runs; opened by `open_store`.

    Every method raises StateError when SQLite cannot do it now; then nothing of it was done.
    """

    def __init__(self, db: aiosqlite.Connection, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer
        self._lock = asyncio.Lock()

    # -- facts and sealed secrets

    async def fact(self, name: str) -> str | None:
        """A small remembered value, such as the sync token."""
        row = await self._one("SELECT value FROM fact WHERE name = ?", name)
        return str(row[0]) if row else None

    async def set_fact(self, name: str, value: str) -> None:
        await self._write("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, value)

    async def drop_fact(self, name: str) -> None:
        await self._write("DELETE FROM fact WHERE name = ?", name)

    async def secret(self, name: str) -> str | None:
        """A sealed secret in clear. Raises SetupError when the store key is another one."""
        row = await self._one("SELECT blob FROM sealed WHERE name = ?", name)
        return self._open(name, row[0]) if row else None

    async def set_secret(self, name: str, value: str) -> None:
        await self.set_secrets({name: value})

    async def set_secrets(self, values: dict[str, str]) -> None:
        """Keep several secrets, all at once or none."""
        async with self._transaction():
            for name, value in values.items():
                blob = self._sealer.seal(name, value)
                await self._db.execute("INSERT OR REPLACE INTO sealed VALUES (?, ?)", (name, blob))

    async def drop_secret(self, name: str) -> None:
        await self._write("DELETE FROM sealed WHERE name = ?", name)

    async def _forget(self, name: str) -> None:
        await self._db.execute("DELETE FROM sealed WHERE name = ?", (name,))

    def _open(self, purpose: str, blob: bytes) -> str:
        try:
            return self._sealer.open(purpose, blob)
        except ValueError as exc:
            raise SetupError(
                "The data directory was sealed with another ADMINBOT_STORE_KEY.",
                "Put the old key back, or start afresh with an empty data directory.",
            ) from exc

    # -- bots

    async def bots(self) -> list[Bot]:
        """The bots that are not deleted, oldest first."""
        rows = await self._all("SELECT * FROM bot WHERE deleted_at IS NULL ORDER BY made_at")
        return [bot_of(row) for row in rows]

    async def find_bot(self, user_id: UserId) -> Bot | None:
        row = await self._one(
            "SELECT * FROM bot WHERE user_id = ? AND deleted_at IS NULL", str(user_id)
        )
        return bot_of(row) if row else None

    async def add_bot(self, bot: Bot) -> None:
        """Remember an account that was made here."""
        async with self._transaction():
            await self._put_bot(bot)

    async def _put_bot(self, bot: Bot) -> None:
        await self._db.execute(
            "INSERT OR REPLACE INTO bot VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?)",
            (
                str(bot.user_id),
                bot.display_name,
                bot.device_id,
                int(bot.has_password),
                str(bot.made_by),
                bot.made_at.isoformat(),
                bot.token_at and bot.token_at.isoformat(),
                int(bot.own_identity),
            ),
        )

    async def hand_over(self, bot: Bot, *, event_id: str, reader: UserId, card: str) -> int:
        """Remember the bot's new token's date, its sealed card and the act's success, at once.

        Returns the card's id. From here on a crash cannot lose the secret.
        """
        async with self._transaction():
            before = await self.find_bot(bot.user_id)
            await self._put_bot(bot)
            await self._end_act(event_id, "done")
            await self._forget(recovery_of(bot.user_id))  # it is on the card
            is_new = before is None or before.device_id != bot.device_id
            await self._await_device(bot, reader, is_new=is_new)
            dropped = await self._void_cards(bot.user_id)
            cursor = await self._db.execute(
                "INSERT INTO card (bot, reader, made_at, content) VALUES (?, ?, ?, ?)",
                (
                    str(bot.user_id),
                    str(reader),
                    now().isoformat(),
                    self._sealer.seal("card", card),
                ),
            )
        if dropped:
            await self._scrub()
        return int(cursor.lastrowid or 0)

    async def _void_cards(self, user_id: UserId) -> bool:
        """What is on a bot's cards is dead: those that are out are due, the others do not go.

        Returns whether there were others.
        """
        due, whose = now().isoformat(), str(user_id)
        await self._db.execute(
            "UPDATE card SET vanishes_at = ? WHERE bot = ? AND block_id IS NOT NULL "
            "AND gone_at IS NULL",
            (due, whose),
        )
        dropped = await self._db.execute(
            "UPDATE card SET gone_at = ?, content = NULL WHERE bot = ? AND content IS NOT NULL",
            (due, whose),
        )
        return dropped.rowcount > 0

    async def _await_device(self, bot: Bot, tell: UserId, *, is_new: bool) -> None:
        """A new device is awaited; one that was awaited before is looked for eagerly again."""
        since = now().isoformat()
        if is_new:
            await self._db.execute(
                "INSERT OR REPLACE INTO awaited VALUES (?, ?, ?, ?)",
                (str(bot.user_id), bot.device_id, str(tell), since),
            )
        else:
            await self._db.execute(
                "UPDATE awaited SET tell = ?, since = ? WHERE user_id = ?",
                (str(tell), since, str(bot.user_id)),
            )

    async def awaited(self) -> list[Awaited]:
        """Bots whose device has still to show its keys, the newest first."""
        rows = await self._all(
            "SELECT awaited.*, bot.own_identity FROM awaited JOIN bot USING (user_id) "
            "ORDER BY since DESC"
        )
        return [awaited_of(row) for row in rows]

    async def arrived(self, awaited: Awaited) -> None:
        """This device need not be awaited any more (another one of the same bot may be)."""
        await self._write(
            "DELETE FROM awaited WHERE user_id = ? AND device_id = ?",
            str(awaited.user_id),
            awaited.device_id,
        )

    async def signs_itself(self, user_id: UserId) -> None:
        """The bot has an identity of its own: we keep none for it and sign nothing."""
        async with self._transaction():
            await self._db.execute(
                "UPDATE bot SET own_identity = 1 WHERE user_id = ?", (str(user_id),)
            )
            await self._forget(identity_of(user_id))

    async def signed_out(self, user_id: UserId, *, event_id: str) -> None:
        """The bot has no session any more; its next token needs a new device. Ends the act."""
        async with self._transaction():
            await self._db.execute(
                "UPDATE bot SET device_id = NULL, token_at = NULL WHERE user_id = ?",
                (str(user_id),),
            )
            await self._db.execute("DELETE FROM awaited WHERE user_id = ?", (str(user_id),))
            dropped = await self._void_cards(user_id)
            await self._end_act(event_id, "done")
        if dropped:
            await self._scrub()

    async def bot_deleted(self, user_id: UserId, *, event_id: str) -> None:
        """The account is closed; the row stays as a memory. Ends the act."""
        async with self._transaction():
            await self._db.execute(
                "UPDATE bot SET deleted_at = ? WHERE user_id = ?",
                (now().isoformat(), str(user_id)),
            )
            await self._db.execute("DELETE FROM awaited WHERE user_id = ?", (str(user_id),))
            await self._forget(identity_of(user_id))
            dropped = await self._void_cards(user_id)
            await self._end_act(event_id, "done")
        if dropped:
            await self._scrub()

    # -- cards

    async def card(self, card_id: int) -> Card:
        [row] = await self._all("SELECT * FROM card WHERE id = ?", card_id)
        return self._card(row)

    async def open_cards(self) -> list[Card]:
        """Cards that are still to be sent or still to vanish, oldest first."""
        rows = await self._all("SELECT * FROM card WHERE gone_at IS NULL ORDER BY id")
        return [self._card(row) for row in rows]

    async def card_goes_to(self, card_id: int, room_id: str) -> None:
        """Fix the room before the first send, so that a repeated send is the same send."""
        await self._write("UPDATE card SET room_id = ? WHERE id = ?", room_id, card_id)

    async def card_shown(
        self, card_id: int, *, intro_id: str, block_id: str, vanishes_at: datetime
    ) -> None:
        """Both messages are out: forget the content, remember when they vanish."""
        await self._write(
            "UPDATE card SET content = NULL, intro_id = ?, block_id = ?, vanishes_at = ? "
            "WHERE id = ?",
            intro_id,
            block_id,
            vanishes_at.isoformat(),
            card_id,
        )
        await self._scrub()

    async def cards_vanish_by(self, moment: datetime) -> None:
        """No card that is out stays longer than that."""
        await self._write(
            "UPDATE card SET vanishes_at = min(vanishes_at, ?) WHERE vanishes_at IS NOT NULL",
            moment.isoformat(),
        )

    async def card_gone(self, card_id: int) -> None:
        await self._write(
            "UPDATE card SET gone_at = ?, content = NULL WHERE id = ?", now().isoformat(), card_id
        )
        await self._scrub()

    def _card(self, row: aiosqlite.Row) -> Card:
        return card_of(row, self._open("card", row["content"]) if row["content"] else None)

    # -- pins and direct rooms

    async def find_pin(self, user_id: str) -> Pin | None:
        """The identity that counts for a person, as first seen or as the operator said."""
        row = await self._one("SELECT * FROM pin WHERE user_id = ?", user_id)
        return Pin(row["master_key"], bool(row["verified_at"]), row["alarmed"]) if row else None

    async def pin(self, user_id: UserId, master_key: str) -> None:
        """From now on this identity counts; nobody has compared emoji with it yet."""
        await self._write(
            "INSERT OR REPLACE INTO pin (user_id, master_key, at) VALUES (?, ?, ?)",
            str(user_id),
            master_key,
            now().isoformat(),
        )

    async def verified(self, user_id: UserId, master_key: str) -> None:
        """Emoji were compared with this identity (if it still is the one that counts)."""
        await self._write(
            "UPDATE pin SET verified_at = ? WHERE user_id = ? AND master_key = ?",
            now().isoformat(),
            str(user_id),
            master_key,
        )

    async def alarmed(self, user_id: UserId, master_key: str) -> None:
        """Everybody was told that this person shows another identity, namely this one."""
        await self._write("UPDATE pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id))

    async def dm(self, user_id: UserId) -> str | None:
        """The room id of our direct chat with this person."""
        row = await self._one("SELECT room_id FROM dm WHERE user_id = ?", str(user_id))
        return str(row[0]) if row else None

    async def set_dm(self, user_id: UserId, room_id: str) -> None:
        await self._write("INSERT OR REPLACE INTO dm VALUES (?, ?)", str(user_id), room_id)

    # -- the inbox

    async def receive(self, letters: Iterable[Letter], *, since: str) -> list[str]:
        """Take messages in and move the sync token on, at once; returns the event ids new to us.

        A message that came before, or whose ciphertext came before under another event id
        (a replay), is not taken in again.
        """
        fresh = []
        async with self._transaction():
            for letter in letters:
                cursor = await self._db.execute(
                    "INSERT OR IGNORE INTO inbox (event_id, position, content, megolm) "
                    "VALUES (?, (SELECT coalesce(max(position), 0) + 1 FROM inbox), ?, ?)",
                    (letter.event_id, self._sealer.seal("inbox", letter.content), letter.megolm),
                )
                if cursor.rowcount:
                    fresh.append(letter.event_id)
            await self._db.execute("INSERT OR REPLACE INTO fact VALUES ('since', ?)", (since,))
        return fresh

    async def unanswered(self) -> list[Letter]:
        """Messages taken in and not answered yet, in order of arrival."""
        rows = await self._all(f"{_OPEN_LETTERS} ORDER BY position")
        return [self._letter(row) for row in rows]

    async def find_unanswered(self, event_id: str) -> Letter | None:
        row = await self._one(f"{_OPEN_LETTERS} AND event_id = ?", event_id)
        return self._letter(row) if row else None

    def _letter(self, row: aiosqlite.Row) -> Letter:
        return Letter(
            row["event_id"],
            self._open("inbox", row["content"]),
            row["reply"] and self._open("reply", row["reply"]),
        )

    async def check_writable(self) -> None:
        """Raises StateError when it is not."""
        await self.set_fact("written", now().isoformat())

    async def decided(self, event_id: str, reply: str, outcome: str) -> None:
        """Keep the answer until it is out, and close the act if there is one, at once."""
        async with self._transaction():
            await self._db.execute(
                "UPDATE inbox SET reply = ? WHERE event_id = ?",
                (self._sealer.seal("reply", reply), event_id),
            )
            await self._end_act(event_id, outcome)

    async def answered(self, event_id: str) -> None:
        """The answer is out: forget what was asked and what was said."""
        await self._write(
            "UPDATE inbox SET content = NULL, reply = NULL WHERE event_id = ?", event_id
        )

    # -- acts

    async def begin_act(
        self, event_id: str, *, who: UserId, command: str, target: str, device_id: str | None
    ) -> Act:
        """Note what is about to be changed; returns the earlier note if this is a second try."""
        await self._write(
            "INSERT OR IGNORE INTO act VALUES (?, ?, ?, ?, ?, NULL, NULL, ?)",
            event_id,
            str(who),
            command,
            target,
            now().isoformat(),
            device_id,
        )
        [row] = await self._all("SELECT * FROM act WHERE event_id = ?", event_id)
        return act_of(row)

    async def will(self, event_id: str, what: str) -> None:
        """Note a step of an act, before it changes something outside."""
        await self._write("INSERT INTO step VALUES (?, ?, ?)", event_id, now().isoformat(), what)

    async def steps(self, event_id: str) -> list[str]:
        """What an act was about to do, in order; all but the last of them were done."""
        rows = await self._all("SELECT what FROM step WHERE event_id = ? ORDER BY rowid", event_id)
        return [str(row["what"]) for row in rows]

    async def acts_since(self, who: UserId, moment: datetime) -> int:
        """How many changes this person has asked for since then."""
        row = await self._one(
            "SELECT count(*) FROM act WHERE who = ? AND began_at > ?",
            str(who),
            moment.isoformat(),
        )
        return int(row[0]) if row else 0

    async def find_act(self, event_id: str) -> Act | None:
        row = await self._one("SELECT * FROM act WHERE event_id = ?", event_id)
        return act_of(row) if row else None

    async def _end_act(self, event_id: str, outcome: str) -> None:
        await self._db.execute(
            "UPDATE act SET outcome = ?, ended_at = ? WHERE event_id = ? AND outcome IS NULL",
            (outcome, now().isoformat(), event_id),
        )

    # -- questions

    async def ask(self, question: Question) -> None:
        """Remember what was asked; a newer question in the same room replaces an older one."""
        await self._write(
            "INSERT OR REPLACE INTO question VALUES (?, ?, ?, ?, ?, ?)",
            str(question.asked_of),
            question.room_id,
            question.event_id,
            question.line,
            question.answer,
            question.expires_at.isoformat(),
        )

    async def questions(self, asked_of: UserId) -> list[Question]:
        rows = await self._all("SELECT * FROM question WHERE asked_of = ?", str(asked_of))
        return [question_of(row) for row in rows]

    async def settle(self, question: Question, *, event_id: str, content: str | None) -> None:
        """The question is answered; with `content`, the answering event becomes that message.

        Both at once: after a crash the answer either still waits for its question, or stands
        for the confirmed command.
        """
        async with self._transaction():
            await self._db.execute(
                "DELETE FROM question WHERE asked_of = ? AND room_id = ?",
                (str(question.asked_of), question.room_id),
            )
            if content is not None:
                await self._db.execute(
                    "UPDATE inbox SET content = ? WHERE event_id = ?",
                    (self._sealer.seal("inbox", content), event_id),
                )

    # -- below

    async def _scrub(self) -> None:
        """Empty the write-ahead log, which `secure_delete` does not reach.

        What it is called for is done already, so failing is no failure of that: the next time
        empties it.
        """
        async with self._lock:
            with suppress(StateError), _told():
                await self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        async with self._lock:
            with _told():
                await self._db.execute("BEGIN IMMEDIATE")
                try:
                    yield
                    await self._db.execute("COMMIT")
                except BaseException:
                    if self._db.in_transaction:  # a full disk has ended it already
                        await self._db.execute("ROLLBACK")
                    raise

    async def _write(self, sql: str, *values: Any) -> None:
        async with self._lock:
            with _told():
                await self._db.execute(sql, values)

    async def _one(self, sql: str, *values: Any) -> aiosqlite.Row | None:
        rows = await self._all(sql, *values)
        return rows[0] if rows else None

    async def _all(self, sql: str, *values: Any) -> Sequence[aiosqlite.Row]:
        with _told():
            return list(await self._db.execute_fetchall(sql, values))


@contextmanager
def _told() -> Iterator[None]:
    """SQLite's words are for the log."""
    try:
        yield
    except sqlite3.Error as exc:
        log.warning("state not usable why=%s", exc)
        raise StateError from exc


@asynccontextmanager
async def open_store(
    data_dir: Path, sealer: Sealer, *, alone: bool = True
) -> AsyncIterator[Store]:
    """Open (and make, or bring up to date) the state in `data_dir`.

    Args:
        alone: for this process only. Without it, beside a service that may be running: for
            a single look or statement.

    Raises:
        SetupError: another process uses it, it is not writable, or it is from a newer version.
    """
    with SoleOwner(data_dir) if alone else nullcontext():
        with _as_set_up():
            db = await aiosqlite.connect(data_dir / "adminbot.db", isolation_level=None)
        try:
            with _as_set_up():
                await _prepare(db)
            yield Store(db, sealer)
        finally:
            await db.close()


@contextmanager
def _as_set_up() -> Iterator[None]:
    """At start nothing waits for a better moment: what is wrong is said."""
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
    await db.execute("PRAGMA journal_mode = WAL")
    await db.execute("PRAGMA synchronous = FULL")
    # What was sealed here and is forgotten shall not stay in a free page.
    await db.execute("PRAGMA secure_delete = ON")
    # Damage in the middle of the file would else show up in the middle of an act.
    [(found,)] = await db.execute_fetchall("PRAGMA quick_check(1)")
    if found != "ok":
        raise sqlite3.DatabaseError(found)
    await migrate(db)
