"""A secret from a file: `NAME_FILE` beside `NAME`."""

from pathlib import Path

import pytest

from adminbot.config import ROWS, Settings
from adminbot.errors import ConfigError
from adminbot.values.secret import Secret
from tests.unit.config.good import GOOD, problem


@pytest.mark.parametrize("name", [row.name for row in ROWS.values() if row.secret])
def test_every_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    value = GOOD.get(f"ADMINBOT_{name}", "the shared secret")
    path = tmp_path / "secret"
    path.write_text(f"  {value}\n")
    env = {key: text for key, text in GOOD.items() if key != f"ADMINBOT_{name}"}
    found = Settings.from_mapping(env | {f"ADMINBOT_{name}_FILE": str(path)})

    attribute = {"REGISTRATION_SHARED_SECRET": "shared_secret"}.get(name, name.lower())
    assert getattr(found, attribute) == Secret(value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe\xff"])
def test_a_secret_file_that_gives_nothing_is_named_without_its_path(
    content: bytes | None, tmp_path: Path
) -> None:
    path = tmp_path / "hunter2"
    if content is not None:
        path.write_bytes(content)
    env = {key: text for key, text in GOOD.items() if key != "ADMINBOT_ACCESS_TOKEN"}
    with pytest.raises(ConfigError) as caught:
        Settings.from_mapping(env | {"ADMINBOT_ACCESS_TOKEN_FILE": str(path)})

    assert "ADMINBOT_ACCESS_TOKEN_FILE names" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_given_twice_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("hunter2")
    said = problem(ACCESS_TOKEN_FILE=str(tmp_path / "token"))

    assert "ADMINBOT_ACCESS_TOKEN is set both directly and as" in said
    assert "hunter2" not in said
