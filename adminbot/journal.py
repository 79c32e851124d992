"""Private files that survive a crash: the journal of an unfinished setup, and the env file."""

import os
import re
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from adminbot.config import read_env_file
from adminbot.errors import SetupError


class Journal:
    """Names and values of an unfinished setup; secrets among them, hence mode 0600."""

    def __init__(self, env_file: Path) -> None:
        self._path = env_file.with_name(f"{env_file.name}.setup")
        self._values = read_env_file(self._path)

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def keep(self, **values: str) -> None:
        """Remember, durably, before going on."""
        self._values |= values
        write_private(self._path, env_lines(self._values))

    def first(self, name: str, make: Callable[[], str]) -> str:
        """The remembered value, or a new one that is remembered from now on."""
        if name not in self._values:
            self.keep(**{name: make()})
        return self._values[name]

    def done(self) -> None:
        self._path.unlink(missing_ok=True)


def env_lines(values: dict[str, str]) -> str:
    """Assignments as python-dotenv reads them back."""
    quoted = {
        name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()
    }
    return "".join(f"{name}='{value}'\n" for name, value in quoted.items())


def set_in_env_file(path: Path, name: str, value: str) -> None:
    """Change one setting; the rest stays as it is, owner and mode too. Raises SetupError."""
    path = path.resolve()
    try:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupError(f"{path} cannot be read.", "Whose is it?") from exc
    assigns = re.compile(rf"\s*(export\s+)?{re.escape(name)}\s*=")
    kept = [line for line in lines if not assigns.match(line)]
    if kept and not kept[-1].endswith("\n"):
        kept[-1] += "\n"
    first = next((i for i, line in enumerate(lines) if assigns.match(line)), len(kept))
    kept.insert(first, env_lines({name: value}))
    write_private(path, "".join(kept), like=path)


def is_writable(path: Path) -> bool:
    """Whether there is such a file, and `set_in_env_file` may replace it."""
    return path.is_file() and os.access(path.resolve().parent, os.W_OK)


def write_private(path: Path, content: str | bytes, *, like: Path | None = None) -> None:
    """Write a file that only its owner reads, whole or not at all. Raises SetupError.

    Args:
        like: a file whose owner and mode it gets instead.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if like:
                was = like.stat()
                os.fchmod(file.fileno(), stat.S_IMODE(was.st_mode))
                if (was.st_uid, was.st_gid) != (os.geteuid(), os.getegid()):
                    os.fchown(file.fileno(), was.st_uid, was.st_gid)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        raise SetupError(f"{path} cannot be written.", "Check the directory.") from exc
    with suppress(OSError):  # some network file systems cannot
        _settle(path.parent)


def _settle(directory: Path) -> None:
    """Let what was renamed outlast a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
