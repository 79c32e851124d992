"""Messages from people, kept until they are answered, and the questions put to them."""

from collections.abc import Iterable

import aiosqlite

from adminbot.store.acts import Acts
from adminbot.store.rows import InboxMessage, Question, question_of
from adminbot.values.clock import now
from adminbot.values.ids import UserId

_OPEN_LETTERS = "SELECT event_id, content, reply FROM inbox WHERE content IS NOT NULL"


class Inbox(Acts):
    """The inbox: what it holds is in work, and an answer given empties it."""

    async def receive(self, letters: Iterable[InboxMessage], *, since: str) -> list[str]:
        """Take messages in and move the sync token on, at once; returns the event ids new to us.

        A message that came before, or whose ciphertext came before under another event id
        (a replay), is not taken in again.
        """
        fresh = []
        async with self._transaction():
            for letter in letters:
                cursor = await self._db.execute(
                    "INSERT OR IGNORE INTO inbox (event_id, position, content, megolm) "
                    "VALUES (?, (SELECT coalesce(max(rowid), 0) + 1 FROM inbox), ?, ?)",
                    (letter.event_id, self._sealer.seal("inbox", letter.content), letter.megolm),
                )
                if cursor.rowcount:
                    fresh.append(letter.event_id)
            await self._db.execute("INSERT OR REPLACE INTO fact VALUES ('since', ?)", (since,))
        return fresh

    async def unanswered(self) -> list[InboxMessage]:
        """Messages taken in and not answered yet, in order of arrival."""
        rows = await self._all(f"{_OPEN_LETTERS} ORDER BY position")
        return [self._letter(row) for row in rows]

    async def find_unanswered(self, event_id: str) -> InboxMessage | None:
        row = await self._one(f"{_OPEN_LETTERS} AND event_id = ?", event_id)
        return self._letter(row) if row else None

    def _letter(self, row: aiosqlite.Row) -> InboxMessage:
        return InboxMessage(
            row["event_id"],
            self._open("inbox", row["content"]),
            row["reply"] and self._open("reply", row["reply"]),
        )

    async def check_writable(self) -> None:
        """Raises StateError when it is not."""
        await self.set_fact("written", now().isoformat())

    async def decided(
        self, event_id: str, reply: str, outcome: str, question: Question | None = None
    ) -> None:
        """Keep the answer until it is out, and close the act if there is one, at once.

        With the `question` that the answer asks: a quick reply to it must find it, and a
        question that was settled must not come back when the answer is given once more.
        """
        async with self._transaction():
            await self._db.execute(
                "UPDATE inbox SET reply = ? WHERE event_id = ?",
                (self._sealer.seal("reply", reply), event_id),
            )
            await self._end_act(event_id, outcome)
            if question:
                await self._ask(question)

    async def answered(self, event_id: str) -> None:
        """The answer is out: forget what was asked and what was said."""
        await self._write(
            "UPDATE inbox SET content = NULL, reply = NULL WHERE event_id = ?", event_id
        )

    # -- questions

    async def ask(self, question: Question) -> None:
        """Remember what was asked; the same word in the same room is about the newer question."""
        async with self._transaction():
            await self._ask(question)

    async def _ask(self, question: Question) -> None:
        await self._db.execute(
            "INSERT OR REPLACE INTO question VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                str(question.asked_of),
                question.room_id,
                question.event_id,
                question.line,
                question.answer,
                question.expires_at.isoformat(),
                int(question.tap),
                question.megolm,
            ),
        )

    async def asked(self, noted_as: str, event_id: str, expires_at: str) -> None:
        """The question is out; one that was answered or replaced meanwhile stays gone."""
        await self._write(
            "UPDATE question SET event_id = ?, expires_at = ? WHERE event_id = ?",
            event_id,
            expires_at,
            noted_as,
        )

    async def drop_question(self, event_id: str) -> None:
        """Nobody was asked after all."""
        await self._write("DELETE FROM question WHERE event_id = ?", event_id)

    async def only_typed(self, question: Question) -> None:
        """From now on a tap does not answer this question, only the word."""
        await self._write("UPDATE question SET tap = 0 WHERE event_id = ?", question.event_id)

    async def questions(self, asked_of: UserId) -> list[Question]:
        rows = await self._all("SELECT * FROM question WHERE asked_of = ?", str(asked_of))
        return [question_of(row) for row in rows]

    async def settle(
        self, questions: Iterable[Question], *, event_id: str, content: str, reply: str | None
    ) -> None:
        """Questions are answered, and the answering event becomes `content`.

        That is the confirmed command; or, with `reply`, it is decided what is said. Both at once:
        after a crash the answer either still waits for its question, or is settled.
        """
        async with self._transaction():
            for question in questions:
                await self._db.execute(
                    "DELETE FROM question WHERE event_id = ?", (question.event_id,)
                )
            await self._db.execute(
                "UPDATE inbox SET content = ?, reply = ? WHERE event_id = ?",
                (
                    self._sealer.seal("inbox", content),
                    reply and self._sealer.seal("reply", reply),
                    event_id,
                ),
            )
