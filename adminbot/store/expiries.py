"""The bots whose tokens are to be rotated in time, and the last reminder that is out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import aiosqlite

from adminbot.store.bots import Bot
from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class Expiry:
    """How old the token of a bot may get, and who is reminded. Times are UTC.

    `since`: when somebody asked for this. `reminded`: what the last reminder was about.
    """

    user_id: UserId
    days: int
    tell: UserId
    since: datetime
    reminded: str = ""

    def counts_from(self, bot: Bot) -> datetime | None:
        """When the bot's token was given out; None while the bot is signed out."""
        if bot.token_at is None:
            # The tokens of an adopted bot are from before, and nobody knows of when.
            return self.since if bot.adopted_at else None
        # A clock that was ahead: the token is no younger than our knowledge of it.
        return bot.token_at if bot.token_at <= now() else min(self.since, now())

    def due_at(self, bot: Bot) -> datetime | None:
        """When it is time for a new token; None while the bot is signed out."""
        counted = self.counts_from(bot)
        return counted + timedelta(days=self.days) if counted else None

    def is_overdue(self, bot: Bot) -> bool:
        due = self.due_at(bot)
        return due is not None and due <= now()

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        return cls(
            user_id=UserId.parse(row["user_id"]),
            days=row["days"],
            tell=UserId.parse(row["tell"]),
            since=datetime.fromisoformat(row["since"]),
            reminded=row["reminded"] or "",
        )


class Expiries:
    """The table of expiries, by bot."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[Expiry]:
        rows = await self._db.all("SELECT * FROM expiry ORDER BY user_id")
        return [Expiry.from_row(row) for row in rows]

    async def find(self, user_id: UserId) -> Expiry | None:
        row = await self._db.one("SELECT * FROM expiry WHERE user_id = ?", str(user_id))
        return Expiry.from_row(row) if row else None

    async def put(self, expiry: Expiry) -> None:
        """Within a transaction: in place of an earlier expiry of the bot."""
        await self._db.execute(
            "INSERT OR REPLACE INTO expiry (user_id, days, tell, since) VALUES (?, ?, ?, ?)",
            str(expiry.user_id),
            expiry.days,
            str(expiry.tell),
            expiry.since.isoformat(),
        )

    async def forget(self, user_id: UserId) -> None:
        """Within a transaction."""
        await self._db.execute("DELETE FROM expiry WHERE user_id = ?", str(user_id))

    async def not_ahead(self, moment: datetime) -> None:
        """Bring times back to `moment` that an earlier run wrote whose clock was ahead."""
        at = moment.isoformat()
        await self._db.write("UPDATE expiry SET since = ?1 WHERE since > ?1", at)

    async def reminded(self, of: Mapping[Expiry, str]) -> None:
        """These reminders are out."""
        async with self._db.transaction():
            for expiry, what in of.items():
                await self._db.execute(
                    "UPDATE expiry SET reminded = ? WHERE user_id = ? AND since = ?",
                    what,
                    str(expiry.user_id),
                    expiry.since.isoformat(),
                )
