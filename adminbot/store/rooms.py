"""Our private chats with people, and the rooms that are encrypted for good."""

from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.values.ids import UserId

_ENCRYPTED = "encrypted "  # the name of a fact, before a room id


class Rooms:
    """Room ids, by what a room is to us."""

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
        """Rooms that are encrypted for good, whatever the server says; private chats are."""
        rows = await self._db.all(
            "SELECT substr(name, ?) AS room_id FROM fact WHERE name LIKE ? "
            "UNION SELECT room_id FROM dm",
            len(_ENCRYPTED) + 1,
            f"{_ENCRYPTED}%",
        )
        return {str(row["room_id"]) for row in rows}

    async def remember_encrypted(self, room_id: str) -> None:
        """From now on nothing is said in clear in this room."""
        await self._facts.set(f"{_ENCRYPTED}{room_id}", "1")
