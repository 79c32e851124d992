"""Awaited devices: issued to a bot, but without keys on the server so far."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import aiosqlite

from adminbot.store.bots import Bot
from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class Awaited:
    """A bot whose device `device_id` has no keys on the server yet; `tell`: the person to tell.

    An empty `device_id` is whichever device the program picks.
    """

    user_id: UserId
    own_identity: bool
    device_id: str
    tell: UserId
    since: datetime

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        return cls(
            user_id=UserId.parse(row["user_id"]),
            own_identity=bool(row["own_identity"]),
            device_id=row["device_id"],
            tell=UserId.parse(row["tell"]),
            since=datetime.fromisoformat(row["since"]),
        )


class AwaitedDevices:
    """The table of awaited devices, at most one a bot."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> list[Awaited]:
        """All awaited devices, the newest first; of a paused bot none can come."""
        rows = await self._db.all(
            "SELECT awaited.*, bot.own_identity FROM awaited JOIN bot USING (user_id) "
            "WHERE NOT bot.paused ORDER BY since DESC"
        )
        return [Awaited.from_row(row) for row in rows]

    async def count(self) -> int:
        """How many `all` would return."""
        [row] = await self._db.all(
            "SELECT count(*) FROM awaited JOIN bot USING (user_id) WHERE NOT bot.paused"
        )
        return int(row[0])

    async def holds(self, awaited: Awaited) -> bool:
        """Whether the device is still awaited: the bot may have been signed out or deleted."""
        row = await self._db.one(
            "SELECT 1 FROM awaited WHERE user_id = ? AND device_id = ?",
            str(awaited.user_id),
            awaited.device_id,
        )
        return row is not None

    async def arrived(self, awaited: Awaited) -> None:
        """The device is awaited no more; another device of the same bot may be."""
        await self._db.write(
            "DELETE FROM awaited WHERE user_id = ? AND device_id = ?",
            str(awaited.user_id),
            awaited.device_id,
        )

    async def expect(self, bot: Bot, tell: UserId, *, is_new: bool) -> None:
        """Within a transaction: await the bot's device; `is_new`: the device is newly issued.

        Otherwise an awaited device is looked for eagerly again, and a device that has come is not
        awaited again.
        """
        since = now().isoformat()
        if is_new:
            await self._db.execute(
                "INSERT INTO awaited (user_id, device_id, tell, since) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (user_id) DO UPDATE SET device_id = excluded.device_id, "
                "tell = excluded.tell, since = excluded.since",
                str(bot.user_id),
                bot.device_id or "",  # whichever the program picks
                str(tell),
                since,
            )
        else:
            await self._db.execute(
                "UPDATE awaited SET tell = ?, since = ? WHERE user_id = ?",
                str(tell),
                since,
                str(bot.user_id),
            )

    async def set_device(self, user_id: UserId, device_id: str) -> None:
        """Within a transaction: await this device where any was awaited."""
        await self._db.execute(
            "UPDATE awaited SET device_id = ? WHERE user_id = ? AND device_id = ''",
            device_id,
            str(user_id),
        )

    async def forget(self, user_id: UserId) -> None:
        """Within a transaction: await no device of this bot."""
        await self._db.execute("DELETE FROM awaited WHERE user_id = ?", str(user_id))
