"""Wrong use of the command line, as typed in a shell: a line and an exit code."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from adminbot import cli
from tests.world import adminbot

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "WORD"),
        (("fly",), 2, "invalid choice"),
        (("setup", "--non-interactive"), 2, "--homeserver; --admin; one of --shared-secret-file"),
        (("setup", "--homeserver", "nonsense"), 2, "a base URL looks like"),
        (("setup", "--homeserver", "http://127.0.0.1:1", "--admin", "you"), 2, "a full user id"),
        (("setup",), 2, "nobody to ask"),
        (("run", "--env-file", "/nowhere/.env"), 1, "ADMINBOT_HOMESERVER is missing"),
    ],
)
async def test_wrong_use_is_a_line_and_an_exit_code(
    tmp_path: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    env = (
        ()
        if not words or words[0] == "fly" or "--env-file" in words
        else ("--env-file", tmp_path / "env")
    )
    got, out, err = await adminbot(*words, *env)

    assert got == code
    assert said in err
    assert "Traceback" not in out + err


async def test_the_version_names_the_program() -> None:
    code, out, _ = await adminbot("--version")
    assert code == 0
    assert out.startswith("adminbot 0.")


_DOCTOR = (sys.executable, "-m", "adminbot", "doctor", "--env-file")


def test_a_terminal_without_emoji_gets_their_numbers(tmp_path: Path) -> None:
    plain = os.environ | {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run((*_DOCTOR, tmp_path / "none"), env=plain, capture_output=True)
    assert ended.returncode == 1
    assert ended.stdout.startswith(rb"\u274c settings: There is no env file")
    assert b"a bug" not in ended.stderr


def test_whoever_reads_no_further_is_told_no_bug(tmp_path: Path) -> None:
    """As in `adminbot doctor | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    command = (*_DOCTOR, tmp_path / "none")
    ended = subprocess.run(command, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (1, b"")


def test_a_service_that_a_broken_connection_ends_starts_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By its exit code systemd does."""

    async def breaks(_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr(cli, "_carry_out", breaks)
    for of, name in ((resource, "setrlimit"), (os, "umask")):  # this process lives on
        monkeypatch.setattr(of, name, lambda *_: None)
    assert cli.main(["run"]) == cli.A_BUG
