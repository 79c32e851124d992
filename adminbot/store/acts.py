"""Acts, the changes that people asked for: noted first, before each step, and at the end."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class ActNote:
    """One change that somebody asked for; `event_id` is that of the command's message.

    `who`, `target`: user ids as text. `outcome`: None while the act is under way or was cut off.
    `device_id`: the device that the act was about to make or to sign. An act on many accounts has
    a part for each: `part_of` is the event id of the whole, the message; of the whole its own.
    """

    event_id: str
    who: str
    command: str
    target: str
    outcome: str | None
    device_id: str | None
    part_of: str | None = None

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        return cls(
            event_id=row["event_id"],
            who=row["who"],
            command=row["command"],
            target=row["target"],
            outcome=row["outcome"],
            device_id=row["device_id"],
            part_of=row["part_of"],
        )


class Acts:
    """The table of acts and their steps, by the event id of the command."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(
        self,
        event_id: str,
        *,
        who: UserId,
        command: str,
        target: str,
        device_id: str | None,
        part_of: str | None = None,
        typed_on: str = "",
    ) -> ActNote:
        """Note an act before the first change; a second run gets the earlier note back.

        `typed_on`: the device that the person typed the command on.
        """
        # The first run's device id and time stay, whatever a second run passes.
        await self._db.write(
            "INSERT INTO act "
            "(event_id, who, command, target, began_at, device_id, part_of, device) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (event_id) DO NOTHING",
            event_id,
            str(who),
            command,
            target,
            now().isoformat(),
            device_id,
            part_of,
            typed_on,
        )
        [row] = await self._db.all("SELECT * FROM act WHERE event_id = ?", event_id)
        return ActNote.from_row(row)

    async def will(self, event_id: str, what: str) -> None:
        """Note a step of an act, before the step changes something on the server."""
        await self._db.write(
            "INSERT INTO step (event_id, at, what) VALUES (?, ?, ?)",
            event_id,
            now().isoformat(),
            what,
        )

    async def steps(self, event_id: str) -> list[str]:
        """An act's steps in order; all but the last were done."""
        rows = await self._db.all(
            "SELECT what FROM step WHERE event_id = ? ORDER BY rowid", event_id
        )
        return [str(row["what"]) for row in rows]

    async def count_since(self, who: UserId, moment: datetime) -> int:
        """How many changes this person has begun since `moment`."""
        # Up to now only: an earlier run's clock may have been ahead, and its acts would count for
        # as long as the clock was ahead.
        # Of an act on many accounts only new accounts count one by one.
        row = await self._db.one(
            "SELECT count(*) AS acts FROM act WHERE who = ? AND began_at BETWEEN ? AND ? "
            "AND (coalesce(part_of, event_id) = event_id OR command = 'newbot')",
            str(who),
            moment.isoformat(),
            now().isoformat(),
        )
        return int(row["acts"]) if row else 0

    async def find(self, event_id: str) -> ActNote | None:
        row = await self._db.one("SELECT * FROM act WHERE event_id = ?", event_id)
        return ActNote.from_row(row) if row else None

    async def brake_after(self, event_id: str, target: str) -> str | None:
        """The brake of `target` that came later than the message `event_id`: its command.

        By the order of arrival in the inbox, which no clock can change.
        """
        # Answered messages keep their rows in the inbox, so an old brake is found, too.
        row = await self._db.one(
            "SELECT act.command FROM act "
            "JOIN inbox ON inbox.event_id = coalesce(act.part_of, act.event_id) WHERE "
            "act.target = ? AND act.command IN ('revoke', 'pause', 'deletebot') "
            "AND inbox.position > "
            "(SELECT position FROM inbox WHERE event_id = ?) LIMIT 1",
            target,
            event_id,
        )
        return str(row["command"]) if row else None

    async def given_up_since(self, target: str, moment: datetime) -> str | None:
        """The newest command for a login of `target` that gave way to a brake after `moment`."""
        row = await self._db.one(
            "SELECT command FROM act WHERE target = ? AND outcome = 'Superseded' "
            "AND command IN ('rotate', 'password') AND began_at >= ? ORDER BY rowid DESC LIMIT 1",
            target,
            moment.isoformat(),
        )
        return str(row["command"]) if row else None

    async def parts(self, event_id: str) -> dict[str, ActNote]:
        """The parts of an act on many accounts, by target, in order."""
        rows = await self._db.all(
            "SELECT * FROM act WHERE part_of = ?1 AND event_id != ?1 ORDER BY rowid", event_id
        )
        return {row["target"]: ActNote.from_row(row) for row in rows}

    async def part_failed(self, event_id: str, target: str, outcome: str) -> None:
        """Within a transaction: end a part that failed, perhaps before the part was noted."""
        await self._db.execute(
            "INSERT INTO act (event_id, who, command, target, began_at, part_of, device) "
            "SELECT event_id || ' ' || ?2, who, command, ?2, began_at, event_id, device "
            "FROM act WHERE event_id = ?1 ON CONFLICT (event_id) DO NOTHING",
            event_id,
            target,
        )
        await self.end(f"{event_id} {target}", outcome)

    async def stop(self, who: UserId) -> int:
        """Let a person's acts on many accounts begin no further part; returns how many acts."""
        async with self._db.transaction():
            cursor = await self._db.execute(
                "UPDATE act SET is_stopped = 1 WHERE who = ? AND outcome IS NULL "
                "AND part_of = event_id AND is_stopped = 0",
                str(who),
            )
        return cursor.rowcount

    async def is_stopped(self, event_id: str) -> bool:
        row = await self._db.one("SELECT is_stopped FROM act WHERE event_id = ?", event_id)
        return bool(row and row["is_stopped"])

    async def end(self, event_id: str, outcome: str) -> None:
        """Within a transaction: end the act, unless the act has ended or there is none.

        A trigger puts the ended act into the audit.
        """
        await self._db.execute(
            "UPDATE act SET outcome = ?, ended_at = ? WHERE event_id = ? AND outcome IS NULL",
            outcome,
            now().isoformat(),
            event_id,
        )
