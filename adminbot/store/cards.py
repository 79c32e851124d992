"""Cards: secrets on their way to a person's chat, sealed until they have been sent."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.clock import now
from adminbot.values.ids import UserId


class CardKind(Enum):
    """What the secret on a card is."""

    BOT = "bot"  # a bot's login
    PASSWORD = "password"  # noqa: S105 (a bot's password, beside a login that goes on)
    BOTS = "bots"  # logins of several bots
    PERSON = "person"  # a person's password
    SIGN_UP = "sign-up"  # a token to sign up with


@dataclass(frozen=True, slots=True)
class Card:
    """A secret for a person, in one of three states: on its way out, shown, or gone.

    `about`: the account with that secret; None if the card is about none, or about several.
    `content`: the card's JSON in clear, None afterwards. `room_id`: None before the first send.
    `intro_id`, `block_id`: the event ids of the two messages, None until both are out.
    `vanishes_at`: when to take the messages back (UTC), None before both are out.
    """

    id: int
    kind: CardKind
    about: UserId | None
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
            kind=CardKind(row["kind"]),
            about=UserId.parse(row["bot"]) if row["bot"] else None,
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
        """The newest card about the same account that `card` gave way to."""
        if card.about is None:
            return None
        row = await self._db.one(
            "SELECT * FROM card WHERE bot = ? AND id > ? AND kind IN (?, ?) ORDER BY id DESC",
            str(card.about),
            card.id,
            card.kind.value,
            CardKind.BOT.value,  # every password is dead with a new login
        )
        return self._opened(row) if row else None

    async def open(self) -> list[Card]:
        """The cards still to be sent or still to vanish, oldest first."""
        rows = await self._db.all("SELECT * FROM card WHERE gone_at IS NULL ORDER BY id")
        return [self._opened(row) for row in rows]

    async def count_open(self) -> int:
        """How many `open` would return, with no secret opened."""
        [row] = await self._db.all("SELECT count(*) FROM card WHERE gone_at IS NULL")
        return int(row[0])

    def _opened(self, row: aiosqlite.Row) -> Card:
        content = self._db.open("card", row["content"]) if row["content"] else None
        return Card.from_row(row, content)

    async def add(
        self, about: UserId | None, reader: UserId, content: str, kind: CardKind = CardKind.BOT
    ) -> int:
        """Within a transaction: seal and store a card to be sent. Returns the card's id."""
        cursor = await self._db.execute(
            "INSERT INTO card (kind, bot, reader, made_at, content) VALUES (?, ?, ?, ?, ?)",
            kind.value,
            str(about or ""),
            str(reader),
            now().isoformat(),
            self._db.seal("card", content),
        )
        return int(cursor.lastrowid or 0)  # optional by type only: an INSERT sets lastrowid

    async def void(self, user_id: UserId, only: CardKind | None = None) -> bool:
        """Within a transaction: void the account's cards, since all secrets on them are dead.

        `only`: those of this kind.
        A card that is out, or perhaps half out, is due to be taken back at once. An unsent card
        will not be sent. Returns whether there was an unsent card; if so, the caller has to scrub.
        """
        due, bot_id = now().isoformat(), str(user_id)
        # The room is fixed before the first send (`goes_to`): without a room nothing is out.
        await self._db.execute(
            "UPDATE card SET vanishes_at = ? WHERE bot = ? AND room_id IS NOT NULL "
            "AND gone_at IS NULL AND kind = coalesce(?, kind)",
            due,
            bot_id,
            only and only.value,
        )
        dropped = await self._db.execute(
            "UPDATE card SET gone_at = ?, content = NULL WHERE bot = ? AND room_id IS NULL "
            "AND gone_at IS NULL AND kind = coalesce(?, kind)",
            due,
            bot_id,
            only and only.value,
        )
        return dropped.rowcount > 0

    async def goes_to(self, card_id: int, room_id: str) -> bool:
        """Fix the room before the first send, so that a repeated send is the same send.

        Returns False if the secret has died meanwhile: the card must not be sent.
        """
        async with self._db.transaction():
            cursor = await self._db.execute(
                "UPDATE card SET room_id = ? WHERE id = ? AND gone_at IS NULL", room_id, card_id
            )
        return cursor.rowcount > 0

    async def shown(
        self, card_id: int, *, intro_id: str, block_id: str, vanishes_at: datetime
    ) -> None:
        """Both messages are out: forget the content, remember when the messages vanish.

        A card voided while on its way vanishes at once.
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
        # `min` on text: times are ISO 8601 in UTC, whose alphabetical order is the order in time.
        await self._db.write(
            "UPDATE card SET vanishes_at = min(vanishes_at, ?) WHERE vanishes_at IS NOT NULL",
            moment.isoformat(),
        )

    async def gone(self, card_id: int) -> None:
        """The card's messages have been taken back."""
        await self._db.write(
            "UPDATE card SET gone_at = ?, content = NULL WHERE id = ?", now().isoformat(), card_id
        )
        await self._db.scrub()
