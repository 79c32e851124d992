"""What is remembered of people: the identity that counts, our direct chat, encrypted rooms."""

from adminbot.clock import now
from adminbot.ids import UserId
from adminbot.store.database import Database
from adminbot.store.rows import Pin

_ENCRYPTED = "encrypted "


class People(Database):
    """Pins and direct chats, by user id."""

    async def find_pin(self, user_id: str) -> Pin | None:
        """The identity that counts for a person, as first seen or as the operator said."""
        row = await self._one("SELECT * FROM pin WHERE user_id = ?", user_id)
        return Pin(row["master_key"], bool(row["verified_at"]), row["alarmed"]) if row else None

    async def pin(self, user_id: UserId, master_key: str) -> None:
        """From now on this identity counts; nobody has compared emoji with it yet."""
        await self._write(
            "INSERT OR REPLACE INTO pin (user_id, master_key, at) VALUES (?, ?, ?)",
            str(user_id),
            master_key,
            now().isoformat(),
        )

    async def verified(self, user_id: UserId, master_key: str) -> None:
        """Emoji were compared with this identity (if it still is the one that counts)."""
        await self._write(
            "UPDATE pin SET verified_at = ? WHERE user_id = ? AND master_key = ?",
            now().isoformat(),
            str(user_id),
            master_key,
        )

    async def alarmed(self, user_id: UserId, master_key: str) -> None:
        """Everybody was told that this person shows another identity, namely this one."""
        await self._write("UPDATE pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id))

    async def dm(self, user_id: UserId) -> str | None:
        """The room id of our direct chat with this person."""
        row = await self._one("SELECT room_id FROM dm WHERE user_id = ?", str(user_id))
        return str(row[0]) if row else None

    async def drop_dm(self, user_id: str) -> None:
        """This person gets a new direct chat, should they ever get one again."""
        await self._write("DELETE FROM dm WHERE user_id = ?", user_id)

    async def encrypted_rooms(self) -> set[str]:
        """Rooms that are encrypted for good, whatever the server says; direct chats always are."""
        rows = await self._all(
            "SELECT substr(name, ?) FROM fact WHERE name LIKE ? UNION SELECT room_id FROM dm",
            len(_ENCRYPTED) + 1,
            f"{_ENCRYPTED}%",
        )
        return {str(row[0]) for row in rows}

    async def remember_encrypted(self, room_id: str) -> None:
        """From now on nothing is said in clear in this room."""
        await self.set_fact(f"{_ENCRYPTED}{room_id}", "1")

    async def set_dm(self, user_id: UserId, room_id: str) -> None:
        await self._write("INSERT OR REPLACE INTO dm VALUES (?, ?)", str(user_id), room_id)
