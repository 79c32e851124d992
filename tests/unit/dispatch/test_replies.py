"""An answer is given once, a question that nobody saw is none. See tests/desk.py."""

from pathlib import Path

import pytest

from adminbot.chat.incoming import TEXT, Incoming
from adminbot.dispatch.router import Reply
from adminbot.store import InboxMessage
from tests.desk import ROOM, YOU, Desk, Server, a_desk, token_of

pytestmark = pytest.mark.anyio

PONG = "🏓 pong"


async def test_an_answer_that_is_given_again_asks_nothing_again(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        await token_of(desk, "!newbot nano")
        asked = await desk.says("!revoke nano")
        await desk.chat.answers(asked)
        await desk.question()
        await desk.settled()
        await desk.asks("nano")
        reply = Reply("sure?", ask="nano", tap=True).to_json()
        content = Incoming(asked, ROOM, str(YOU), TEXT, "!revoke nano", True, True).to_json()
        await desk.unanswer(InboxMessage(asked, content, None))
        sealed = desk.store._db.seal("reply", reply)
        await desk.store._db.write("UPDATE inbox SET reply = ? WHERE event_id = ?", sealed, asked)
    async with a_desk(tmp_path, server) as desk:
        await desk.chat.answers(asked)
        await desk.settled()
        assert not await desk.store.questions.of(YOU)


async def test_a_question_that_nobody_saw_is_not_answered(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    desk.chat.refuses = True
    await desk.says("!deletebot nano")
    await desk.settled()
    desk.chat.refuses = False
    await desk.says("nano")
    await desk.settled()
    assert desk.server.alive(token)


async def test_refusals_are_not_given_without_end(desk: Desk) -> None:
    for _ in range(30):
        await desk.says("!ping", encrypted=False, trusted=False)
    await desk.settled()
    assert len(desk.chat.told) == 10
    assert await desk.asks("!ping") == PONG
