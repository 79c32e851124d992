"""One SQLite connection: transactions and the seal. No tables.

Every write is one statement or one `BEGIN IMMEDIATE` under the lock, because all coroutines share
one connection, and so one transaction.
"""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import aiosqlite

from adminbot.errors import SetupError, StateError
from adminbot.values.secret import Sealer

log = logging.getLogger(__name__)

DATABASE = "adminbot.db"  # in the data directory


class Database:
    """The connection, shared by all tables.

    A table's method marked "within a transaction" runs inside the caller's `transaction`, so that
    several tables are written together.
    """

    def __init__(self, db: aiosqlite.Connection, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer
        self._lock = asyncio.Lock()

    def seal(self, purpose: str, text: str) -> bytes:
        """Seal a text; only the same `purpose` opens the blob again."""
        return self._sealer.seal(purpose, text)

    def open(self, purpose: str, blob: bytes) -> str:
        """Open a sealed text. Raises SetupError if another store key sealed the blob."""
        try:
            return self._sealer.open(purpose, blob)
        except ValueError as exc:
            raise SetupError(
                "The data directory was sealed with another ADMINBOT_STORE_KEY.",
                "Put the old key back, or start afresh with an empty data directory.",
            ) from exc

    async def scrub(self) -> None:
        """Empty the write-ahead log, which `secure_delete` does not reach.

        A failure is logged, not raised: the caller's change is committed already, and the next
        call empties the log.
        """
        async with self._lock:
            with suppress(StateError), _told():
                await self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Commit all statements run by `execute` inside the block, or none. Raises StateError."""
        async with self._lock:
            with _told():
                try:
                    # IMMEDIATE: another process's lock (the shell's) shows here, before a write.
                    await self._db.execute("BEGIN IMMEDIATE")
                    yield
                    await self._db.execute("COMMIT")
                except BaseException:
                    # aiosqlite runs all statements in one thread: after a cancellation the last
                    # statement still runs, and this waits in line behind. SQLite's error means
                    # that no transaction is open: BEGIN failed, or COMMIT had got through.
                    with suppress(sqlite3.Error):
                        await self._db.execute("ROLLBACK")
                    raise

    async def execute(self, sql: str, *values: Any) -> aiosqlite.Cursor:
        """Run one statement of the caller's `transaction`."""
        # Without the lock: the caller holds it, and an asyncio.Lock cannot be taken twice.
        return await self._db.execute(sql, values)

    async def write(self, sql: str, *values: Any) -> None:
        """Run one statement as a transaction by itself. Raises StateError."""
        async with self._lock:
            with _told():
                await self._db.execute(sql, values)

    async def one(self, sql: str, *values: Any) -> aiosqlite.Row | None:
        """The first row, if there is one. Raises StateError."""
        rows = await self.all(sql, *values)
        return rows[0] if rows else None

    async def all(self, sql: str, *values: Any) -> Sequence[aiosqlite.Row]:
        """All rows. Raises StateError."""
        # Without the lock, since transactions read, too. Another coroutine's read can therefore
        # see rows of a transaction that is not committed yet.
        with _told():
            return list(await self._db.execute_fetchall(sql, values))


@contextmanager
def _told() -> Iterator[None]:
    """Raise StateError for SQLite's errors; SQLite's own words go to the log."""
    try:
        yield
    except sqlite3.Error as exc:
        log.warning("state not usable why=%s", exc)
        raise StateError from exc
