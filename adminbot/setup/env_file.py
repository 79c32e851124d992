"""The env file and other private files: written whole, readable by their owner alone."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from dotenv.parser import parse_stream

from adminbot.errors import SetupError


def env_text(command: str, variables: Mapping[str, str]) -> str:
    """The text of an env file that `adminbot COMMAND` makes."""
    explained = "Every name is explained in .env.example. Keep it secret."
    return f"# Made by `adminbot {command}`. {explained}\n{env_lines(variables)}"


def env_lines(values: Mapping[str, str]) -> str:
    """Assignments as python-dotenv reads them back."""
    quoted = {
        name: value.replace("\\", "\\\\").replace("'", "\\'") for name, value in values.items()
    }
    return "".join(f"{name}='{value}'\n" for name, value in quoted.items())


def replace_values(env_file: Path, values: Mapping[str, str]) -> None:
    """New assignments in place of their older ones; all else stays as it is, owner and mode too.

    Raises SetupError.
    """
    path = env_file.resolve()
    try:
        with path.open(encoding="utf-8") as file:
            found = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupError(f"{path} cannot be read.", "Whose is it?") from exc
    left, kept = dict(values), []
    for it in found:
        before = it.original.string
        if it.key not in values:
            kept.append(before)
        elif it.key in left:
            kept.append(before[: len(before) - len(before.lstrip())].rstrip(" \t"))
            kept.append(env_lines({it.key: left.pop(it.key)}))
    text = "".join(kept)
    if text and not text.endswith("\n"):
        text += "\n"
    write_private(path, text + env_lines(left), same_mode=True)


def drop_settings(env_file: Path, prefix: str = "ADMINBOT_") -> bool:
    """Take our assignments out; a file with nothing else in it goes. Returns whether it stays.

    Raises SetupError.
    """
    path = env_file.resolve()
    try:
        with path.open(encoding="utf-8") as file:
            others = [it for it in parse_stream(file) if not (it.key or "").startswith(prefix)]
        if any(it.key for it in others):
            text = "".join(it.original.string for it in others)
            write_private(path, text, same_mode=True)
            return True
        path.unlink()
        env_file.unlink(missing_ok=True)  # which may be a link to it
    except (OSError, UnicodeDecodeError) as exc:
        raise SetupError(f"{path} cannot be removed.", "Whose is it?") from exc
    return False


def is_writable(path: Path) -> bool:
    """Whether there is such a file, and `replace_values` may do so."""
    return path.is_file() and os.access(path.resolve().parent, os.W_OK)


def write_private(path: Path, content: str | bytes, *, same_mode: bool = False) -> None:
    """Write a file that only its owner reads, whole or not at all. Raises SetupError.

    Args:
        same_mode: keep owner and mode of the file that is replaced.
    """
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if path.exists():
                _like(path.stat(), file.fileno(), same_mode=same_mode)
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as exc:
        raise SetupError(f"{path} cannot be written.", "Check the directory.") from exc
    with suppress(OSError):  # some network file systems cannot
        _settle(path.parent)


def _like(was: os.stat_result, handle: int, *, same_mode: bool) -> None:
    """The new file gets the old owner (a command typed by root takes no file away) and mode."""
    if same_mode:
        os.fchmod(handle, stat.S_IMODE(was.st_mode))
    is_ours = (was.st_uid, was.st_gid) == (os.geteuid(), os.getegid())
    if not is_ours and (same_mode or os.geteuid() == 0):
        os.fchown(handle, was.st_uid, was.st_gid)


def _settle(directory: Path) -> None:
    """Let what was renamed outlast a power cut."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
