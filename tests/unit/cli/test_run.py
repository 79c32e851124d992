"""`adminbot run` where it cannot start: one line and an exit code."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import adminbot

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("word", ["run", "unlock"])
async def test_an_env_file_that_is_not_there_is_named(tmp_path: Path, word: str) -> None:
    code, _, err = await adminbot(word, "--env-file", tmp_path / "no.env")

    assert code == 1
    assert f"There is no env file {tmp_path / 'no.env'}." in err
    assert "ADMINBOT_HOMESERVER is missing" in err


async def test_a_data_directory_that_cannot_be_written_is_told(directory: Path) -> None:
    """As a person who may only read it; root needs its powers taken away for that."""
    data = directory / "data"
    data.mkdir()
    env = directory / "env"
    values = {
        "HOMESERVER": "http://127.0.0.1:9",
        "USER_ID": "@a:example.test",
        "DEVICE_ID": "A",
        "ACCESS_TOKEN": "syt_x",
        "STORE_KEY": "A" * 43 + "=",
        "ROOM": "!r",
        "ADMINS": "@you:example.test",
        "DATA_DIR": str(data),
    }
    env.write_text("".join(f"ADMINBOT_{name}={value}\n" for name, value in values.items()))
    env.chmod(0o600)
    data.chmod(0o500)
    powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    command = [*powerless, sys.executable, "-m", "adminbot", "run", "--env-file", str(env)]
    ran = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=30, check=False
    )
    data.chmod(0o700)
    assert ran.returncode == 1, ran.stderr
    assert f"{data} cannot be written" in ran.stderr
    assert ran.stderr.count("\n") == 1
