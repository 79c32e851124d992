"""Private files that are written whole, and one setting in the env file that is changed."""

import stat
from pathlib import Path

import pytest

from adminbot.config.sources import read_env_file
from adminbot.setup.env_file import replace_values


@pytest.mark.parametrize(
    ("text", "then"),
    [
        ("A=1\nADMINBOT_ROOM='!a:x'\nB=2", "A=1\nADMINBOT_ROOM='!b:x'\nB=2\n"),
        ("A=1", "A=1\nADMINBOT_ROOM='!b:x'\n"),
        ("", "ADMINBOT_ROOM='!b:x'\n"),
        (
            "# ADMINBOT_ROOM=!c:x\n export ADMINBOT_ROOM = !a:x\nADMINBOT_ROOM=!a:x\n",
            "# ADMINBOT_ROOM=!c:x\nADMINBOT_ROOM='!b:x'\n",
        ),
        ("ADMINBOT_ROOMS=7\n", "ADMINBOT_ROOMS=7\nADMINBOT_ROOM='!b:x'\n"),
    ],
)
def test_one_setting_is_changed_and_nothing_else(tmp_path: Path, text: str, then: str) -> None:
    file, link = tmp_path / "env", tmp_path / "link"
    file.write_text(text)
    file.chmod(0o640)
    link.symlink_to(file)
    replace_values(link, {"ADMINBOT_ROOM": "!b:x"})
    assert file.read_text() == then
    assert read_env_file(file)["ADMINBOT_ROOM"] == "!b:x"
    assert link.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
