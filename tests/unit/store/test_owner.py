"""One process per data directory."""

from pathlib import Path

import pytest

from adminbot.errors import SetupError
from tests.unit.store.samples import opened

pytestmark = pytest.mark.anyio


async def test_a_second_owner_is_refused_while_the_first_one_lives(data_dir: Path) -> None:
    async with opened(data_dir) as first:
        with pytest.raises(SetupError, match="Another adminbot already runs"):
            async with opened(data_dir):
                pass
        await first.inbox.receive([], since="mine")
    async with opened(data_dir) as second:
        assert await second.facts.get("since") == "mine"


async def test_a_directory_that_cannot_be_is_our_own_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot be written"):
        async with opened(tmp_path / "file" / "data"):
            pass
