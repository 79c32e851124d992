"""The Synapses that are tried, each in an environment of its own, able to use PostgreSQL."""

import re
import sys
from importlib.resources import files
from pathlib import Path

from adminbot.demo.homeserver import python_with

_OLDER = Path(__file__).with_name("older.txt")
_DRIVER = "psycopg2-binary==2.9.13"
_NEWEST = files("adminbot.demo") / "synapse-requirements.txt"


def newest() -> str:
    """The version that the demo and the tests are pinned to."""
    return str(re.findall(r"^matrix-synapse==(\S+)$", _NEWEST.read_text(), re.MULTILINE)[0])


def python_of(version: str) -> Path:
    """The Python that can run this Synapse; installed the first time. Raises SetupError."""
    if version == newest():
        return _python(_DRIVER, "--requirement", str(_NEWEST), pins=_NEWEST.read_text())
    words = (f"matrix-synapse=={version}", _DRIVER, "--constraint", str(_OLDER))
    # The oldest do not name setuptools, which they need.
    return _python(*words, "setuptools", pins=version + _OLDER.read_text())


def _python(*words: str, pins: str) -> Path:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    return python_with(*words, pins=f"{_DRIVER} {pins}".encode(), say=say)
