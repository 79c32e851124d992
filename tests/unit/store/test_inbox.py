"""Messages are taken in once, and kept until they are answered."""

from dataclasses import replace
from pathlib import Path

import pytest

from adminbot.store import InboxMessage, Store
from tests.unit.store.samples import YOU, found_in_files, question

pytestmark = pytest.mark.anyio


async def test_a_message_is_taken_in_once_in_order_and_with_the_sync_token(store: Store) -> None:
    letters = [InboxMessage("$b", "1", None, "k s 0"), InboxMessage("$a", "2", None, "k s 1")]
    assert await store.inbox.receive(letters, since="s1") == ["$b", "$a"]
    assert await store.inbox.receive([*letters, InboxMessage("$c", "3", None)], since="s2") == [
        "$c"
    ]

    assert [letter.content for letter in await store.inbox.unanswered()] == ["1", "2", "3"]
    assert await store.facts.get("since") == "s2"


async def test_an_answered_message_does_not_come_again(store: Store) -> None:
    letter = InboxMessage("$a", "!newbot x", None, "k s 0")
    await store.inbox.receive([letter], since="s1")
    await store.inbox.answered("$a")

    assert await store.inbox.receive([letter], since="s2") == []
    assert await store.inbox.unanswered() == []


async def test_the_same_ciphertext_under_another_event_id_is_not_taken_in(store: Store) -> None:
    assert await store.inbox.receive([InboxMessage("$a", "!newbot x", None, "k s 0")], since="s1")
    await store.inbox.answered("$a")

    assert (
        await store.inbox.receive([InboxMessage("$b", "!newbot x", None, "k s 0")], since="s2")
        == []
    )
    assert await store.inbox.receive(
        [InboxMessage("$c", "!newbot x", None, "k s 1")], since="s3"
    ) == ["$c"]
    assert await store.inbox.receive([InboxMessage("$d", "x", None, "k t 0")], since="s4") == [
        "$d"
    ]


async def test_many_messages_without_a_ciphertext_are_all_taken_in(store: Store) -> None:
    letters = [InboxMessage(f"${n}", "reaction", None, None) for n in range(5)]

    assert len(await store.inbox.receive(letters, since="s")) == 5


async def test_a_message_rests_sealed_and_is_forgotten_once_it_is_answered(
    store: Store, data_dir: Path
) -> None:
    await store.inbox.receive([InboxMessage("$a", "hunter2 typed", None)], since="s")
    await store.inbox.decided("$a", "hunter2 answered", "done")
    [letter] = await store.inbox.unanswered()
    assert (letter.content, letter.reply) == ("hunter2 typed", "hunter2 answered")
    await store.inbox.answered("$a")

    assert await store.inbox.unanswered() == []
    assert found_in_files(data_dir, b"hunter2") == []


async def test_an_agreed_question_becomes_the_message_that_answered_it(store: Store) -> None:
    other = replace(question("other"), event_id="$2")
    await store.questions.ask(question())
    await store.questions.ask(other)
    await store.inbox.receive([InboxMessage("$yes", "yes", None)], since="s")
    await store.inbox.settle(
        [question()], event_id="$yes", content="confirmed: revoke nano", reply=None
    )

    assert await store.questions.of(YOU) == [other]
    assert [letter.content for letter in await store.inbox.unanswered()] == [
        "confirmed: revoke nano"
    ]


async def test_a_declined_question_and_what_is_said_of_that_are_noted_at_once(
    store: Store,
) -> None:
    await store.questions.ask(question())
    await store.inbox.receive([InboxMessage("$no", "no", None)], since="s")
    await store.inbox.settle([question()], event_id="$no", content="no", reply="left as it is")

    assert await store.questions.of(YOU) == []
    [letter] = await store.inbox.unanswered()
    assert (letter.content, letter.reply) == ("no", "left as it is")
