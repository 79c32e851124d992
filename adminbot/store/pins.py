"""Pins: the cross-signing identities that count, of people and of bots."""

from dataclasses import dataclass

from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.store.requests import Requests
from adminbot.values.clock import now
from adminbot.values.ids import UserId

_RENEWED = "renewed "  # the name of a fact, before a user id
_PIN_BOT = (
    "INSERT INTO bot_pin (user_id, master_key) VALUES (?, ?) "
    "ON CONFLICT (user_id) DO UPDATE SET master_key = excluded.master_key, alarmed = NULL"
)


@dataclass(frozen=True, slots=True)
class Pin:
    """The cross-signing identity that counts for an account.

    `master_key`: unpadded base64. `verified`: emoji were compared with this identity. `alarmed`:
    the master key shown instead at the last alarm ("none": no identity), None without an alarm.
    """

    master_key: str
    verified: bool
    alarmed: str | None


class Pins:
    """The table of people's identities."""

    def __init__(self, db: Database, facts: Facts, requests: Requests) -> None:
        self._db = db
        self._facts = facts
        self._requests = requests

    async def find(self, user_id: str) -> Pin | None:
        """The identity that counts for a person: first seen, or named by the operator."""
        row = await self._db.one("SELECT * FROM pin WHERE user_id = ?", user_id)
        return Pin(row["master_key"], bool(row["verified_at"]), row["alarmed"]) if row else None

    async def pin(self, user_id: UserId, master_key: str) -> None:
        """Let an identity count from now on; emoji have not been compared yet."""
        async with self._db.transaction():
            await self._put(user_id, master_key)

    async def _put(self, user_id: UserId, master_key: str) -> None:
        # Comparison and alarm belong to the old identity, and go with the old identity.
        await self._db.execute(
            "INSERT INTO pin (user_id, master_key, at) VALUES (?, ?, ?) "
            "ON CONFLICT (user_id) DO UPDATE SET master_key = excluded.master_key, "
            "at = excluded.at, verified_at = NULL, alarmed = NULL",
            str(user_id),
            master_key,
            now().isoformat(),
        )

    async def pin_anew(self, user_id: UserId, master_key: str) -> None:
        """Pin in place of another identity; the change stays noted until `verified`."""
        async with self._db.transaction():
            await self._put(user_id, master_key)
            await self._facts.put(f"{_RENEWED}{user_id}", now().isoformat())

    async def is_renewed(self, user_id: UserId) -> bool:
        """Whether the person's identity replaced another identity and is not verified yet."""
        return await self._facts.get(f"{_RENEWED}{user_id}") is not None

    async def verified(self, user_id: UserId, master_key: str) -> None:
        """Note that emoji were compared with this identity, if the identity still counts."""
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
        """Note that the other admins were told of a person's other identity, `master_key`."""
        await self._db.write(
            "UPDATE pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id)
        )


class BotPins:
    """The table of managed bots' identities."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, user_id: UserId) -> Pin | None:
        """The identity that counts for a bot; None before any was published or seen."""
        row = await self._db.one("SELECT * FROM bot_pin WHERE user_id = ?", str(user_id))
        return Pin(row["master_key"], verified=False, alarmed=row["alarmed"]) if row else None

    async def pin(self, user_id: UserId, master_key: str) -> None:
        """Let an identity count for a bot from now on; the last alarm is forgotten."""
        await self._db.write(_PIN_BOT, str(user_id), master_key)

    async def put(self, user_id: UserId, master_key: str) -> None:
        """Within a transaction: as `pin`."""
        await self._db.execute(_PIN_BOT, str(user_id), master_key)

    async def alarmed(self, user_id: UserId, master_key: str) -> None:
        """Note that all admins were told of a bot's other identity, `master_key`."""
        await self._db.write(
            "UPDATE bot_pin SET alarmed = ? WHERE user_id = ?", master_key, str(user_id)
        )

    async def forget(self, user_id: UserId) -> None:
        """Within a transaction: drop the pin; the next identity seen is pinned."""
        await self._db.execute("DELETE FROM bot_pin WHERE user_id = ?", str(user_id))
