"""The log: one line per record on stderr, as text or JSON, with nothing secret in it."""

import json
import logging
import sys

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
    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        return line if record.levelno == logging.INFO else f"{record.levelname.lower()}: {line}"


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)
