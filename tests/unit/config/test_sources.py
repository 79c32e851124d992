"""The env file and the environment, which wins."""

import os
from pathlib import Path

import pytest

from adminbot.config.sources import load, merged
from adminbot.errors import ConfigError
from adminbot.values.secret import Secret
from tests.unit.config.good import GOOD


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ADMINBOT_")]:
        monkeypatch.delenv(name)


def env_file(tmp_path: Path, *more: str) -> Path:
    path = tmp_path / "env"
    path.write_text("\n".join([*(f"{name}='{value}'" for name, value in GOOD.items()), *more]))
    return path


def test_the_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADMINBOT_PREFIX", "?")
    monkeypatch.setenv("ADMINBOT_LOG_LEVEL", "")
    found = load(env_file(tmp_path, "ADMINBOT_PREFIX=.", "ADMINBOT_LOG_LEVEL=debug"))

    assert found.prefix == "?"
    assert found.log_level == "debug", "an empty variable is not a value"


def test_a_secrets_file_in_the_environment_hides_the_secret_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("newer")
    monkeypatch.setenv("ADMINBOT_ACCESS_TOKEN_FILE", str(tmp_path / "token"))

    assert load(env_file(tmp_path)).access_token == Secret("newer")


def test_a_secret_in_the_environment_hides_a_secrets_file_in_the_file() -> None:
    from_file = {"ADMINBOT_STORE_KEY_FILE": "/nowhere", "ADMINBOT_ROOM": "!r:x"}
    found = merged(from_file, {"ADMINBOT_STORE_KEY": "k"})

    assert found == {"ADMINBOT_STORE_KEY": "k", "ADMINBOT_ROOM": "!r:x"}


def test_a_misspelt_name_in_the_file_is_an_error_beside_the_others(tmp_path: Path) -> None:
    path = env_file(tmp_path, "ADMINBOT_ADMIN='hunter2'", "ADMINBOT_TRUST=never")
    with pytest.raises(ConfigError) as caught:
        load(path)

    assert "ADMINBOT_ADMIN is not a setting of adminbot" in str(caught.value)
    assert "ADMINBOT_TRUST" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_other_names_are_nobodys_business(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kubernetes sets ADMINBOT_PORT for a service of that name; the file may serve others."""
    monkeypatch.setenv("ADMINBOT_PORT", "tcp://10.0.0.1:80")

    assert load(env_file(tmp_path, "TZ=Europe/Berlin")).prefix == "!"


def test_a_dollar_in_the_file_is_a_dollar(tmp_path: Path) -> None:
    path = env_file(tmp_path, 'ADMINBOT_REGISTRATION_SHARED_SECRET="a${HOME}b"')

    assert load(path).shared_secret == Secret("a${HOME}b")


def test_no_file_at_all_is_answered_with_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ADMINBOT_HOMESERVER is missing"):
        load(tmp_path / "none")


@pytest.mark.parametrize("content", [None, b"ADMINBOT_ROOM=\xff\xfe"])
def test_a_file_that_is_no_text_file_is_our_own_error(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "env"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(ConfigError):
        load(path)


def test_an_env_file_in_a_directory_that_is_shut_is_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut(_: Path, **__: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", shut)
        with pytest.raises(ConfigError, match="cannot be read") as told:
            load(tmp_path / "env")
    assert "`--env-file`" in told.value.hint
