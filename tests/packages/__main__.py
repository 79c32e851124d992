"""`make packages`: build, install as the README says, run; with everything from the index."""

import os
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import ROOT


@contextmanager
def _told(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    print(f"✅ {what} ({time.monotonic() - began:.0f} s)", flush=True)


def _run(*words: object, **environment: str) -> str:
    """Raises SystemExit with what a failed command said."""
    done = subprocess.run(
        list(map(str, words)),
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(
            f"❌ {' '.join(map(str, words))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


def _empty(where: Path) -> Path:
    """A new environment; returns the directory of its programs."""
    venv.create(where, with_pip=True)
    return where / "bin"


def _built(where: Path) -> Path:
    hatch = [sys.executable, "-m", "hatchling", "build", "-d", str(where)]
    subprocess.run(
        [*hatch, "-t", "sdist", "-t", "wheel"], cwd=ROOT, check=True, capture_output=True
    )
    [wheel] = where.glob("*.whl")
    return wheel


def _pinned(where: Path, wheel: Path) -> None:
    tools = _empty(where)
    pip = (tools / "python", "-m", "pip", "install", "--quiet")
    _run(*pip, "--require-hashes", "--requirement", ROOT / "requirements.txt")
    _run(*pip, "--no-deps", wheel)
    _run(tools / "python", "-m", "pip", "check")
    print(_run(tools / "adminbot", "demo"), end="")


def _by_pipx(where: Path, wheel: Path) -> None:
    tools = _empty(where / "tools")
    _run(tools / "python", "-m", "pip", "install", "--quiet", "pipx")
    home = {
        "PIPX_HOME": str(where),
        "PIPX_BIN_DIR": str(where),
        "PIPX_MAN_DIR": str(where / "man"),
    }
    _run(tools / "pipx", "install", wheel, **home)
    print("  ", _run(where / "adminbot", "--version"), end="")
    assert (where / "man" / "man1" / "adminbot.1").exists(), "no manual page"
    _run(tools / "pipx", "uninstall", "matrix-adminbot", **home)
    assert not (where / "adminbot").exists()


def _by_uv(where: Path, wheel: Path) -> None:
    tools = _empty(where / "tools")
    _run(tools / "python", "-m", "pip", "install", "--quiet", "uv")
    home = {"UV_TOOL_DIR": str(where / "in"), "UV_TOOL_BIN_DIR": str(where)}
    _run(tools / "uv", "tool", "install", "--python", sys.executable, wheel, **home)
    print("  ", _run(where / "adminbot", "--version"), end="")
    _run(tools / "uv", "tool", "uninstall", "matrix-adminbot", **home)
    assert not (where / "adminbot").exists()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        there = Path(directory)
        with _told("sdist and wheel"):
            wheel = _built(there)
        with _told("pinned, by pip; the demo ran"):
            _pinned(there / "pinned", wheel)
        with _told("installed and taken away again by pipx"):
            _by_pipx(there / "pipx", wheel)
        with _told("installed and taken away again by uv"):
            _by_uv(there / "uv", wheel)


if __name__ == "__main__":
    main()
