"""`adminbot setup --undo` where it asks no homeserver: flags, files, and what is said of them."""

from pathlib import Path

import pytest

from tests.unit.config.good import GOOD
from tests.world import adminbot

pytestmark = pytest.mark.anyio


def env_file(where: Path, **changed: str) -> Path:
    values = GOOD | {"ADMINBOT_DATA_DIR": str(where / "data")}
    values |= {f"ADMINBOT_{name}": text for name, text in changed.items()}
    path = where / "env"
    path.write_text("".join(f"{name}={text}\n" for name, text in values.items() if text))
    path.chmod(0o600)
    return path


async def undo(env: Path, *more: object, stdin: bytes | None = None) -> tuple[int, str, str]:
    return await adminbot("setup", "--undo", "--env-file", env, *more, stdin=stdin)


FILES = ("--files-only", "--yes", "@adminbot:example.org")


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--homeserver", "http://127.0.0.1:9"), "--homeserver"),
        (("--data-dir", "elsewhere", "--force"), "--data-dir, --force"),
        (("--admin", "@you:example.org"), "--admin"),
    ],
)
async def test_a_flag_that_would_be_ignored_is_refused(
    flags: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    env = env_file(tmp_path)
    code, _, err = await undo(env, *FILES, *flags)
    assert (code, f"not with --undo: {named}\n" in err) == (2, True), err
    assert env.exists()


@pytest.mark.parametrize("written", [True, False])
async def test_an_unfinished_setup_is_finished_first(written: bool, tmp_path: Path) -> None:
    """What is beside the env file has an account of its own, whose only token that is."""
    env = env_file(tmp_path) if written else tmp_path / "env"
    journal = tmp_path / "env.setup"
    journal.write_text("BOT_NAME='other'\nTOKEN='syt_other'\n")
    code, _, err = await undo(env, "--yes", "@adminbot:example.org")
    assert code == 1
    assert f"There is an unfinished setup of other beside {env}." in err
    assert f"Or remove {journal}, if the account may stay" in err
    assert journal.exists()


async def test_a_directory_that_cannot_go_stays_and_is_named(tmp_path: Path) -> None:
    """A mount point, or where somebody else owns the directory above; here a link."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    env = env_file(tmp_path)
    code, out, err = await undo(env, *FILES)
    assert (code, err) == (0, "")
    assert f"{tmp_path / 'data'} stays, empty" in out
    assert not list((tmp_path / "disk").iterdir())
    assert not env.exists()


async def test_a_file_that_cannot_go_is_named_and_the_settings_stay(tmp_path: Path) -> None:
    (tmp_path / "data" / "adminbot.db").mkdir(parents=True)
    env = env_file(tmp_path)
    code, _, err = await undo(env, *FILES)
    assert code == 1
    assert f"{tmp_path / 'data' / 'adminbot.db'} cannot be removed" in err
    assert env.exists(), "a second run would find nothing"


async def test_what_is_kept_elsewhere_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "token"
    secret.write_text("syt_kept")
    monkeypatch.setenv("ADMINBOT_LOG_FORMAT", "json")
    env = env_file(tmp_path, ACCESS_TOKEN="", ACCESS_TOKEN_FILE=str(secret))
    code, out, _ = await undo(env, *FILES)
    assert code == 0
    assert f"Yours to remove: {secret}; in the environment ADMINBOT_LOG_FORMAT." in out
    assert secret.exists()


async def test_settings_in_the_environment_alone_promise_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = env_file(tmp_path)
    for line in env.read_text().splitlines():
        monkeypatch.setenv(*line.split("=", 1))
    env.unlink()
    code, out, _ = await undo(env, *FILES)
    assert code == 0
    assert str(env) not in out
    assert "in the environment ADMINBOT_ACCESS_TOKEN, " in out


async def test_nobody_at_the_question_changes_nothing(tmp_path: Path) -> None:
    env = env_file(tmp_path)
    code, _, err = await undo(env, "--files-only")
    assert (code, "Traceback" in err) == (2, False)
    assert env.exists()


async def test_where_no_state_is_nothing_is_closed(tmp_path: Path) -> None:
    """A wrong ADMINBOT_DATA_DIR: the account would go, and the state that is elsewhere stay."""
    env = env_file(tmp_path)
    code, _, err = await undo(env, "--yes", "@adminbot:example.org")
    assert (code, f"There is no state in {tmp_path / 'data'}" in err) == (1, True), err
    assert not (tmp_path / "data").exists()
    _, out, _ = await undo(env, "--files-only", stdin=b"no\n")
    assert f"There is no state in {tmp_path / 'data'}" in out
