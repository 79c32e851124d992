"""Which profiles there are: the package's, and the operator's in their place."""

from pathlib import Path

import pytest

from adminbot.apps import PLAIN, load_catalog
from adminbot.errors import ConfigError, UsageError
from tests.unit.apps.samples import GOOD


def test_a_directory_adds_profiles_and_replaces_the_packages(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    (tmp_path / "json.toml").write_text(GOOD)
    (tmp_path / "notes.txt").write_text("no profile")
    catalog = load_catalog(tmp_path)
    assert catalog.named(" Mine ").title == "Sample"
    assert catalog.named("json").title == "Sample"
    assert {it.name for it in catalog} == {it.name for it in load_catalog(None)} | {"mine"}


def test_the_plain_one_is_first_and_stands_in_for_one_that_is_gone() -> None:
    catalog = load_catalog(None)
    assert next(iter(catalog)).name == PLAIN
    assert catalog.get("gone").name == catalog.get("").name == PLAIN
    assert catalog.find("gone") is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("mine.toml", GOOD.replace("takes", "taks"), "mine.toml: `takes` is missing"),
        ("mine.toml", "title = hunter2", "mine.toml: is not TOML (at line 1, column 9)"),
        ("mine.toml", "title = 'hunter2", "mine.toml: is not TOML (at end of document)"),
        ("mine.toml", b"\xff", "mine.toml: is not UTF-8"),
        ("mine.toml", "#" * 70_000, "mine.toml: is too large"),
        ("mine.toml", "x=" + "[" * 9000, "mine.toml: is not TOML"),
        ("mine.toml", None, "mine.toml: cannot be read"),
        ("My App.toml", GOOD, "My App.toml: the name must be a-z 0-9 and -"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    name: str, content: str | bytes | None, said: str, tmp_path: Path
) -> None:
    (tmp_path / "good.toml").write_text(GOOD)
    path = tmp_path / name
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigError) as caught:
        load_catalog(tmp_path)
    assert said in str(caught.value)
    assert "hunter2" not in caught.value.message()
    assert "good.toml" not in str(caught.value)


def test_all_files_that_cannot_be_used_are_named_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.toml").write_text("title = 7")
    with pytest.raises(ConfigError, match=r"one\.toml: .*two\.toml: "):
        load_catalog(tmp_path)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("jason", "Did you mean `json`?"),
        ("zzz", "All of them: `!apps`"),
        ("mautrix-signal", "appservice"),
        ("`x`\n", "I have no profile of “x”"),
    ],
)
def test_a_name_without_a_profile_is_answered(typed: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_catalog(None).named(typed)
    assert said in caught.value.message()
