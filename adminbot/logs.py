"""The log: one line per record on stderr, as text or JSON, without secrets."""

import json
import logging
import sys
import textwrap
from typing import Any

from adminbot.values.text import one_line

# Said at every log level: the line that begins with `ready`.
ready = logging.getLogger("adminbot.ready")
_TIME = "%Y-%m-%dT%H:%M:%S%z"


def set_up(level: str, form: str, *, with_time: bool = True) -> None:
    """One line per record on stderr; libraries that could quote a message stay silent.

    In `text`, the line of `ready` begins with `ready`, and other lines with the time.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text(with_time=with_time))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    ready.setLevel(logging.INFO)
    for name in ("nio", "httpx", "httpcore", "aiohttp", "peewee", "aiosqlite", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


def fatal(line: str) -> None:
    """Say why the program ends: a line on stderr, or an entry of the log where the log is JSON."""
    if any(isinstance(handler.formatter, _Json) for handler in logging.getLogger().handlers):
        logging.getLogger("adminbot").critical("%s", line)
    else:
        print(line, file=sys.stderr)


class _Text(logging.Formatter):
    """A record may hold a server's or a person's text, which cannot look like another record."""

    def __init__(self, *, with_time: bool) -> None:
        super().__init__()
        self._with_time = with_time

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = one_line(super().formatMessage(record))
        if record.levelno != logging.INFO:
            line = f"{record.levelname.lower()}: {line}"
        if not self._with_time:
            return line
        time = self.formatTime(record, _TIME)
        return f"{line} at={time}" if record.name == ready.name else f"{time} {line}"

    def formatException(self, ei: Any) -> str:
        lines = super().formatException(ei).split("\n")
        return textwrap.indent("\n".join(map(one_line, lines)), "  ")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, _TIME),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": one_line(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)
