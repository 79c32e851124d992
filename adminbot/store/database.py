"""One SQLite connection: transactions, the seal, and small facts by name. No tables of others.

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
    """What the rest of the store stands on."""

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
                try:
                    await self._db.execute("BEGIN IMMEDIATE")
                    yield
                    await self._db.execute("COMMIT")
                except BaseException:
                    # Queued behind what a cancellation left under way; none may be open.
                    with suppress(sqlite3.Error):
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
