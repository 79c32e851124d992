"""The audit: what was done, refused and told. Append-only: triggers refuse to change or cut it.

An act comes in by a trigger, in the transaction that ends the act (schema.py).
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId

SHELL, OURSELVES = "shell", "adminbot"  # who, where it was no user of the server
BY_TAP = "by a tap"  # in place of a device: a reaction is clear text, and names none
NEW_ENTRY = (
    "INSERT INTO audit (at, ended_at, who, device, kind, what, target, outcome, event_id) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_MANY, _PIECE = 500, 10_000  # rows read at a time, cut off at a time


class Kind(Enum):
    """What an entry is about."""

    CHANGE = "change"
    REFUSAL = "refusal"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. Times are UTC. Never a secret.

    `who`: a user id, SHELL or OURSELVES. `device`: that the person typed on, BY_TAP, or empty if
    not known. `what`: a command's name, or what an alarm was about. `target`: a user id, or empty.
    `outcome`: `done`, or the name of an error; None while the act is under way. `event_id`: of
    the message that the command came in.
    """

    kind: Kind
    who: str
    what: str
    target: str = ""
    outcome: str | None = "done"
    device: str = ""
    event_id: str = ""
    at: datetime | None = None
    ended_at: datetime | None = None

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        ended_at = row["ended_at"]
        return cls(
            kind=Kind(row["kind"]),
            who=row["who"],
            what=row["what"],
            target=row["target"],
            outcome=row["outcome"],
            device=row["device"],
            event_id=row["event_id"].split(" ")[0],  # a part of an act adds its account
            at=datetime.fromisoformat(row["at"]),
            ended_at=datetime.fromisoformat(ended_at) if ended_at else None,
        )


class Audit:
    """The table of entries, newest first."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, entry: Entry, also: Callable[[], Awaitable[None]] | None = None) -> None:
        """Note what has just happened. Raises StateError.

        `also`: writes something else, within the same transaction.
        """
        async with self._db.transaction():
            if also:
                await also()
            await self.put(entry)

    async def by_shell(self, what: str, target: UserId | None = None) -> None:
        """Note a word of the shell. Raises StateError."""
        await self.add(Entry(Kind.CHANGE, SHELL, what, str(target or "")))

    async def put(self, entry: Entry) -> None:
        """Within a transaction: as `add`."""
        moment = now().isoformat()
        await self._db.execute(
            NEW_ENTRY,
            moment,
            moment,
            entry.who,
            entry.device,
            entry.kind.value,
            entry.what,
            entry.target,
            entry.outcome or "done",
            entry.event_id,
        )

    async def page(self, about: str, *, start: int, count: int) -> list[Entry]:
        """Entries from the `start`-th on, the newest first.

        Args:
            about: a user id that is the target or the doer; empty for everybody's.
        """
        if not about:
            sql = "SELECT * FROM audit ORDER BY id DESC LIMIT ? OFFSET ?"
            rows = await self._db.all(sql, count, start)
        else:
            # Two looks along an index, each no longer than the page is far: a million entries of
            # others cost nothing.
            rows = await self._db.all(
                "SELECT * FROM (SELECT * FROM audit WHERE target = ?1 ORDER BY id DESC LIMIT ?2) "
                "UNION SELECT * FROM (SELECT * FROM audit WHERE who = ?1 ORDER BY id DESC "
                "LIMIT ?2) ORDER BY id DESC LIMIT ?3 OFFSET ?4",
                about,
                start + count,
                count,
                start,
            )
        return [Entry.from_row(row) for row in rows]

    async def under_way(self, about: str) -> list[Entry]:
        """Acts that have begun and not ended, the newest first; parts of an act left out."""
        rows = await self._db.all(
            "SELECT began_at AS at, NULL AS ended_at, who, device, 'change' AS kind, command AS "
            "what, target, NULL AS outcome, event_id FROM act WHERE outcome IS NULL AND "
            "(part_of IS NULL OR part_of = event_id) AND (?1 = '' OR ?1 IN (target, who)) "
            "ORDER BY rowid DESC LIMIT 10",
            about,
        )
        return [Entry.from_row(row) for row in rows]

    async def moments_of(self, whats: Collection[str], *, since: datetime) -> list[datetime]:
        """When changes of these kinds were done, the oldest first; of the last 1,000 entries."""
        rows = await self._db.all("SELECT * FROM audit ORDER BY id DESC LIMIT 1000")
        entries = map(Entry.from_row, reversed(rows))
        ended = [(it.what, it.ended_at) for it in entries if it.outcome == "done"]
        return [at for what, at in ended if what in whats and at and at >= since]

    async def since(self, moment: datetime | None, about: str) -> AsyncIterator[Entry]:
        """All entries that ended after `moment` (None: all), the oldest first."""
        last = 0
        while True:
            rows = await self._db.all(
                "SELECT * FROM audit WHERE id > ?1 AND (?2 = '' OR ?2 IN (target, who)) "
                "AND ended_at >= ?3 ORDER BY id LIMIT ?4",
                last,
                about,
                moment.isoformat() if moment else "",
                _MANY,
            )
            for row in rows:
                yield Entry.from_row(row)
            if len(rows) < _MANY:
                return
            last = rows[-1]["id"]

    async def prune(self, before: datetime, who: str) -> int:
        """Note that old entries go, then cut off what ended before a moment. Returns how many.

        Piece by piece: the service beside us must not wait. Cut off, a second call cuts the rest.
        """
        [row] = await self._db.all(
            "SELECT count(*) AS entries, max(id) AS last FROM audit WHERE ended_at < ?",
            before.isoformat(),
        )
        entries = int(row["entries"])
        await self.add(
            Entry(Kind.CHANGE, who, f"prune {entries} entries before {before:%Y-%m-%d}")
        )
        while await self._cut(before.isoformat(), row["last"]):
            pass
        return entries

    async def _cut(self, before: str, last: int) -> int:
        """The only way around the trigger; with it, in the same transaction, back in place."""
        async with self._db.transaction():
            [row] = await self._db.all(
                "SELECT sql FROM sqlite_schema WHERE name = 'audit_is_not_cut'"
            )
            await self._db.execute("DROP TRIGGER audit_is_not_cut")
            cursor = await self._db.execute(
                "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE ended_at < ? "
                "AND id <= ? ORDER BY id LIMIT ?)",
                before,
                last,
                _PIECE,
            )
            await self._db.execute(row["sql"])
        return cursor.rowcount
