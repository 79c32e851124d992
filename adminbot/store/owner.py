"""One process per data directory."""

import fcntl
import os
from pathlib import Path

from adminbot.errors import SetupError


class SoleOwner:
    """Holds the data directory's lock; the kernel frees the lock however the process ends.

    Entering raises SetupError if another process holds the lock or the directory is not writable.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def __enter__(self) -> None:
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(self._data_dir / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as exc:
            raise SetupError(
                f"The data directory {self._data_dir} cannot be written.",
                "Check ADMINBOT_DATA_DIR and who owns it.",
            ) from exc
        try:
            # A second process is refused at once, and does not wait for the first to end.
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            os.close(self._file)
            raise SetupError(
                f"Another adminbot already runs on {self._data_dir}.",
                "Stop it first, or give this one its own ADMINBOT_DATA_DIR.",
            ) from exc

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
