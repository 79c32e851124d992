"""The journal of an unfinished setup: what another run needs to finish the setup."""

from collections.abc import Callable
from pathlib import Path

from adminbot.config.sources import read_env_file
from adminbot.setup.env_file import env_lines, write_private


class Journal:
    """Names and values of an unfinished setup; secrets among them, hence mode 0600."""

    def __init__(self, env_file: Path) -> None:
        self.path = env_file.with_name(f"{env_file.name}.setup")
        self._values = read_env_file(self.path)

    def get(self, name: str) -> str | None:
        return self._values.get(name)

    def keep(self, **values: str) -> None:
        """Remember, durably, before going on."""
        self._values |= values
        write_private(self.path, env_lines(self._values))

    def first(self, name: str, make: Callable[[], str]) -> str:
        """The remembered value; where there is none, a new value, remembered from now on."""
        if name not in self._values:
            self.keep(**{name: make()})
        return self._values[name]

    def done(self) -> None:
        self.path.unlink(missing_ok=True)
