"""A data directory, and the store that is open on it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.store import Store
from tests.unit.store.samples import opened


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.mkdir()
    return path


@pytest.fixture
async def store(data_dir: Path) -> AsyncIterator[Store]:
    async with opened(data_dir) as store:
        yield store
