"""The bots whose silence is told, and how far the telling has come."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId

SNOOZE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Watch:
    """One bot that somebody watches. Times are UTC.

    `silent`: how long a silence is told. `tell`: whom. `since`: silence from before does not
    count. `alarmed`: when the present silence was found, None while there is none. `told`: the
    event ids of that alarm by user id, empty until the alarm is out. `snoozed_until`: when to
    tell of the same silence again.
    """

    user_id: UserId
    silent: timedelta
    tell: UserId
    since: datetime
    snoozed_until: datetime | None = None
    alarmed: datetime | None = None
    told: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        return cls(
            user_id=UserId.parse(row["user_id"]),
            silent=timedelta(seconds=row["silent_s"]),
            tell=UserId.parse(row["tell"]),
            since=datetime.fromisoformat(row["since"]),
            snoozed_until=_moment(row["snoozed_until"]),
            alarmed=_moment(row["alarmed"]),
            told=json.loads(row["alarm_ids"] or "{}"),
        )


class Watches:
    """The table of watches, by bot."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[Watch]:
        rows = await self._db.all("SELECT * FROM watch ORDER BY user_id")
        return [Watch.from_row(row) for row in rows]

    async def find(self, user_id: UserId) -> Watch | None:
        row = await self._db.one("SELECT * FROM watch WHERE user_id = ?", str(user_id))
        return Watch.from_row(row) if row else None

    async def put(self, watch: Watch) -> None:
        """Within a transaction: begin to watch, in place of an earlier watch of the bot."""
        await self._db.execute(
            "INSERT OR REPLACE INTO watch (user_id, silent_s, tell, since) VALUES (?, ?, ?, ?)",
            str(watch.user_id),
            round(watch.silent.total_seconds()),
            str(watch.tell),
            watch.since.isoformat(),
        )

    async def forget(self, user_id: UserId) -> None:
        """Within a transaction."""
        await self._db.execute("DELETE FROM watch WHERE user_id = ?", str(user_id))

    async def not_ahead(self, moment: datetime) -> None:
        """Bring times back to `moment` that an earlier run wrote whose clock was ahead."""
        # Else a bot would not be missed, and a snooze would not end, for as long as that clock
        # was ahead.
        at, tomorrow = moment.isoformat(), (moment + SNOOZE).isoformat()
        await self._db.write(
            "UPDATE watch SET since = min(since, ?1), alarmed = min(alarmed, ?1), "
            "snoozed_until = min(snoozed_until, ?2) "
            "WHERE since > ?1 OR alarmed > ?1 OR snoozed_until > ?2",
            at,
            tomorrow,
        )

    async def sleep(self, user_ids: Iterable[UserId], moment: datetime) -> None:
        """Let these be watched from `moment` on only: nobody can expect a sign of them now."""
        async with self._db.transaction():
            for user_id in user_ids:
                await self._db.execute(
                    "UPDATE watch SET since = ?, alarmed = NULL, alarm_ids = NULL, "
                    "snoozed_until = NULL WHERE user_id = ?",
                    moment.isoformat(),
                    str(user_id),
                )

    async def fell_silent(self, watches: Iterable[Watch], moment: datetime) -> None:
        """Note that these silences are to be told, before anybody is told of them.

        After a crash they are told together again, under the same transaction id.
        """
        async with self._db.transaction():
            for watch in watches:
                await self._db.execute(
                    "UPDATE watch SET alarmed = ?, alarm_ids = NULL, snoozed_until = NULL "
                    "WHERE user_id = ? AND since = ?",  # not where it was begun anew meanwhile
                    moment.isoformat(),
                    str(watch.user_id),
                    watch.since.isoformat(),
                )

    async def told(self, tell: UserId, alarmed: datetime, event_ids: Mapping[str, str]) -> None:
        """The alarm of these silences is out. `event_ids`: by user id of who was told."""
        await self._db.write(
            "UPDATE watch SET alarm_ids = ? WHERE tell = ? AND alarmed = ? AND alarm_ids IS NULL",
            json.dumps(dict(event_ids)),
            str(tell),
            alarmed.isoformat(),
        )

    async def are_back(self, watches: Iterable[Watch]) -> None:
        """The silence is over, and that was told: the next one is told again."""
        async with self._db.transaction():
            for watch in watches:
                await self._db.execute(
                    "UPDATE watch SET alarmed = NULL, alarm_ids = NULL, snoozed_until = NULL "
                    "WHERE user_id = ? AND since = ?",
                    str(watch.user_id),
                    watch.since.isoformat(),
                )

    async def alarmed_by(self, event_id: str, told: UserId) -> list[Watch]:
        """The watches whose present alarm is this event, in the private chat with `told`."""
        rows = await self._db.all("SELECT * FROM watch WHERE alarm_ids IS NOT NULL")
        watches = map(Watch.from_row, rows)
        return [it for it in watches if it.told.get(str(told)) == event_id]

    async def snooze(self, watches: Iterable[Watch], age: timedelta) -> None:
        """Be quiet about these alarms for a day from a tap that is `age` old; once an alarm."""
        until = now() - age + SNOOZE
        async with self._db.transaction():
            for watch in watches:
                await self._db.execute(
                    "UPDATE watch SET snoozed_until = ? "
                    "WHERE user_id = ? AND alarmed = ? AND snoozed_until IS NULL",
                    until.isoformat(),
                    str(watch.user_id),
                    watch.alarmed and watch.alarmed.isoformat(),
                )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
