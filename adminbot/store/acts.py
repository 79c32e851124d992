"""What people asked to be changed: noted before it begins, step by step, and how it ended."""

from datetime import datetime

from adminbot.store.database import Database
from adminbot.store.rows import Act, act_of
from adminbot.values.clock import now
from adminbot.values.ids import UserId


class Acts(Database):
    """Acts, by the event id of the command."""

    async def begin_act(
        self, event_id: str, *, who: UserId, command: str, target: str, device_id: str | None
    ) -> Act:
        """Note what is about to be changed; returns the earlier note if this is a second try."""
        await self._write(
            "INSERT OR IGNORE INTO act VALUES (?, ?, ?, ?, ?, NULL, NULL, ?)",
            event_id,
            str(who),
            command,
            target,
            now().isoformat(),
            device_id,
        )
        [row] = await self._all("SELECT * FROM act WHERE event_id = ?", event_id)
        return act_of(row)

    async def will(self, event_id: str, what: str) -> None:
        """Note a step of an act, before it changes something outside."""
        await self._write("INSERT INTO step VALUES (?, ?, ?)", event_id, now().isoformat(), what)

    async def steps(self, event_id: str) -> list[str]:
        """What an act was about to do, in order; all but the last of them were done."""
        rows = await self._all("SELECT what FROM step WHERE event_id = ? ORDER BY rowid", event_id)
        return [str(row["what"]) for row in rows]

    async def acts_since(self, who: UserId, moment: datetime) -> int:
        """How many changes this person has asked for since then."""
        row = await self._one(
            "SELECT count(*) FROM act WHERE who = ? AND began_at BETWEEN ? AND ?",
            str(who),
            moment.isoformat(),
            now().isoformat(),
        )
        return int(row[0]) if row else 0

    async def find_act(self, event_id: str) -> Act | None:
        row = await self._one("SELECT * FROM act WHERE event_id = ?", event_id)
        return act_of(row) if row else None

    async def brake_after(self, event_id: str, target: str) -> str | None:
        """The `revoke` or `deletebot` of this target that was confirmed after this message came.

        In order of arrival, which no clock can change.
        """
        row = await self._one(
            "SELECT act.command FROM act JOIN inbox USING (event_id) "
            "WHERE act.target = ? AND act.command IN ('revoke', 'deletebot') AND inbox.position > "
            "(SELECT position FROM inbox WHERE event_id = ?) LIMIT 1",
            target,
            event_id,
        )
        return str(row[0]) if row else None

    async def _end_act(self, event_id: str, outcome: str) -> None:
        await self._db.execute(
            "UPDATE act SET outcome = ?, ended_at = ? WHERE event_id = ? AND outcome IS NULL",
            (outcome, now().isoformat(), event_id),
        )
