"""What the checks make of the service's last sync, and of a disk that fills."""

import shutil
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adminbot.doctor import local
from adminbot.doctor.finding import Level
from adminbot.doctor.subject import NOT_RUNNING, SILENT, STARTING
from adminbot.errors import SetupError, StateError
from adminbot.values.clock import now

pytestmark = pytest.mark.anyio


def subject(**parts: Any) -> Any:
    return SimpleNamespace(**parts)


@pytest.mark.parametrize(("age_s", "level"), [(0, Level.OK), (119, Level.OK), (121, Level.ERROR)])
async def test_an_old_sync_is_an_error(age_s: int, level: Level) -> None:
    found = await local.service(subject(synced_at=now() - timedelta(seconds=age_s)))
    assert found.level is level


@pytest.mark.parametrize(
    ("free_mib", "level"), [(201, Level.OK), (199, Level.WARNING), (19, Level.ERROR)]
)
async def test_little_space_is_told_before_there_is_none(
    free_mib: int, level: Level, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = SimpleNamespace(free=free_mib * 2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    found = await local.data_directory(subject(settings=SimpleNamespace(data_dir=tmp_path)))
    assert found.level is level
    assert f"{free_mib} MiB free" in found.text


async def test_a_data_directory_that_is_not_there_is_told(tmp_path: Path) -> None:
    settings = SimpleNamespace(data_dir=tmp_path / "none")
    found = await local.data_directory(subject(settings=settings))
    assert (found.level, found.remedy) == (Level.ERROR, "Check ADMINBOT_DATA_DIR.")


async def test_a_data_directory_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings = SimpleNamespace(data_dir=tmp_path / "file")
    found = await local.data_directory(subject(settings=settings))
    assert (found.level, found.text) == (Level.ERROR, f"{tmp_path / 'file'} is a file")


async def test_an_open_directory_does_not_hide_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    tmp_path.chmod(0o755)  # noqa: ASYNC240  # a test may block
    found = await local.data_directory(subject(settings=SimpleNamespace(data_dir=tmp_path)))
    assert found.level is Level.ERROR


@pytest.mark.parametrize(
    ("why", "level"),
    [(NOT_RUNNING, Level.WARNING), (STARTING, Level.WARNING), (SILENT, Level.ERROR)],
)
async def test_a_service_that_hangs_is_an_error(why: SetupError, level: Level) -> None:
    assert (await local.service(subject(synced_at=why))).level is level


async def test_a_state_that_cannot_be_written_does_not_go_on_by_itself() -> None:
    """The words for the chat promise that, and a stopped service keeps no promise."""

    async def fails() -> None:
        raise StateError

    store = SimpleNamespace(check_whole=fails)
    found = await local.state(subject(store=store))
    assert (found.level, found.text) == (Level.ERROR, "it cannot be read or written")
    assert "restore it from a backup" in found.remedy
