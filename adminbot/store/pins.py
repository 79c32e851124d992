"""Which cross-signing identity counts, for people and for bots."""

from dataclasses import dataclass

from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.store.requests import Requests
from adminbot.values.clock import now
from adminbot.values.ids import UserId

_RENEWED = "renewed "  # the name of a fact, before a user id


@dataclass(frozen=True, slots=True)
class Pin:
    """The cross-signing identity (master key, unpadded base64) that counts for an account.

    `verified`: emoji were compared with this identity. `alarmed`: another master key, of which
    everybody was told.
    """

    master_key: str
    verified: bool
    alarmed: str | None


class Pins:
    """The identities of people."""

    def __init__(self, db: Database, facts: Facts, requests: Requests) -> None:
        self._db = db
        self._facts = facts
        self._requests = requests

    async def find(self, user_id: str) -> Pin | None:
        """The identity that counts for a person, as first seen or as the operator said."""
        row = await self._db.one("SELECT * FROM pin WHERE user_id = ?", user_id)
        return Pin(row["master_key"], bool(row["verified_at"]), row["alarmed"]) if row else None

    async def pin(self, user_id: UserId, master_key: str) -> None:
        """From now on this identity counts; nobody has compared emoji with it yet."""
        async with self._db.transaction():
            await self._put(user_id, master_key)

    async def _put(self, user_id: UserId, master_key: str) -> None:
        # Whatever was known of another identity goes with that identity.
        await self._db.execute(
            "INSERT INTO pin (user_id, master_key, at) VALUES (?, ?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET master_key = excluded.master_key, "
            "at = excluded.at, verified_at = NULL, alarmed = NULL",
            str(user_id),
            master_key,
            now().isoformat(),
        )

    async def pin_anew(self, user_id: UserId, master_key: str) -> None:
        """Pin in place of another identity; the change is remembered until `verified`."""
        async with self._db.transaction():
            await self._put(user_id, master_key)
            await self._facts.put(f"{_RENEWED}{user_id}", now().isoformat())

    async def is_renewed(self, user_id: UserId) -> bool:
        """Whether this person's identity took the place of another, and is not verified yet."""
        return await self._facts.get(f"{_RENEWED}{user_id}") is not None

    async def verified(self, user_id: UserId, master_key: str) -> None:
        """Emoji were compared with this identity (if the identity still counts)."""
        async with self._db.transaction():
            await self._db.execute(
                "UPDATE pin SET verified_at = ? WHERE user_id = ? AND master_key = ?",
                now().isoformat(),
                str(user_id),
                master_key,
            )
            await self._facts.forget(f"{_RENEWED}{user_id}")
            await self._requests.set_verified(user_id)

    async def alarmed(self, user_id: UserId, master_key: str) -> None:
        """Everybody was told that this person shows another identity, namely this one."""
        await self._db.write(
            "UPDATE pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id)
        )


class BotPins:
    """The identities of managed bots."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, user_id: UserId) -> Pin | None:
        """The identity that counts for a bot; None as long as none was published or seen."""
        row = await self._db.one("SELECT * FROM bot_pin WHERE user_id = ?", str(user_id))
        return Pin(row["master_key"], verified=False, alarmed=row["alarmed"]) if row else None

    async def pin(self, user_id: UserId, master_key: str) -> None:
        """From now on this identity counts for a bot."""
        await self._db.write(
            "INSERT INTO bot_pin (user_id, master_key) VALUES (?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET master_key = excluded.master_key, alarmed = NULL",
            str(user_id),
            master_key,
        )

    async def alarmed(self, user_id: UserId, master_key: str) -> None:
        """Everybody was told that this bot shows another identity, namely this one."""
        await self._db.write(
            "UPDATE bot_pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id)
        )

    async def forget(self, user_id: UserId) -> None:
        """Within a transaction: the next identity that is seen is the one that counts."""
        await self._db.execute("DELETE FROM bot_pin WHERE user_id = ?", str(user_id))
