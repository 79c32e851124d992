"""Logins of a card with several: each sealed as soon as there is one, until the card is made."""

from adminbot.store.database import Database
from adminbot.values.ids import UserId


class Sections:
    """The table of sections, by the event id of the command's message and by bot."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def of(self, event_id: str) -> list[str]:
        """The sections that one command has made so far, by user id."""
        rows = await self._db.all(
            "SELECT content FROM section WHERE event_id = ? ORDER BY bot", event_id
        )
        return [self._db.open("section", row["content"]) for row in rows]

    async def add(self, event_id: str, bot: UserId, content: str) -> None:
        """Within a transaction: seal and store a section."""
        await self._db.execute(
            "INSERT INTO section (event_id, bot, content) VALUES (?, ?, ?)",
            event_id,
            str(bot),
            self._db.seal("section", content),
        )

    async def void(self, bot: UserId) -> bool:
        """Within a transaction: forget the bot's sections, since the secrets on them are dead.

        Returns whether there was one; if so, the caller has to scrub.
        """
        dropped = await self._db.execute("DELETE FROM section WHERE bot = ?", str(bot))
        return dropped.rowcount > 0

    async def forget(self, event_id: str) -> None:
        """Within a transaction: the card is made."""
        await self._db.execute("DELETE FROM section WHERE event_id = ?", event_id)
