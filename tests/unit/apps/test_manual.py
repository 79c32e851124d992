"""docs/apps.md: its table is what the profiles say, and every key of a profile is explained."""

import json
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from adminbot.apps import load_catalog
from adminbot.apps.formats import Format
from adminbot.apps.manual import with_table
from adminbot.apps.placeholders import KNOWN
from tests import ROOT

MANUAL = (ROOT / "docs/apps.md").read_text("utf-8")
SCHEMA: dict[str, Any] = json.loads(
    resources.files("adminbot.apps").joinpath("schema.json").read_text("utf-8")
)
(EXAMPLE,) = re.findall(r"```toml\n(.*?)```", MANUAL, re.DOTALL)


def test_the_table_is_what_the_profiles_say() -> None:
    assert with_table(MANUAL) == MANUAL, "out of date: run `make docs`"
    assert MANUAL.count("\n| `") >= len(list(load_catalog(None)))


def test_every_key_and_each_of_its_values_is_explained() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*)$", MANUAL, re.MULTILINE))
    for key, rule in SCHEMA["properties"].items():
        assert key in rows
        for value in rule.get("enum", ()):
            assert f"`{value}`" in rows[key]


def test_the_value_that_counts_where_a_key_is_missing_is_named_first(tmp_path: Path) -> None:
    (tmp_path / "doorbell.toml").write_text(EXAMPLE)
    profile = load_catalog(tmp_path).named("doorbell")
    for key, first in re.findall(r"^\| `(\w+)` \| `([\w ]+)`,", MANUAL, re.MULTILINE):
        if key not in SCHEMA["required"]:
            value = getattr(profile, key)
            assert first == (json.dumps(value) if isinstance(value, bool) else str(value)), key


def test_the_required_keys_are_named() -> None:
    (sentence,) = re.findall(r"^Required are (.*)\.$", MANUAL, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(SCHEMA["required"])


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_placeholder_is_explained(name: str) -> None:
    assert re.search(rf"^\| [^|]*`\{{{name}\}}`[^|]* \|", MANUAL, re.MULTILINE)


@pytest.mark.parametrize("form", Format)
def test_every_form_is_explained(form: Format) -> None:
    _, _, forms = MANUAL.partition("### Forms")
    assert re.search(rf"\b{form}\b", forms)


def test_the_example_can_be_used_and_is_as_short_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "doorbell.toml").write_text(EXAMPLE)
    profile = load_catalog(tmp_path).named("doorbell")
    given = {"homeserver": "https://x.org", "access_token": "syt", "device_id": "D"}
    assert json.loads(profile.render(given)) == {
        "server": "https://x.org",
        "token": "syt",
        "device": "D",
    }
    assert len(EXAMPLE.splitlines()) == 12
    assert tomllib.loads(EXAMPLE)
