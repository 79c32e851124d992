"""The control socket: how words of the shell talk to the running service, in lines of JSON.

The shell's first line has one name, the word: {"verify": "@you:example.org"}, {"health": true}.
What follows is up to the word; the last line of the service is {"done": …} or {"failed": text}.
The socket lies in the data directory. Only who runs the service can reach it: the mode is 0600.
"""

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from adminbot.errors import SetupError
from adminbot.jobs.background import Background

log = logging.getLogger(__name__)

JSON = dict[str, Any]
_NAME = "control"
_LINE_BYTES = 65536
OLD_SYNC = timedelta(minutes=2)  # where all is well the last one is younger
_FIRST_S = 5  # the shell says its word at once
_MOST_ADDRESS_BYTES = 100  # Linux takes 107, others a few less
_NOT_UNDERSTOOD = "The service did not understand that. Are both of the same version?"


class Garbled(Exception):
    """The other end sent nonsense."""


class Line:
    """One end of a conversation. `lost`: what the shell adds when the service is gone."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, lost: str = ""
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._lost = lost

    async def write(self, value: JSON) -> None:
        """Raises OSError: the other end is gone."""
        self._writer.write(json.dumps(value).encode() + b"\n")
        await self._writer.drain()

    async def read(self) -> JSON | None:
        """The next line; None at the end. Raises Garbled for a foreign or too long line."""
        try:
            line = await self._reader.readline()
            found = json.loads(line) if line else None
        except (ValueError, RecursionError) as exc:
            raise Garbled from exc
        if line and not isinstance(found, dict):
            raise Garbled
        return found

    async def send(self, value: JSON) -> None:
        """As `write`; a service that is gone is noticed at the next `hear`."""
        with suppress(OSError):
            await self.write(value)

    async def hear(self) -> JSON:
        """What the service says next. Raises SetupError: the service is gone."""
        with suppress(OSError, Garbled):
            if found := await self.read():
                return found
        told = f"The service stopped in between. {self._lost}".strip()
        raise SetupError(told, "Start it: `adminbot run`")

    def close(self) -> None:
        self._writer.close()


# What a word does, given the value behind it. May raise Garbled, or OSError: the shell is gone.
Word = Callable[[object, Line], Awaitable[None]]


async def serve(data_dir: Path, words: Mapping[str, Word]) -> None:
    """Serve until cancelled. Without a socket there is a warning, and no more."""
    async with asyncio.TaskGroup() as conversations:
        background = Background(conversations)

        def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            background.start(_attend(words, Line(reader, writer)))

        try:
            listening = _bound(data_dir)
            server = await asyncio.start_unix_server(attend, sock=listening, limit=_LINE_BYTES)
        except OSError as exc:
            log.warning("no control socket: the shell will not find me why=%s", exc.strerror)
            return
        try:
            await asyncio.Event().wait()
        finally:
            server.close()
            with suppress(OSError):
                (data_dir / _NAME).unlink()


def _bound(data_dir: Path) -> socket.socket:
    """A fresh socket. A socket found here is a killed service's: the directory is ours."""
    (data_dir / _NAME).unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with _address(data_dir) as address:
            listening.bind(address)
        (data_dir / _NAME).chmod(0o600)
    except OSError:
        listening.close()
        raise
    return listening


@contextmanager
def _address(data_dir: Path) -> Iterator[str]:
    """The socket's path, or a short form: unix(7) limits addresses, and no path."""
    path = data_dir / _NAME
    if len(os.fsencode(path)) <= _MOST_ADDRESS_BYTES:
        yield str(path)
        return
    directory = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{_NAME}"
    finally:
        os.close(directory)


async def _attend(words: Mapping[str, Word], line: Line) -> None:
    """One shell, until the shell is gone or its word is carried out."""
    try:
        async with asyncio.timeout(_FIRST_S):
            first = await line.read() or {}
        name = next(iter(first), "")
        if len(first) != 1 or name not in words:
            raise Garbled
        await words[name](first[name], line)
    except Garbled:
        log.info("control: not understood")
        await line.send({"failed": _NOT_UNDERSTOOD})
    except OSError:  # TimeoutError is one
        log.info("control: gone, or silent")
    finally:
        line.close()


async def is_served(data_dir: Path) -> bool:
    """Whether a service runs on this data directory."""
    try:
        async with dial(data_dir):
            return True
    except SetupError as exc:
        return isinstance(exc.__cause__, PermissionError)


@asynccontextmanager
async def dial(data_dir: Path, lost: str = "") -> AsyncIterator[Line]:
    """Reach the service of a data directory. Raises SetupError: no service runs there."""
    try:
        with _address(data_dir) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_LINE_BYTES)
    except PermissionError as exc:
        raise SetupError(
            f"The service of {data_dir} is another user's.", "Use this word as that user, too."
        ) from exc
    except OSError as exc:
        raise SetupError(
            f"No service runs on {data_dir}.", "Start it: `adminbot run`, and try again."
        ) from exc
    line = Line(reader, writer, lost)
    try:
        yield line
    finally:
        line.close()
