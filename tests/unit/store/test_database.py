"""Transactions: all of it, or nothing."""

import pytest

from adminbot.store import InboxMessage, Store

pytestmark = pytest.mark.anyio


async def test_a_failed_transaction_leaves_nothing_behind(store: Store) -> None:
    """Half a surrogate pair is no text to SQLite: the whole of it is undone, and it goes on."""
    with pytest.raises(UnicodeEncodeError):
        await store.inbox.receive(
            [InboxMessage("$a", "1", None), InboxMessage("\ud800", "2", None)], since="s2"
        )
    assert await store.inbox.unanswered() == []
    assert await store.facts.get("since") is None

    assert await store.inbox.receive([InboxMessage("$a", "1", None)], since="s3") == ["$a"]
