"""`adminbot audit`: lines, JSON, and the word that cuts."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from adminbot.cli import main
from adminbot.store import SHELL, Entry, Kind, open_store
from adminbot.values.secret import Sealer, new_store_key


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    key = new_store_key()
    settings = {
        "HOMESERVER": "http://127.0.0.1:1",
        "USER_ID": "@adminbot:example.org",
        "DEVICE_ID": "DEV",
        "ACCESS_TOKEN": "syt_x",
        "STORE_KEY": key.reveal(),
        "ROOM": "!abcdefghijkl:example.org",
        "ADMINS": "@you:example.org",
        "DATA_DIR": str(tmp_path / "data"),
    }
    path = tmp_path / "env"
    path.write_text("".join(f"ADMINBOT_{name}={value}\n" for name, value in settings.items()))
    path.chmod(0o600)
    (tmp_path / "data").mkdir(mode=0o700)
    asyncio.run(fill(tmp_path / "data", Sealer.from_base64(key)))
    return path


async def fill(data_dir: Path, sealer: Sealer) -> None:
    async with open_store(data_dir, sealer) as store:
        await store.audit.add(
            Entry(
                Kind.CHANGE,
                "@you:example.org",
                "rotate",
                "@nano:example.org",
                device="PHONE",
                event_id="$1",
            )
        )
        await store.audit.add(Entry(Kind.ALARM, "adminbot", "other \u202ekeys", outcome="told"))


def run(capsys: pytest.CaptureFixture[str], env_file: Path, *words: str) -> tuple[int, str, str]:
    code = main(["audit", "--env-file", str(env_file), *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_lines(capsys: pytest.CaptureFixture[str], env_file: Path) -> None:
    code, out, _ = run(capsys, env_file)
    first, second = out.splitlines()
    assert code == 0
    assert first.endswith("change  @you:example.org on PHONE  rotate  @nano:example.org  done")
    assert second.endswith("alarm  adminbot  other \\u202ekeys  told")
    assert run(capsys, env_file, "nano")[1] == f"{first}\n"
    assert run(capsys, env_file, "@nano:example.org")[1] == f"{first}\n"
    assert run(capsys, env_file, "nobody")[1] == ""


def test_json_is_an_object_a_line(capsys: pytest.CaptureFixture[str], env_file: Path) -> None:
    _, out, _ = run(capsys, env_file, "--json", "--since", "30d")
    first, _ = map(json.loads, out.splitlines())
    assert first.keys() == {
        *("at", "ended_at", "who", "device", "kind", "what", "target", "outcome", "event_id")
    }
    assert (first["who"], first["device"], first["event_id"]) == (
        "@you:example.org",
        "PHONE",
        "$1",
    )


@pytest.mark.parametrize("words", [["--since", "yesterday"], ["--prune", "x", "--yes"]])
def test_a_time_that_is_none(
    capsys: pytest.CaptureFixture[str], env_file: Path, words: list[str]
) -> None:
    code, _, err = run(capsys, env_file, *words)
    assert code == 2
    assert "wants a time such as 30d" in err


def test_nothing_is_cut_off_unasked(capsys: pytest.CaptureFixture[str], env_file: Path) -> None:
    code, _, err = run(capsys, env_file, "--prune", "1h")
    assert code == 1
    assert "Add --yes" in err
    assert len(run(capsys, env_file)[1].splitlines()) == 2
    code, out, _ = run(capsys, env_file, "--prune", "1h", "--yes")
    assert code == 0
    assert "0 entries cut off." in out
    assert f"{SHELL}  prune 0 entries" in run(capsys, env_file)[1]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--yes"], "--yes goes with --prune"),
        (["--prune", "1d", "--json"], "with --yes only"),
        (["--prune", "1d", "--since", "1d"], "with --yes only"),
        (["nano", "--prune", "1d"], "with --yes only"),
        (["@"], "is no name"),
        (["a b"], "is no name"),
        (["@a:b:c d"], "is no name"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(
    capsys: pytest.CaptureFixture[str], env_file: Path, words: list[str], why: str
) -> None:
    code, out, err = run(capsys, env_file, *words)
    assert (code, out) == (2, "")
    assert why in err


@pytest.mark.parametrize("long", ["999999w", "999999w" * 3, "99999d"])
def test_the_longest_time_is_all_of_it(
    capsys: pytest.CaptureFixture[str], env_file: Path, long: str
) -> None:
    code, out, err = run(capsys, env_file, "--since", long)
    assert (code, len(out.splitlines())) == (0, 2) or (code, "wants a time" in err) == (2, True)


def test_the_reader_may_leave(env_file: Path) -> None:
    """As in `adminbot audit | head -1`: no word of it, and exit code 0."""
    read, write = os.pipe()
    os.close(read)
    words = [sys.executable, "-m", "adminbot", "audit", "--env-file", str(env_file)]
    done = subprocess.run(words, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")


def test_without_a_state_nothing_is_made(
    capsys: pytest.CaptureFixture[str], env_file: Path, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "data")
    code, _, err = run(capsys, env_file)
    assert code == 1
    assert "There is no state in" in err
    assert not (tmp_path / "data").exists()


def test_the_lifting_of_a_lockdown_and_a_backup_are_noted(
    capsys: pytest.CaptureFixture[str], env_file: Path, tmp_path: Path
) -> None:
    assert main(["unlock", "--env-file", str(env_file)]) == 0
    assert SHELL not in run(capsys, env_file)[1], "nothing was locked"
    assert main(["backup", str(tmp_path / "file"), "--env-file", str(env_file)]) == 0
    assert "change  shell  backup  done" in run(capsys, env_file)[1]
