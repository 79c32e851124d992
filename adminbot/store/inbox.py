"""Messages from people, kept until answered."""

from collections.abc import Iterable
from dataclasses import dataclass

import aiosqlite

from adminbot.store.acts import Acts
from adminbot.store.audit import Audit, Entry
from adminbot.store.database import Database
from adminbot.store.facts import Facts
from adminbot.store.questions import Question, Questions

# As the partial index `inbox_open`: answered messages, which stay for ever, cost no time.
_OPEN = "SELECT event_id, content, reply FROM inbox WHERE content IS NOT NULL"


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message that wants an answer.

    `content`: the message as JSON. `reply`: the answer as JSON, once decided. `megolm`: for
    `Inbox.receive` only, "sender_key session_id index" of the ciphertext, None without one.
    """

    event_id: str
    content: str
    reply: str | None
    megolm: str | None = None


class Inbox:
    """The table of messages; an answered message keeps its row and loses its content."""

    def __init__(
        self, db: Database, facts: Facts, acts: Acts, questions: Questions, audit: Audit
    ) -> None:
        self._db = db
        self._audit = audit
        self._facts = facts
        self._acts = acts
        self._questions = questions

    async def receive(self, messages: Iterable[InboxMessage], *, since: str) -> list[str]:
        """Store messages and the sync token `since` at once; returns the event ids new to us.

        A message stored before is not stored again, nor is a ciphertext that came before under
        another event id (a replay).
        """
        # One transaction: a token without the messages would lose them, since the server does not
        # send them again; messages without the token come again and are known by their ids.
        fresh = []
        async with self._db.transaction():
            for message in messages:
                # Two unique columns can conflict: the event id, and the place of a ciphertext in
                # its megolm session.
                # max(rowid): SQLite reads the last row, while no index has every position.
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
        """The messages not answered yet, in order of arrival."""
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
        self,
        event_id: str,
        reply: str,
        outcome: str,
        question: Question | None = None,
        refusal: Entry | None = None,
    ) -> None:
        """Store the answer until it is sent, and end the message's act, if any, at once.

        `refusal`: for the audit, where no act was begun.
        A `question` in the answer is stored, too, before the answer is sent: a quick reply must
        find the question, and a settled question must not come back when the answer is sent once
        more after a crash.
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
            if refusal:
                await self._audit.put(refusal)

    async def answered(self, event_id: str) -> None:
        """The answer is out: forget message and answer."""
        # The row stays: the event id and the place in the megolm session refuse a replay.
        await self._db.write(
            "UPDATE inbox SET content = NULL, reply = NULL WHERE event_id = ?", event_id
        )

    async def settle(
        self, questions: Iterable[Question], *, event_id: str, content: str, reply: str | None
    ) -> None:
        """Drop answered questions and replace the content of the answering message, at once.

        `content`: the confirmed command as JSON, to be carried out next. `reply`: the answer, if
        decided already. After a crash the questions are still open, or everything is settled.
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
