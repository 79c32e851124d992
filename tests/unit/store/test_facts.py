"""Small values and sealed secrets."""

import sqlite3
from pathlib import Path

import pytest

from adminbot.errors import SetupError
from tests.unit.store.samples import opened

pytestmark = pytest.mark.anyio


async def test_a_sealed_secret_cannot_be_moved_to_another_name(data_dir: Path) -> None:
    async with opened(data_dir) as store:
        await store.sealed.set("seeds", "abc")
        await store.sealed.set("healed session", "x")
    db = sqlite3.connect(data_dir / "adminbot.db")
    db.execute("UPDATE sealed SET blob = (SELECT blob FROM sealed WHERE name = 'seeds')")
    db.commit()
    db.close()

    async with opened(data_dir) as store:
        assert await store.sealed.get("seeds") == "abc"
        with pytest.raises(SetupError):
            await store.sealed.get("healed session")
