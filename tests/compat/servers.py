"""Debian's servers for a trial, as a user without rights: what of this machine they need."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_NOBODY, _UP_S = "nobody", 20


def program(name: str) -> str:
    """Where a program of Debian's lies, also one that is in nobody's PATH.

    Raises SystemExit: it is not installed.
    """
    beside = [
        *map(str, Path("/usr/lib/postgresql").glob("*/bin")),
        "/usr/sbin",
        os.environ["PATH"],
    ]
    found = shutil.which(name, path=":".join(beside))
    if found is None:
        raise SystemExit(f"No {name} here. On Debian: apt-get install nginx-light postgresql")
    return found


def without_rights() -> dict[str, Any]:
    """For subprocess: PostgreSQL refuses to run as root."""
    return {} if os.geteuid() else {"user": _NOBODY, "group": "nogroup", "extra_groups": []}


@contextmanager
def own_directory() -> Iterator[Path]:
    """A directory that such a process may write in. Its path is short: sockets lie in it."""
    with tempfile.TemporaryDirectory(prefix="compat") as name:
        if not os.geteuid():
            shutil.chown(name, _NOBODY)
        yield Path(name)


@contextmanager
def process(directory: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A server that ends with the block; what it prints is in `output`."""
    with (directory / "output").open("wb") as output:
        started = subprocess.Popen(
            words,
            cwd=directory,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a ^C in the terminal is for us to handle
            **without_rights(),
        )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGINT)  # at once, for both of them
        started.wait(20)


def wait_until(is_up: Callable[[], bool], directory: Path) -> None:
    """Raises AssertionError with what the server printed."""
    deadline = time.monotonic() + _UP_S
    while not is_up():
        assert time.monotonic() < deadline, (directory / "output").read_text()
        time.sleep(0.05)


def version_of(name: str) -> str:
    """What the program says of itself, without its distribution: `nginx 1.22.1`."""
    word = "-v" if name == "nginx" else "--version"
    done = subprocess.run([program(name), word], capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).split()[2].rpartition("/")[2]
