"""One SQLite connection: transactions and the seal. No tables.

Every write is one statement or one `BEGIN IMMEDIATE` under the lock, because all coroutines share
one connection and with it one transaction state.
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


class Database:
    """What every table holds.

    A table's method that says "within a transaction" runs in `transaction` of its caller, so that
    what several tables keep is written together.
    """

    def __init__(self, db: aiosqlite.Connection, sealer: Sealer) -> None:
        self._db = db
        self._sealer = sealer
        self._lock = asyncio.Lock()

    def seal(self, purpose: str, text: str) -> bytes:
        """Sealed text; only the same `purpose` opens it again."""
        return self._sealer.seal(purpose, text)

    def open(self, purpose: str, blob: bytes) -> str:
        """Sealed text in clear. Raises SetupError when the store key is another one."""
        try:
            return self._sealer.open(purpose, blob)
        except ValueError as exc:
            raise SetupError(
                "The data directory was sealed with another ADMINBOT_STORE_KEY.",
                "Put the old key back, or start afresh with an empty data directory.",
            ) from exc

    async def scrub(self) -> None:
        """Empty the write-ahead log, which `secure_delete` does not reach.

        What it is called for is done already, so failing is no failure of that: the next time
        empties it.
        """
        async with self._lock:
            with suppress(StateError), _told():
                await self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """All statements that `execute` runs within, or none of them. Raises StateError."""
        async with self._lock:
            with _told():
                try:
                    await self._db.execute("BEGIN IMMEDIATE")
                    yield
                    await self._db.execute("COMMIT")
                except BaseException:
                    # Queued behind what a cancellation left under way; none may be open.
                    with suppress(sqlite3.Error):
                        await self._db.execute("ROLLBACK")
                    raise

    async def execute(self, sql: str, *values: Any) -> aiosqlite.Cursor:
        """One statement of the caller's `transaction`."""
        return await self._db.execute(sql, values)

    async def write(self, sql: str, *values: Any) -> None:
        """One statement that is a transaction by itself. Raises StateError."""
        async with self._lock:
            with _told():
                await self._db.execute(sql, values)

    async def one(self, sql: str, *values: Any) -> aiosqlite.Row | None:
        """The first row, if there is one. Raises StateError."""
        rows = await self.all(sql, *values)
        return rows[0] if rows else None

    async def all(self, sql: str, *values: Any) -> Sequence[aiosqlite.Row]:
        """All rows. Raises StateError."""
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
