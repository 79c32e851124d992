"""What people asked to be changed: noted before it begins, step by step, and how it ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class ActNote:
    """One change that somebody asked for.

    `outcome` is None while the act is under way or was cut off. `device_id`: the device that the
    act was about to make or to sign.
    """

    event_id: str
    who: str
    command: str
    target: str
    outcome: str | None
    device_id: str | None

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        return cls(
            event_id=row["event_id"],
            who=row["who"],
            command=row["command"],
            target=row["target"],
            outcome=row["outcome"],
            device_id=row["device_id"],
        )


class Acts:
    """The table of acts and their steps, by the event id of the command."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(
        self, event_id: str, *, who: UserId, command: str, target: str, device_id: str | None
    ) -> ActNote:
        """Note what is about to be changed; on a second try, the earlier note is returned."""
        await self._db.write(
            "INSERT INTO act (event_id, who, command, target, began_at, device_id) "
            "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING",
            event_id,
            str(who),
            command,
            target,
            now().isoformat(),
            device_id,
        )
        [row] = await self._db.all("SELECT * FROM act WHERE event_id = ?", event_id)
        return ActNote.from_row(row)

    async def will(self, event_id: str, what: str) -> None:
        """Note a step of an act, before the step changes something outside."""
        await self._db.write(
            "INSERT INTO step (event_id, at, what) VALUES (?, ?, ?)",
            event_id,
            now().isoformat(),
            what,
        )

    async def steps(self, event_id: str) -> list[str]:
        """What an act was about to do, in order; all but the last of them were done."""
        rows = await self._db.all(
            "SELECT what FROM step WHERE event_id = ? ORDER BY rowid", event_id
        )
        return [str(row["what"]) for row in rows]

    async def count_since(self, who: UserId, moment: datetime) -> int:
        """How many changes this person has asked for since `moment`."""
        row = await self._db.one(
            "SELECT count(*) AS acts FROM act WHERE who = ? AND began_at BETWEEN ? AND ?",
            str(who),
            moment.isoformat(),
            now().isoformat(),
        )
        return int(row["acts"]) if row else 0

    async def find(self, event_id: str) -> ActNote | None:
        row = await self._db.one("SELECT * FROM act WHERE event_id = ?", event_id)
        return ActNote.from_row(row) if row else None

    async def brake_after(self, event_id: str, target: str) -> str | None:
        """The `revoke` or `deletebot` of this target that was confirmed after this message came.

        In order of arrival, which no clock can change.
        """
        row = await self._db.one(
            "SELECT act.command FROM act JOIN inbox USING (event_id) "
            "WHERE act.target = ? AND act.command IN ('revoke', 'deletebot') AND inbox.position > "
            "(SELECT position FROM inbox WHERE event_id = ?) LIMIT 1",
            target,
            event_id,
        )
        return str(row["command"]) if row else None

    async def end(self, event_id: str, outcome: str) -> None:
        """Within a transaction: the act is over, if there is one that was not."""
        await self._db.execute(
            "UPDATE act SET outcome = ?, ended_at = ? WHERE event_id = ? AND outcome IS NULL",
            outcome,
            now().isoformat(),
            event_id,
        )
