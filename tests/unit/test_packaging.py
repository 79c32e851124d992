"""What is packed and what is installed: the source archive, and the pins."""

import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
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


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source archive, as from the index."""
    where = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-d", str(where)]
    subprocess.run([*build, "-t", "sdist"], cwd=ROOT, check=True, capture_output=True)
    [archive] = where.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(where, filter="data")
    unpacked = where / archive.name.removesuffix(".tar.gz")
    subprocess.run([*build, "-t", "wheel"], cwd=unpacked, check=True, capture_output=True)
    [made] = where.glob("*.whl")
    return made


def test_the_wheel_holds_all_of_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as held:
        names = {name for name in held.namelist() if ".dist-info/" not in name}
    package = (path for path in (ROOT / "adminbot").rglob("*") if path.is_file())
    ours = {str(path.relative_to(ROOT)) for path in package if "__pycache__" not in path.parts}
    [page] = names - ours
    assert page.endswith(".data/data/share/man/man1/adminbot.1")
    assert ours <= names


_EVERY_MODULE = """
import importlib, pkgutil, adminbot
from adminbot.apps import load_catalog
for found in pkgutil.walk_packages(adminbot.__path__, "adminbot."):
    if found.name != "adminbot.__main__":
        importlib.import_module(found.name)
print(adminbot.__file__, len(list(load_catalog(None))))
"""


def test_installed_elsewhere_it_runs(wheel: Path, tmp_path: Path) -> None:
    """In an environment with nothing but adminbot; its libraries are lent from ours."""
    home = tmp_path / "home"
    venv.create(home)
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "install"]
    quiet = ["--quiet", "--no-deps", "--no-index", "--disable-pip-version-check"]
    subprocess.run([*pip, *quiet, str(wheel)], check=True, capture_output=True)
    [packages] = home.glob("lib/python*/site-packages")
    # A path in such a file is searched, and the files of that kind there (ours, that leads to
    # this checkout) are not read.
    (packages / "lent.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            [str(home / "bin" / words[0]), *words[1:]],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("adminbot", "--version").stdout.startswith("adminbot ")
    loaded = run("python", "-c", _EVERY_MODULE)
    assert loaded.returncode == 0, loaded.stderr
    profiles = len(list((ROOT / "adminbot/apps/profiles").glob("*.toml")))
    assert loaded.stdout.split() == [str(packages / "adminbot/__init__.py"), str(profiles)]
    told = run("adminbot", "doctor")
    assert told.returncode == 1
    assert told.stdout.startswith("❌ settings: There is no env file .env.")
    assert (home / "share/man/man1/adminbot.1").exists()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_pin_has_its_hashes_and_no_registry_is_named(name: str) -> None:
    text = text_of(ROOT, name)
    pins = re.findall(r"^[a-z0-9-]+==\S+ \\$", text, re.M)
    assert len(pins) > 30
    assert len(re.findall(r"==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text)) == len(pins)
    assert "://" not in text
    assert "index" not in text
