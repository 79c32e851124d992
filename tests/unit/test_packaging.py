"""What is packed and what is installed: the source archive, and the pins."""

import re
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests import ROOT


def test_the_source_archive_holds_all_that_it_is_built_and_tested_from(tmp_path: Path) -> None:
    top = ROOT
    words = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(words, cwd=top, check=True, capture_output=True)
    [archive] = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        held = {name.partition("/")[2] for name in tar.getnames()}

    wanted = {"Makefile", "README.md", "LICENSE", "CONTRIBUTING.md", ".env.example", ".ci/run"}
    wanted |= {"deploy/adminbot.service", "deploy/compose.yaml", "tests/human/human.mjs"}
    wanted |= set(re.findall(r'src(?:set)?="([^":]+)"', text_of(top, "README.md")))
    for recipe in ("Makefile", "deploy/Dockerfile"):
        wanted |= set(
            re.findall(r"requirements[-a-z]*\.txt|pyproject\.toml", text_of(top, recipe))
        )
    for copied in re.findall(
        r"^COPY (?!--from)(.*) \S+$", text_of(top, "deploy/Dockerfile"), re.M
    ):
        wanted |= set(copied.split())
    for name in wanted:
        assert any(path == name or path.startswith(f"{name}/") for path in held), name
    assert not any("node_modules" in name for name in held)


def text_of(top: Path, name: str) -> str:
    return (top / name).read_text()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_its_hashes_and_no_registry_is_named(name: str) -> None:
    text = text_of(ROOT, name)
    pins = re.findall(r"^[a-z0-9-]+==\S+ \\$", text, re.M)
    assert len(pins) > 30
    assert len(re.findall(r"==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pins)
    assert "://" not in text
    assert "index" not in text
