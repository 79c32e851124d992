"""Older files are brought up to date, newer ones refused."""

import sqlite3
from pathlib import Path

import pytest

from adminbot.errors import SetupError
from adminbot.store import Pin, schema
from adminbot.store.schema import MIGRATIONS
from tests.unit.store.samples import BOT, NANO, WHEN, YOU, opened

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("done", range(len(MIGRATIONS)))
async def test_every_older_version_is_brought_up_to_date(done: int, data_dir: Path) -> None:
    db = sqlite3.connect(data_dir / "adminbot.db")
    for script in MIGRATIONS[:done]:
        db.executescript(script)
    db.execute(f"PRAGMA user_version = {done}")
    db.commit()
    db.close()

    async with opened(data_dir) as store:
        await store.bots.add(BOT)
        assert await store.bots.all() == [BOT]


async def test_a_newer_version_is_refused_and_left_as_it_is(data_dir: Path) -> None:
    async with opened(data_dir):
        pass
    db = sqlite3.connect(data_dir / "adminbot.db")
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(SetupError, match="newer adminbot"):
        async with opened(data_dir):
            pass

    db = sqlite3.connect(data_dir / "adminbot.db")
    assert db.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
    db.close()


async def test_a_migration_may_end_in_a_comment(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = (*MIGRATIONS, "CREATE TABLE more (name TEXT) STRICT; -- what for")
    monkeypatch.setattr(schema, "MIGRATIONS", added)
    async with opened(data_dir) as store:
        await store.facts.set("since", "s1")
    db = sqlite3.connect(data_dir / "adminbot.db")
    assert db.execute("PRAGMA user_version").fetchone() == (len(added),)
    assert db.execute("SELECT count(*) FROM more").fetchone() == (0,)
    db.close()


async def test_a_file_of_the_first_version_is_brought_up_to_date(data_dir: Path) -> None:
    db = sqlite3.connect(data_dir / "adminbot.db")
    db.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
    made = WHEN.isoformat()
    row = (str(NANO), "Nano", "NANO1", 0, str(YOU), made, made, None)
    db.execute("INSERT INTO bot VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
    db.execute("INSERT INTO pin VALUES (?, ?, ?)", (str(YOU), "one", made))
    db.commit()
    db.close()
    async with opened(data_dir) as store:
        assert await store.bots.all() == [BOT]
        assert await store.pins.find(str(YOU)) == Pin("one", verified=False, alarmed=None)
