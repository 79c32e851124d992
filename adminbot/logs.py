"""The log: one line per record on stderr, as text or JSON, with nothing secret in it."""

import json
import logging
import sys
import textwrap
from typing import Any

from adminbot.shown import one_line

# Said at every log level: the line that begins with `ready`.
ready = logging.getLogger("adminbot.ready")


def set_up(level: str, form: str) -> None:
    """One line per record on stderr; libraries that could quote a message stay silent.

    In `text`, an INFO record is its bare message, so that `ready …` begins its line.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if form == "json" else _Text())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    ready.setLevel(logging.INFO)
    for name in ("nio", "httpx", "httpcore", "aiohttp", "peewee", "aiosqlite", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _Text(logging.Formatter):
    """A server's or a person's text may be in a record: it cannot look like another record."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        line = one_line(super().formatMessage(record))
        return line if record.levelno == logging.INFO else f"{record.levelname.lower()}: {line}"

    def formatException(self, ei: Any) -> str:
        lines = super().formatException(ei).split("\n")
        return textwrap.indent("\n".join(map(one_line, lines)), "  ")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": one_line(record.getMessage()),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry)
