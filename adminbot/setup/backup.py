"""The backup: one sealed file that brings the bot back. What `backup` and `restore` do.

The file is ASCII: a line that names its format, the seal in base64, `end`. What is sealed is JSON
with the settings and a scrubbed copy of the state. ADMINBOT_STORE_KEY opens it and is not in it.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from adminbot.config import Settings
from adminbot.config.row import PREFIX
from adminbot.errors import SetupError, WrongKey
from adminbot.setup.env_file import env_text, write_private
from adminbot.store import snapshot
from adminbot.store.database import DATABASE
from adminbot.store.owner import SoleOwner
from adminbot.store.snapshot import Contents
from adminbot.values.clock import now
from adminbot.values.secret import Sealer, Secret

_VERSION = 1
_PURPOSE = "backup"
_END = "end"


@dataclass(frozen=True, slots=True)
class Backup:
    """What is in the file; `settings` by their names without prefix, secrets among them."""

    made_at: datetime
    settings: dict[str, str] = field(repr=False)
    database: bytes = field(repr=False)
    contents: Contents

    @property
    def message(self) -> str:
        """What the backup holds, and from when, in one line."""
        bots, pins = _counted(self.contents.bots, "bot"), _counted(self.contents.pins, "pin")
        return (
            f"{bots}, {pins}, the bot's identity, its log of changes and its settings, "
            f"as of {self.made_at:%Y-%m-%d %H:%M} UTC"
        )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def make(data_dir: Path, settings: dict[str, str]) -> Backup:
    """Copy state and settings as they are now; the service may run. Raises SetupError."""
    kept = {name: value for name, value in settings.items() if name != "STORE_KEY"}
    database = snapshot.take(data_dir)
    return Backup(now(), kept, database, snapshot.contents(database))


def write(file: Path, backup: Backup, sealer: Sealer, *, force: bool) -> None:
    """Seal the backup into a file, whole or not at all. Raises SetupError."""
    if file.exists() and not force:
        raise SetupError(
            f"{file} exists already, and I never write over one.",
            "Name another file, or use --force to replace it.",
        )
    clear = json.dumps(
        {
            "made_at": backup.made_at.isoformat(),
            "settings": backup.settings,
            "database": base64.b64encode(backup.database).decode(),
        }
    )
    body = base64.encodebytes(sealer.seal(_PURPOSE, clear)).decode()
    write_private(file, f"adminbot backup {_VERSION}\n{body}{_END}\n")


def check_form(file: Path) -> None:
    """Raises SetupError unless the file is a whole backup, whatever its key."""
    _sealed_part(file)


def read(file: Path, sealer: Sealer) -> Backup:
    """Open a file that `write` made.

    Raises:
        SetupError: the file is no backup, cut off, or from a newer version.
        WrongKey: the file was sealed with another key, or was changed.
    """
    blob = _sealed_part(file)
    try:
        clear = json.loads(sealer.open(_PURPOSE, blob))
    except ValueError:
        raise WrongKey(
            f"{file} does not open: it was made with another ADMINBOT_STORE_KEY, or was changed.",
            "Use the key of the bot that made it.",
        ) from None
    made_at, database = clear["made_at"], base64.b64decode(clear["database"])
    contents = snapshot.contents(database)
    return Backup(datetime.fromisoformat(made_at), clear["settings"], database, contents)


def _sealed_part(file: Path) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as exc:
        raise SetupError(f"{file} cannot be read.", "Check the path and its mode.") from exc
    head, *body = content.decode("ascii", errors="replace").splitlines() or [""]
    version = re.fullmatch(r"adminbot backup (\d{1,9})", head)
    if version is None:
        raise SetupError(f"{file} is no backup of adminbot.")
    if int(version[1]) > _VERSION:
        raise SetupError(f"{file} was written by a newer adminbot.", "Use that version.")
    if not body or body.pop() != _END:
        raise SetupError(f"{file} is cut off: its end is missing.", "Copy it again.")
    try:
        return base64.b64decode("".join(body), validate=True)
    except ValueError:
        raise SetupError(f"{file} is damaged.", "Copy it again.") from None


def env_file_of(backup: Backup, store_key: Secret, data_dir: Path) -> str:
    """The env file that goes with the restored state. Raises ConfigError."""
    settings = backup.settings | {"STORE_KEY": store_key.reveal(), "DATA_DIR": str(data_dir)}
    env = {PREFIX + name: value for name, value in settings.items()}
    Settings.from_mapping(env)
    return env_text("restore", env)


def put_back(backup: Backup, data_dir: Path, *, env_file: Path, env: str | None) -> None:
    """Write the env file, if there is one to write, then the state.

    Each is written whole or not at all. Cut off in between, the env file is there, and a second
    run adds the state; cut off after that, a second run finds its own work and is content.

    Raises:
        SetupError: the data directory holds a state or is in use, or something is not writable.
    """
    with SoleOwner(data_dir):
        if not snapshot.has_room_for(data_dir, backup.database):
            raise SetupError(
                f"{data_dir} already holds a state, and must be empty. Nothing was changed.",
                "Use another --data-dir, or move what is there out of the way.",
            )
        if env is not None:
            write_private(env_file, env)
        write_private(data_dir / DATABASE, backup.database)
