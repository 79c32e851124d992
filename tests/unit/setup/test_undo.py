"""The files that `setup --undo` removes."""

from pathlib import Path

import pytest

from adminbot.errors import SetupError
from adminbot.setup.undo import remove_files
from adminbot.store.owner import SoleOwner
from tests.unit.config.good import settings


def test_under_a_service_that_was_started_meanwhile_nothing_goes(tmp_path: Path) -> None:
    data, env = tmp_path / "data", tmp_path / "env"
    data.mkdir()
    (data / "adminbot.db").touch()
    env.write_text("ADMINBOT_ROOM=!r\n")
    with SoleOwner(data), pytest.raises(SetupError, match="already runs"):
        remove_files(settings(DATA_DIR=str(data)), env, print)
    assert (data / "adminbot.db").exists()
    assert env.exists()
