"""The log: what `.env.example` says of it is so, and no text of others looks like a line of it."""

import json
import logging
import re
import sys
from collections.abc import Iterator
from datetime import datetime

import pytest

from adminbot import logs
from adminbot.config import ROWS
from adminbot.values.text import one_line

LEVELS = ["debug", "info", "warning", "error"]
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d{4}"
log = logging.getLogger("adminbot.somewhere")


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """The log is the process's: the next test gets it back as it was."""
    quiet = ("nio", "httpx", "httpcore", "aiohttp", "peewee", "aiosqlite", "asyncio")
    root, levels = logging.getLogger(), {n: logging.getLogger(n).level for n in quiet}
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logs.ready.setLevel(logging.NOTSET)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)


def logged(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """A record of each level and the line of `ready`, as they come out on stderr."""
    for level in LEVELS:
        log.log(getattr(logging, level.upper()), "an event at=%s", level)
    logs.ready.info("ready user=%s", "@adminbot:example.org")
    out, err = capsys.readouterr()
    assert out == ""
    return err.splitlines()


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("level", LEVELS)
def test_a_level_hides_what_is_below_and_never_that_it_is_ready(
    level: str, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "begins with `ready` is logged at every level" in ROWS["LOG_LEVEL"].help
    logs.set_up(level, form)
    *others, ready = logged(capsys)

    assert len(others) == len(LEVELS) - LEVELS.index(level)
    if form == "text":
        assert ready.startswith("ready user=@adminbot:example.org")
    else:
        assert json.loads(ready)["message"] == "ready user=@adminbot:example.org"


def test_a_line_has_its_time_in_front_and_the_line_of_ready_at_its_end(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("info", "text")
    info, warning, error, ready = logged(capsys)

    assert re.fullmatch(f"{TIME} an event at=info", info)
    assert re.fullmatch(f"{TIME} warning: an event at=warning", warning)
    assert re.fullmatch(f"{TIME} error: an event at=error", error)
    assert re.fullmatch(f"ready user=@adminbot:example.org at={TIME}", ready)


def test_where_the_journal_has_the_time_no_line_has_it(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up("error", "text", with_time=False)

    assert logged(capsys) == ["error: an event at=error", "ready user=@adminbot:example.org"]


def test_json_is_one_object_a_line_also_for_what_keeps_it_from_starting(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("warning", "json")
    lines = logged(capsys)
    logs.fatal("adminbot: The settings are not usable.")
    last = json.loads(capsys.readouterr().err)

    for line in lines:
        entry = json.loads(line)
        assert entry.keys() == {"time", "level", "logger", "message"}
        assert datetime.fromisoformat(entry["time"]).tzinfo
    assert last["level"] == "critical"
    assert last["message"] == "adminbot: The settings are not usable."


def test_in_text_what_keeps_it_from_starting_is_said_as_it_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.set_up("error", "text")
    logs.fatal("adminbot: The settings are not usable.")

    assert capsys.readouterr().err == "adminbot: The settings are not usable.\n"


@pytest.mark.parametrize("name", ["nio", "httpx", "aiohttp", "asyncio"])
def test_a_library_that_could_quote_a_message_is_silent(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up("debug", "text")
    logging.getLogger(f"{name}.client").error("syt_hunter2")

    assert capsys.readouterr().err == ""


def written(form: str, message: str, *args: object) -> list[str]:
    """The lines of one record with a traceback, as our formatters write it."""
    formatter = logs._Json() if form == "json" else logs._Text(with_time=False)
    try:
        raise ValueError(f"bad\nready again\u2028x {message % args}")
    except ValueError:
        caught = sys.exc_info()
    record = logging.LogRecord("x", logging.INFO, "f", 1, message, args, caught)
    return formatter.format(record).splitlines()


@pytest.mark.parametrize(
    "lie", ["!r\nready user=@x", "!r\r\x1b[2Jready", "!r\u2028ready", "\x85ready"]
)
def test_no_text_of_others_begins_a_line_of_the_log(lie: str) -> None:
    first, *rest = written("text", "joined room=%s", lie)

    assert first == f"joined room={one_line(lie)}"
    assert first.isprintable()
    assert all(line.startswith("  ") for line in rest)
    assert all(line.isprintable() for line in rest)
    [line] = written("json", "joined room=%s", lie)
    assert line.isascii()
    assert json.loads(line)["message"] == first
