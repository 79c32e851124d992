"""Small values by name: facts in clear, secrets sealed."""

from adminbot.store.database import Database


class Facts:
    """Small remembered values, such as the sync token."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, name: str) -> str | None:
        row = await self._db.one("SELECT value FROM fact WHERE name = ?", name)
        return str(row["value"]) if row else None

    async def set(self, name: str, value: str) -> None:
        async with self._db.transaction():
            await self.put(name, value)

    async def put(self, name: str, value: str) -> None:
        """Within a transaction."""
        await self._db.execute(
            "INSERT INTO fact (name, value) VALUES (?, ?) "
            "ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    async def drop(self, name: str) -> None:
        await self._db.write("DELETE FROM fact WHERE name = ?", name)

    async def forget(self, name: str) -> None:
        """Within a transaction."""
        await self._db.execute("DELETE FROM fact WHERE name = ?", name)


class SealedSecrets:
    """Our own secrets and the bots' identities, each sealed under its name."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get(self, name: str) -> str | None:
        """A secret in clear. Raises SetupError if another store key sealed the secret."""
        row = await self._db.one("SELECT blob FROM sealed WHERE name = ?", name)
        return self._db.open(name, row["blob"]) if row else None

    async def try_all(self) -> None:
        """Raises SetupError if another store key sealed a secret."""
        for row in await self._db.all("SELECT name, blob FROM sealed"):
            self._db.open(row["name"], row["blob"])

    async def set(self, name: str, value: str) -> None:
        await self.set_all({name: value})

    async def set_all(self, values: dict[str, str]) -> None:
        """Keep several secrets, all at once or none."""
        async with self._db.transaction():
            for name, value in values.items():
                # Sealed for its name: a blob copied to another row does not open there.
                await self._db.execute(
                    "INSERT INTO sealed (name, blob) VALUES (?, ?) "
                    "ON CONFLICT (name) DO UPDATE SET blob = excluded.blob",
                    name,
                    self._db.seal(name, value),
                )

    async def drop(self, name: str) -> None:
        await self._db.write("DELETE FROM sealed WHERE name = ?", name)

    async def forget(self, name: str) -> None:
        """Within a transaction."""
        await self._db.execute("DELETE FROM sealed WHERE name = ?", name)


def identity_of(user_id: object) -> str:
    """The name of the sealed part of a bot's cross-signing identity."""
    return f"identity {user_id}"


def recovery_of(user_id: object) -> str:
    """The name of a bot's sealed recovery key, kept until a card has the key."""
    return f"recovery key {user_id}"


def sealed_for(event_id: str) -> str:
    """The name of a secret that an act made up, until the card has the secret."""
    return f"act {event_id}"
