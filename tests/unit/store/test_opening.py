"""Opening a data directory: made, found, refused."""

import sqlite3
from pathlib import Path

import pytest

from adminbot.errors import SetupError
from adminbot.store import InboxMessage
from adminbot.store.schema import MIGRATIONS
from tests.unit.store.samples import BOT, TOKEN, YOU, opened

pytestmark = pytest.mark.anyio


async def test_an_empty_directory_becomes_a_store_of_the_newest_version(data_dir: Path) -> None:
    async with opened(data_dir / "deep" / "er") as store:
        await store.inbox.receive([], since="s1")
    async with opened(data_dir / "deep" / "er") as store:
        assert await store.facts.get("since") == "s1"
        assert await store.facts.get("other") is None
    with sqlite3.connect(data_dir / "deep/er/adminbot.db") as db:
        assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    db.close()
    assert (data_dir / "deep/er").stat().st_mode & 0o777 == 0o700


async def test_a_file_that_is_no_database_is_our_own_error(data_dir: Path) -> None:
    (data_dir / "adminbot.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(SetupError):
        async with opened(data_dir):
            pass


async def test_another_store_key_is_named_for_everything_that_was_sealed(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        await store.sealed.set("seeds", "abc")
        await store.hand_over(BOT, event_id="$e", reader=YOU, card=TOKEN)
        await store.inbox.receive([InboxMessage("$e", "!ping", None)], since="s")

    async with opened(data_dir, bytes(32)) as store:
        for ask in (store.sealed.get("seeds"), store.cards.open(), store.inbox.unanswered()):
            with pytest.raises(SetupError, match="another ADMINBOT_STORE_KEY"):
                await ask
