"""What the doctor opens of an adminbot that does not serve, and what it leaves alone."""

import os
from pathlib import Path

import pytest

from adminbot.doctor.subject import NOT_RUNNING, SILENT, STARTING, from_outside
from adminbot.errors import SetupError
from adminbot.store import Store, open_store
from tests.unit.config.good import settings

pytestmark = pytest.mark.anyio


async def test_where_no_state_is_none_is_made(tmp_path: Path) -> None:
    async with from_outside(settings(DATA_DIR=str(tmp_path / "none"))) as subject:
        assert "There is no state" in str(subject.opened_store)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(
    ("service", "is_opened"), [(NOT_RUNNING, True), (STARTING, True), (SILENT, False)]
)
async def test_beside_a_service_of_any_version_the_state_stays_closed(
    service: SetupError, is_opened: bool, tmp_path: Path
) -> None:
    there = settings(DATA_DIR=str(tmp_path))
    async with open_store(tmp_path, there.sealer):
        pass
    async with from_outside(there, service) as subject:
        assert isinstance(subject.opened_store, Store) is is_opened


async def test_another_users_state_stays_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that we leave there would be ours, and the service could not write them."""
    there = settings(DATA_DIR=str(tmp_path))
    async with open_store(tmp_path, there.sealer):
        pass
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    async with from_outside(there) as subject:
        assert "is another user's" in str(subject.opened_store)
