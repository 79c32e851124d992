"""The database file: opened, checked, brought up to date, closed."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from pathlib import Path

import aiosqlite

from adminbot.errors import SetupError
from adminbot.store.database import DATABASE, Database
from adminbot.store.memory import Store
from adminbot.store.owner import SoleOwner
from adminbot.store.schema import migrate
from adminbot.values.secret import Sealer
from adminbot.values.text import folded


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
            db = await aiosqlite.connect(data_dir / DATABASE, isolation_level=None)
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
    # SQLite itself knows capitals of the English alphabet only.
    await db.create_function("folded", 1, folded, deterministic=True)
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
