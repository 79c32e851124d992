"""The SQLite edge: what adminbot remembers, one question per method. No secrets in clear."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import aiosqlite

from adminbot.errors import SetupError
from adminbot.store.bots import Bots
from adminbot.store.inbox import Inbox
from adminbot.store.owner import SoleOwner
from adminbot.store.people import People
from adminbot.store.rows import (
    Act,
    Awaited,
    Bot,
    Card,
    InboxMessage,
    OpenRequest,
    Pin,
    Question,
    identity_of,
    recovery_of,
)
from adminbot.store.schema import migrate
from adminbot.values.secret import Sealer

__all__ = [
    "Act",
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


class Store(Bots, Inbox, People):
    """All that is remembered between two runs; opened by `open_store`.

    Every method raises StateError when SQLite cannot do it now; then nothing of it was done.
    """


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
