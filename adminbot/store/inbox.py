"""Messages from people, kept until they are answered."""

from collections.abc import Iterable
from dataclasses import dataclass

import aiosqlite

from adminbot.store.acts import Acts
from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.store.questions import Question, Questions

_OPEN = "SELECT event_id, content, reply FROM inbox WHERE content IS NOT NULL"


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message that wants an answer: JSON as the message came, and the answer once decided."""

    event_id: str
    content: str
    reply: str | None
    megolm: str | None = None


class Inbox:
    """The inbox: what it holds is in work, and an answer given empties it."""

    def __init__(self, db: Database, facts: Facts, acts: Acts, questions: Questions) -> None:
        self._db = db
        self._facts = facts
        self._acts = acts
        self._questions = questions

    async def receive(self, messages: Iterable[InboxMessage], *, since: str) -> list[str]:
        """Take messages in and move the sync token on, at once; returns the event ids new to us.

        A message that came before, or whose ciphertext came before under another event id
        (a replay), is not taken in again.
        """
        fresh = []
        async with self._db.transaction():
            for message in messages:
                # Either key may be there already: the event id, or megolm's place of a ciphertext.
                cursor = await self._db.execute(
                    "INSERT INTO inbox (event_id, position, content, megolm) "
                    "VALUES (?, (SELECT coalesce(max(rowid), 0) + 1 FROM inbox), ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    message.event_id,
                    self._db.seal("inbox", message.content),
                    message.megolm,
                )
                if cursor.rowcount:
                    fresh.append(message.event_id)
            await self._facts.put("since", since)
        return fresh

    async def unanswered(self) -> list[InboxMessage]:
        """Messages taken in and not answered yet, in order of arrival."""
        rows = await self._db.all(f"{_OPEN} ORDER BY position")
        return [self._opened(row) for row in rows]

    async def find_unanswered(self, event_id: str) -> InboxMessage | None:
        row = await self._db.one(f"{_OPEN} AND event_id = ?", event_id)
        return self._opened(row) if row else None

    def _opened(self, row: aiosqlite.Row) -> InboxMessage:
        return InboxMessage(
            row["event_id"],
            self._db.open("inbox", row["content"]),
            row["reply"] and self._db.open("reply", row["reply"]),
        )

    async def decided(
        self, event_id: str, reply: str, outcome: str, question: Question | None = None
    ) -> None:
        """Keep the answer until it is out, and close the act if there is one, at once.

        With the `question` that the answer asks: a quick reply to it must find it, and a
        question that was settled must not come back when the answer is given once more.
        """
        async with self._db.transaction():
            await self._db.execute(
                "UPDATE inbox SET reply = ? WHERE event_id = ?",
                self._db.seal("reply", reply),
                event_id,
            )
            await self._acts.end(event_id, outcome)
            if question:
                await self._questions.put(question)

    async def answered(self, event_id: str) -> None:
        """The answer is out: forget what was asked and what was said."""
        await self._db.write(
            "UPDATE inbox SET content = NULL, reply = NULL WHERE event_id = ?", event_id
        )

    async def settle(
        self, questions: Iterable[Question], *, event_id: str, content: str, reply: str | None
    ) -> None:
        """Questions are answered, and the answering event becomes `content`.

        `content` is the confirmed command; or, with `reply`, it is decided what is said. All at
        once: after a crash the answer either still waits for its question, or is settled.
        """
        async with self._db.transaction():
            for question in questions:
                await self._questions.forget(question)
            await self._db.execute(
                "UPDATE inbox SET content = ?, reply = ? WHERE event_id = ?",
                self._db.seal("inbox", content),
                reply and self._db.seal("reply", reply),
                event_id,
            )
