"""The rooms: a test lies where its module lies, and docs/layout.md says what is so."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ROOT
from tests.measure import Function, subject

TESTS = sorted(path.relative_to(ROOT) for path in (ROOT / "tests/unit").rglob("test_*.py"))
# Tests of no single module, and what they are about.
ACROSS = {
    "accounts/test_backend_seam.py": "every command over a second account backend",
    "apps/test_profiles.py": "every packaged profile",
    "commands/test_declarations.py": "what every command must have",
    "commands/test_prefix.py": "every text that names a command",
    "dispatch/test_spellings.py": "what phones make of what is typed, for every command",
    "jobs/test_how_often.py": "what it costs to wait for thousands of devices",
    "metrics/test_deploy.py": "the dashboard and the alerts in deploy/",
    "store/test_forgotten.py": "what stays in no table longer than it holds",
    "store/test_old_data.py": "a data directory of an earlier version",
    "test_deploy.py": "what lies in deploy/",
    "test_documents.py": "what the documents tell to type, and quote",
    "test_layout.py": "the rooms themselves",
    "test_mutants.py": "the tables in tests/mutants",
    "test_outside.py": "what a lying server sends to any room",
    "test_packaging.py": "what is packed and installed",
    "test_pictures.py": "what tests/pictures draws",
    "test_table.py": "the rows of tests/table",
    "test_properties.py": "what holds for any input of any room",
}
LAYOUT = (ROOT / "docs/layout.md").read_text()
TREE, *_ = re.findall(r"^```\n(adminbot/\n.*?)^```$", LAYOUT, re.MULTILINE | re.DOTALL)
HOPS = re.findall(r"^\| `([\w/]+\.py)`, `([\w.]+)` \|", LAYOUT, re.MULTILINE)
NAMES = set(re.findall(r"`([A-Z][a-z]\w*(?:\.\w+)?)`", LAYOUT))


def about(test: Path) -> str:
    return str(test.relative_to("tests/unit"))


@pytest.mark.parametrize("test", TESTS, ids=about)
def test_a_unit_test_bears_the_name_of_its_module(test: Path) -> None:
    """tests/unit/ROOM/test_NAME.py: adminbot/ROOM/NAME.py, or all of ROOM if that is its name."""
    assert (ROOT / subject(test)).exists() != (about(test) in ACROSS)


def test_each_exception_is_a_test() -> None:
    assert ACROSS.keys() <= {about(test) for test in TESTS}


def named() -> Iterator[Path]:
    """Each file and directory that the tree in docs/layout.md names, below the repository."""
    above: list[str] = []
    for line in TREE.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        names = re.split(r"\s{2,}", line.strip())[0].split()
        yield from (Path(*above[:depth], name) for name in names)
        above[depth:] = names[:1]


def test_what_the_layout_names_is_there() -> None:
    assert not [path for path in named() if not (ROOT / path).exists()]


def test_the_layout_names_every_room_and_every_flat_file() -> None:
    told = {str(path) for path in named()}
    parts = [path.relative_to(ROOT) for path in (ROOT / "adminbot").iterdir()]
    rooms = {str(path) for path in parts if (ROOT / path / "__init__.py").exists()}
    flat = {str(path) for path in parts if path.suffix == ".py" and not path.stem.startswith("__")}
    assert rooms | flat <= told


def test_the_floors_are_those_of_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    floors = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert " > ".join(floors) in " ".join(LAYOUT.split())


def test_no_two_files_of_live_tests_make_a_bot_of_one_name() -> None:
    """They may run on one Synapse, where a name that was given stays taken."""
    made: dict[str, set[str]] = {}
    for file in (ROOT / "tests/live").glob("test_*.py"):
        for name in re.findall(r'"is ready", "!newbot ([a-z0-9-]+)', file.read_text()):
            made.setdefault(name, set()).add(file.name)
    assert made
    assert not {name: files for name, files in made.items() if len(files) > 1}


def defined_in(file: Path) -> set[str]:
    """Its functions and classes, and each `Class.method`."""
    found = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{it.name}" for it in node.body if isinstance(it, Function)}
        if isinstance(node, ast.ClassDef | Function):
            found.add(node.name)
    return found


def test_what_the_hops_name_is_there() -> None:
    assert 8 <= len(HOPS) <= 12
    for file, name in HOPS:
        assert name in defined_in(ROOT / "adminbot" / file), file


def test_what_else_the_layout_names_is_there() -> None:
    there = set().union(*map(defined_in, (ROOT / "adminbot").rglob("*.py")))
    assert not NAMES - there
