"""What is remembered of people: identity, direct chat, an open request; and encrypted rooms."""

import json
from dataclasses import asdict

from adminbot.store.database import Database
from adminbot.store.rows import OpenRequest, Pin
from adminbot.values.clock import now
from adminbot.values.ids import UserId

# Names of facts, before a user id.
_REQUEST = "verification "
_RENEWED = "renewed "
_ENCRYPTED = "encrypted "  # before a room id

_PIN = "INSERT OR REPLACE INTO pin (user_id, master_key, at) VALUES (?, ?, ?)"


class People(Database):
    """Pins, direct chats and open requests to verify, by user id."""

    async def find_pin(self, user_id: str) -> Pin | None:
        """The identity that counts for a person, as first seen or as the operator said."""
        row = await self._one("SELECT * FROM pin WHERE user_id = ?", user_id)
        return Pin(row["master_key"], bool(row["verified_at"]), row["alarmed"]) if row else None

    async def pin(self, user_id: UserId, master_key: str) -> None:
        """From now on this identity counts; nobody has compared emoji with it yet."""
        await self._write(_PIN, str(user_id), master_key, now().isoformat())

    async def pin_anew(self, user_id: UserId, master_key: str) -> None:
        """The same, in place of another identity; that it is so is remembered until `verified`."""
        async with self._transaction():
            await self._db.execute(_PIN, (str(user_id), master_key, now().isoformat()))
            await self._db.execute(
                "INSERT OR REPLACE INTO fact VALUES (?, ?)",
                (f"{_RENEWED}{user_id}", now().isoformat()),
            )

    async def is_renewed(self, user_id: UserId) -> bool:
        """Whether this person's identity took the place of another, and is not verified yet."""
        return await self.fact(f"{_RENEWED}{user_id}") is not None

    async def verified(self, user_id: UserId, master_key: str) -> None:
        """Emoji were compared with this identity (if it still is the one that counts)."""
        async with self._transaction():
            await self._db.execute(
                "UPDATE pin SET verified_at = ? WHERE user_id = ? AND master_key = ?",
                (now().isoformat(), str(user_id), master_key),
            )
            await self._db.execute("DELETE FROM fact WHERE name = ?", (f"{_RENEWED}{user_id}",))
            await self._db.execute(
                "UPDATE fact SET value = json_set(value, '$.verified', json('true')) "
                "WHERE name = ?",
                (f"{_REQUEST}{user_id}",),
            )

    async def alarmed(self, user_id: UserId, master_key: str) -> None:
        """Everybody was told that this person shows another identity, namely this one."""
        await self._write("UPDATE pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id))

    async def dm(self, user_id: UserId) -> str | None:
        """The room id of our direct chat with this person."""
        row = await self._one("SELECT room_id FROM dm WHERE user_id = ?", str(user_id))
        return str(row[0]) if row else None

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

    async def request_open(self, request: OpenRequest) -> None:
        """A request to verify is (about to be) open; it takes the place of this person's last."""
        await self.set_fact(f"{_REQUEST}{request.user_id}", json.dumps(asdict(request)))

    async def request_over(self, user_id: UserId) -> None:
        """Nothing is open with this person."""
        await self.drop_fact(f"{_REQUEST}{user_id}")

    async def open_requests(self) -> list[OpenRequest]:
        """Those that nobody has ended yet: of this run, or of one that was cut off."""
        rows = await self._all("SELECT value FROM fact WHERE name LIKE ?", f"{_REQUEST}%")
        return [OpenRequest(**json.loads(row["value"])) for row in rows]
