"""The state as a backup carries it: copied beside a running service, scrubbed in memory.

Uses the plain `sqlite3`, which can give a database in memory back as bytes: nothing that is still
to be scrubbed ever touches a disk.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from adminbot.errors import SetupError
from adminbot.store.facts import recovery_of
from adminbot.store.schema import MIGRATIONS
from adminbot.values.clock import now

DATABASE = "adminbot.db"
_STATE = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-journal", "crypto")


@dataclass(frozen=True, slots=True)
class Contents:
    """How much is in it."""

    bots: int
    pins: int


def take(data_dir: Path) -> bytes:
    """A copy of the state as it is at this moment, without what must not outlive its day.

    Every table goes along, also one that is not known here. Raises SetupError.
    """
    path = data_dir / DATABASE
    if not path.is_file():
        raise SetupError(f"There is no state in {data_dir}.", "Check ADMINBOT_DATA_DIR.")
    try:
        # Read and write: a reader that may not write would leave its WAL files behind.
        with (
            closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True)) as source,
            closing(sqlite3.connect(":memory:", isolation_level=None)) as copy,
        ):
            source.backup(copy)
            _refuse_newer(copy, "The data directory")
            _scrub(copy)
            return copy.serialize()
    except sqlite3.Error as exc:
        raise SetupError(
            f"The state in {data_dir} cannot be read: it is damaged, no database, or not yours.",
            "Run this as the user that adminbot runs as.",
        ) from exc


def _scrub(copy: sqlite3.Connection) -> None:
    """Forget the secrets of other accounts, and what was being talked about.

    A card that is out stays, to be taken back in time. One that is not goes, and with it the only
    copy of a bot's token. Without the sync token, what was said since the backup is not heard
    again: its answers were given, and its keys are lost.
    """
    copy.execute("PRAGMA temp_store = MEMORY")  # VACUUM must not spill to a file
    copy.execute("DELETE FROM fact WHERE name = 'since' OR name LIKE 'verification %'")
    copy.execute("DELETE FROM question")
    copy.execute("DELETE FROM sealed WHERE name LIKE ?", (recovery_of("%"),))
    copy.execute("UPDATE inbox SET content = NULL, reply = NULL")
    copy.execute(
        "UPDATE card SET content = NULL, gone_at = coalesce(gone_at, ?) WHERE content IS NOT NULL",
        (now().isoformat(),),
    )
    copy.execute("VACUUM")


def contents(database: bytes) -> Contents:
    """What a copy holds. Raises SetupError when a newer adminbot made it."""
    with closing(sqlite3.connect(":memory:")) as copy:
        copy.deserialize(database)
        _refuse_newer(copy, "The backup")
        [(bots,)] = copy.execute("SELECT count(*) FROM bot WHERE deleted_at IS NULL")
        [(pins,)] = copy.execute("SELECT count(*) FROM pin")
    return Contents(bots, pins)


def _refuse_newer(copy: sqlite3.Connection, what: str) -> None:
    [(version,)] = copy.execute("PRAGMA user_version")
    if version > len(MIGRATIONS):
        raise SetupError(f"{what} was written by a newer adminbot.", "Use that version.")


def has_room_for(data_dir: Path, database: bytes) -> bool:
    """Whether no state is there, or just this copy, which nobody has opened yet."""
    found = [name for name in _STATE if (data_dir / name).exists()]
    return not found or (found == [DATABASE] and (data_dir / DATABASE).read_bytes() == database)
