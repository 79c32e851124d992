"""What the tests of the store put into it, and how they look at its files."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from adminbot.store import Bot, Question, Store, open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

KEY = bytes(range(32))
YOU = UserId("you", "example.org")
NANO = UserId("nano", "example.org")
TOKEN = "syt_bmFub2JvdA_hunter2"
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, WHEN, WHEN)


@asynccontextmanager
async def opened(data_dir: Path, key: bytes = KEY) -> AsyncIterator[Store]:
    async with open_store(data_dir, Sealer(key)) as store:
        yield store


def found_in_files(data_dir: Path, wanted: bytes) -> list[str]:
    """The files, the write-ahead log among them, that hold these bytes or a piece of them."""
    pieces = [wanted[start : start + 32] for start in range(0, len(wanted), 500)]
    return [
        str(path.relative_to(data_dir))
        for path in data_dir.rglob("*")
        if path.is_file() and any(piece in path.read_bytes() for piece in pieces)
    ]


def question(answer: str = "yes", room_id: str = "!r") -> Question:
    return Question(YOU, room_id, "$q", "revoke nano", answer, WHEN)
