"""Our private chats with people, and the rooms that must stay encrypted."""

from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.values.ids import UserId

_ENCRYPTED = "encrypted "  # the name of a fact, before a room id


class Rooms:
    """Room ids: of private chats by user id, and of encrypted rooms."""

    def __init__(self, db: Database, facts: Facts) -> None:
        self._db = db
        self._facts = facts

    async def dm(self, user_id: UserId) -> str | None:
        """The room id of our private chat with this person."""
        row = await self._db.one("SELECT room_id FROM dm WHERE user_id = ?", str(user_id))
        return str(row["room_id"]) if row else None

    async def set_dm(self, user_id: UserId, room_id: str) -> None:
        await self._db.write(
            "INSERT INTO dm (user_id, room_id) VALUES (?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET room_id = excluded.room_id",
            str(user_id),
            room_id,
        )

    async def encrypted(self) -> set[str]:
        """The rooms that count as encrypted, whatever the server says; all private chats do."""
        # The server can drop a room's encryption from the state. A client must not believe so:
        # the next message would go out in clear.
        rows = await self._db.all(
            "SELECT substr(name, ?) AS room_id FROM fact WHERE name LIKE ? "
            "UNION SELECT room_id FROM dm",
            len(_ENCRYPTED) + 1,
            f"{_ENCRYPTED}%",
        )
        return {str(row["room_id"]) for row in rows}

    async def remember_encrypted(self, room_id: str) -> None:
        """Let the room count as encrypted from now on."""
        await self._facts.set(f"{_ENCRYPTED}{room_id}", "1")
