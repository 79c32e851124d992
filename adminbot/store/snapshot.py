"""The copy of the state for a backup: made beside a running service, scrubbed in memory.

Uses plain `sqlite3`, which can serialize a database in memory to bytes: no secret that has still
to be scrubbed ever touches a disk.
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from adminbot.errors import SetupError
from adminbot.store.audit import NEW_ENTRY, SHELL
from adminbot.store.database import DATABASE
from adminbot.store.facts import recovery_of
from adminbot.store.schema import MIGRATIONS
from adminbot.values.clock import now

_STATE = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-journal", "crypto")


@dataclass(frozen=True, slots=True)
class Contents:
    """Counts of a copy: bots not deleted, and people's pinned identities."""

    bots: int
    pins: int


def take(data_dir: Path) -> bytes:
    """A copy of the present state as bytes, without secrets and messages (see `_scrub`).

    Every table is copied, also a table not known here. Raises SetupError.
    """
    path = data_dir / DATABASE
    if not path.is_file():
        raise SetupError(f"There is no state in {data_dir}.", "Check ADMINBOT_DATA_DIR.")
    try:
        # mode=rw: a read-only connection would leave its `-wal` and `-shm` files behind. And rw
        # makes no file, unlike SQLite's default.
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
    """Forget other accounts' secrets, messages, answers and questions.

    A card that is out stays, to be taken back in time. An unsent card loses its content, the only
    copy of a bot's token. Without the sync token, a restored service does not hear the messages
    since the backup again: the answers were given, and the message keys are lost.
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
    # DELETE and UPDATE leave the old bytes in free pages: this connection has no secure_delete.
    copy.execute("VACUUM")


def note_taken(data_dir: Path) -> bool:
    """Note in the audit that a copy was taken; False if the state cannot be written now.

    A copy must be possible all the same, also of the state of an older version.
    """
    moment = now().isoformat()
    uri = f"{(data_dir / DATABASE).resolve().as_uri()}?mode=rw"
    try:
        with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as db:
            db.execute(NEW_ENTRY, (moment, moment, SHELL, "", "change", "backup", "", "done", ""))
    except sqlite3.Error:
        return False
    return True


def contents(database: bytes) -> Contents:
    """Count a copy's contents. Raises SetupError if the copy is from a newer adminbot."""
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
    """Whether `data_dir` has no state, or just this copy, not opened by anybody yet."""
    files = [name for name in _STATE if (data_dir / name).exists()]
    return not files or (files == [DATABASE] and (data_dir / DATABASE).read_bytes() == database)
