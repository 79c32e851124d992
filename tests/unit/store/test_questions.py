"""Questions, by person, room and answer."""

from dataclasses import replace

import pytest

from adminbot.store import InboxMessage, Store
from tests.unit.store.samples import NANO, YOU, question

pytestmark = pytest.mark.anyio


async def test_the_same_word_asked_for_again_in_a_room_is_the_newer_question(store: Store) -> None:
    await store.questions.ask(question("nano"))
    await store.questions.ask(replace(question("nano"), line="deletebot nano", event_id="$2"))
    await store.questions.ask(question("other"))
    await store.questions.ask(question("nano", "!other"))

    found = {(q.room_id, q.answer): q.line for q in await store.questions.of(YOU)}
    assert len(found) == 3
    assert found["!r", "nano"] == "deletebot nano"
    assert await store.questions.of(NANO) == []


async def test_a_question_is_withdrawn_alone(store: Store) -> None:
    for asked in (question("nano"), question("other"), question("nano", "!other")):
        await store.questions.ask(asked)
    await store.questions.withdraw(NANO, "!r", "nano")
    await store.questions.withdraw(YOU, "!r", "nano")
    left = {(q.room_id, q.answer) for q in await store.questions.of(YOU)}
    assert left == {("!r", "other"), ("!other", "nano")}


async def test_a_question_that_was_answered_before_it_was_seen_to_be_out_stays_closed(
    store: Store,
) -> None:
    """It is remembered with the answer that asks it; only one that is open learns its event id."""
    noted = replace(question(), event_id="about $cmd")
    await store.inbox.receive(
        [InboxMessage("$cmd", "x", None), InboxMessage("$yes", "yes", None)], since="s"
    )
    await store.inbox.decided("$cmd", "sure?", "done", noted)
    await store.questions.asked("about $cmd", "$q", question().expires_at.isoformat())
    assert await store.questions.of(YOU) == [replace(noted, event_id="$q")]

    await store.inbox.decided("$cmd", "sure?", "done", noted)
    await store.inbox.settle([noted], event_id="$yes", content="yes", reply=None)
    await store.questions.asked("about $cmd", "$q", question().expires_at.isoformat())
    assert await store.questions.of(YOU) == []
