"""Open questions: a person has been asked, and has not answered yet."""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

import aiosqlite

from adminbot.store.database import Database
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class Question:
    """A question that holds a command back until the person has answered.

    `event_id`: the question's own, or "about $command" before the question is sent. `line`: the
    command line in question. `answer`: the name or fingerprint in the question, whose last word
    is to be typed. `tap`: a ✅ under the question will do, too. `megolm`: "sender_key session_id
    index" of the command.
    """

    asked_of: UserId
    room_id: str
    event_id: str
    line: str
    answer: str
    expires_at: datetime
    tap: bool = False
    megolm: str | None = None

    @classmethod
    def from_row(cls, row: aiosqlite.Row) -> Self:
        return cls(
            asked_of=UserId.parse(row["asked_of"]),
            room_id=row["room_id"],
            event_id=row["event_id"],
            line=row["line"],
            answer=row["answer"],
            expires_at=datetime.fromisoformat(row["expires_at"]),
            tap=bool(row["tap"]),
            megolm=row["megolm"],
        )


class Questions:
    """The table of questions, by person, room and answer."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def ask(self, question: Question) -> None:
        """Store a question; an open question with the same answer in the same room is replaced."""
        async with self._db.transaction():
            await self.put(question)

    async def put(self, question: Question) -> None:
        """Within a transaction: as `ask`."""
        await self._db.execute(
            "INSERT INTO question "
            "(asked_of, room_id, event_id, line, answer, expires_at, tap, megolm) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (asked_of, room_id, answer) DO UPDATE SET event_id = excluded.event_id, "
            "line = excluded.line, expires_at = excluded.expires_at, tap = excluded.tap, "
            "megolm = excluded.megolm",
            str(question.asked_of),
            question.room_id,
            question.event_id,
            question.line,
            question.answer,
            question.expires_at.isoformat(),
            int(question.tap),
            question.megolm,
        )

    async def asked(self, noted_as: str, event_id: str, expires_at: str) -> None:
        """Give a sent question, stored under `noted_as`, its event id and its time.

        A question answered or replaced meanwhile stays gone.
        """
        # The answer can overtake the server's response to our send: UPDATE, and no INSERT.
        await self._db.write(
            "UPDATE question SET event_id = ?, expires_at = ? WHERE event_id = ?",
            event_id,
            expires_at,
            noted_as,
        )

    async def drop(self, event_id: str) -> None:
        """Forget a question that was not sent after all."""
        await self._db.write("DELETE FROM question WHERE event_id = ?", event_id)

    async def forget(self, question: Question) -> None:
        """Within a transaction: the question is answered."""
        await self._db.execute("DELETE FROM question WHERE event_id = ?", question.event_id)

    async def withdraw(self, asked_of: UserId, room_id: str, answer: str) -> None:
        """Forget the person's question in the room with this answer, if there is one."""
        await self._db.write(
            "DELETE FROM question WHERE asked_of = ? AND room_id = ? AND answer = ?",
            str(asked_of),
            room_id,
            answer,
        )

    async def only_typed(self, question: Question) -> None:
        """Let only the typed word answer this question from now on, and no tap."""
        await self._db.write("UPDATE question SET tap = 0 WHERE event_id = ?", question.event_id)

    async def of(self, asked_of: UserId) -> list[Question]:
        """The person's open questions, expired ones included."""
        rows = await self._db.all("SELECT * FROM question WHERE asked_of = ?", str(asked_of))
        return [Question.from_row(row) for row in rows]
