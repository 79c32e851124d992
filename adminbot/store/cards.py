"""The cards that go out, sealed until they are out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class Card:
    """A secret on its way out (`content` is there), shown, or gone."""

    id: int
    bot: UserId
    reader: UserId
    content: str | None
    room_id: str | None
    intro_id: str | None
    block_id: str | None
    vanishes_at: datetime | None

    @classmethod
    def from_row(cls, row: aiosqlite.Row, content: str | None) -> Self:
        vanishes_at = row["vanishes_at"]
        return cls(
            id=row["id"],
            bot=UserId.parse(row["bot"]),
            reader=UserId.parse(row["reader"]),
            content=content,
            room_id=row["room_id"],
            intro_id=row["intro_id"],
            block_id=row["block_id"],
            vanishes_at=datetime.fromisoformat(vanishes_at) if vanishes_at else None,
        )


class Cards:
    """The table of cards."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, card_id: int) -> Card:
        [row] = await self._db.all("SELECT * FROM card WHERE id = ?", card_id)
        return self._opened(row)

    async def newer_than(self, card: Card) -> Card | None:
        """The newest card of the same bot, unless `card` is the newest."""
        row = await self._db.one(
            "SELECT * FROM card WHERE bot = ? AND id > ? ORDER BY id DESC", str(card.bot), card.id
        )
        return self._opened(row) if row else None

    async def open(self) -> list[Card]:
        """Cards that are still to be sent or still to vanish, oldest first."""
        rows = await self._db.all("SELECT * FROM card WHERE gone_at IS NULL ORDER BY id")
        return [self._opened(row) for row in rows]

    def _opened(self, row: aiosqlite.Row) -> Card:
        content = self._db.open("card", row["content"]) if row["content"] else None
        return Card.from_row(row, content)

    async def add(self, bot: UserId, reader: UserId, content: str) -> int:
        """Within a transaction: a card that is to go out. Returns the card's id."""
        cursor = await self._db.execute(
            "INSERT INTO card (bot, reader, made_at, content) VALUES (?, ?, ?, ?)",
            str(bot),
            str(reader),
            now().isoformat(),
            self._db.seal("card", content),
        )
        return int(cursor.lastrowid or 0)

    async def void(self, user_id: UserId) -> bool:
        """Within a transaction: no secret on this bot's cards is worth anything any more.

        A card that is out, or may be half out, is taken back at once. A card that was not sent
        yet is not sent. Returns whether there was such a card: then its content is to be scrubbed.
        """
        due, whose = now().isoformat(), str(user_id)
        await self._db.execute(
            "UPDATE card SET vanishes_at = ? WHERE bot = ? AND room_id IS NOT NULL "
            "AND gone_at IS NULL",
            due,
            whose,
        )
        dropped = await self._db.execute(
            "UPDATE card SET gone_at = ?, content = NULL WHERE bot = ? AND room_id IS NULL "
            "AND gone_at IS NULL",
            due,
            whose,
        )
        return dropped.rowcount > 0

    async def goes_to(self, card_id: int, room_id: str) -> bool:
        """Fix the room before the first send, so that a repeated send is the same send.

        Returns False if the secret on the card is dead meanwhile: the card must not go out.
        """
        async with self._db.transaction():
            cursor = await self._db.execute(
                "UPDATE card SET room_id = ? WHERE id = ? AND gone_at IS NULL", room_id, card_id
            )
        return cursor.rowcount > 0

    async def shown(
        self, card_id: int, *, intro_id: str, block_id: str, vanishes_at: datetime
    ) -> None:
        """Both messages are out: forget the content, remember when they vanish.

        A card that was void before it was out vanishes at once.
        """
        await self._db.write(
            "UPDATE card SET content = NULL, intro_id = ?, block_id = ?, "
            "vanishes_at = coalesce(vanishes_at, ?) WHERE id = ?",
            intro_id,
            block_id,
            vanishes_at.isoformat(),
            card_id,
        )
        await self._db.scrub()

    async def vanish_by(self, moment: datetime) -> None:
        """No card that is out stays longer than until `moment`."""
        await self._db.write(
            "UPDATE card SET vanishes_at = min(vanishes_at, ?) WHERE vanishes_at IS NOT NULL",
            moment.isoformat(),
        )

    async def gone(self, card_id: int) -> None:
        """The card's messages are taken back."""
        await self._db.write(
            "UPDATE card SET gone_at = ?, content = NULL WHERE id = ?", now().isoformat(), card_id
        )
        await self._db.scrub()
