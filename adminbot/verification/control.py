"""How `adminbot verify` talks to the running service: JSON lines on a socket in the data dir.

The shell begins with {"verify": "@you:example.org"}. The service sends {"say": text} and
{"emoji": [[symbol, name], …], "numbers": […], "of": transaction}, the shell answers the latter
with {"match": true | false | null, "of": transaction} (null: nobody answered). The last line is
{"done": text} or {"failed": text}. Only who runs the service can reach it: the mode is 0600.
"""

import asyncio
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from adminbot.errors import SetupError
from adminbot.jobs.background import Background
from adminbot.values.ids import UserId
from adminbot.verification.console import ConsoleSession
from adminbot.verification.service import Verifications

log = logging.getLogger(__name__)

JSON = dict[str, Any]
_NAME = "control"
_LINE_BYTES = 4096
_MOST_ADDRESS_BYTES = 100  # Linux takes 107, others a few less
_NOT_UNDERSTOOD = "The service did not understand that. Are both of the same version?"


class _Garbled(Exception):
    """The other end sent nonsense."""


async def serve(data_dir: Path, verifications: Verifications) -> None:
    """Serve until cancelled. Without a socket there is a warning, and no more."""
    async with asyncio.TaskGroup() as conversations:
        background = Background(conversations)

        def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            background.start(_attend(verifications, reader, writer))

        try:
            listening = _bound(data_dir)
            server = await asyncio.start_unix_server(attend, sock=listening, limit=_LINE_BYTES)
        except OSError as exc:
            log.warning("no control socket: adminbot verify will not find me why=%s", exc.strerror)
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


async def _attend(
    verifications: Verifications, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """One shell, until the shell is gone or the verification has ended."""
    try:
        await _converse(verifications, reader, writer)
    except _Garbled:
        log.info("control: not understood")
        with suppress(OSError):
            await _write(writer, {"failed": _NOT_UNDERSTOOD})
    except OSError:
        log.info("control: gone")
    finally:
        writer.close()


async def _converse(
    verifications: Verifications, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Raises _Garbled for what is not as it should be."""
    try:
        user_id = UserId.parse(str((await _read(reader) or {}).get("verify")))
    except ValueError as exc:
        raise _Garbled from exc
    with verifications.session(user_id) as session:
        telling = asyncio.create_task(_tell(session, writer))
        hearing = asyncio.create_task(_hear(reader, partial(verifications.answer, user_id)))
        both = {telling, hearing}
        try:
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in both:
                task.cancel()
            found = await asyncio.gather(*both, return_exceptions=True)
    for result in found:
        if isinstance(result, Exception):
            raise result


async def _tell(session: ConsoleSession, writer: asyncio.StreamWriter) -> None:
    ended = False
    while not ended:
        update = await session.updates.get()
        await _write(writer, update)
        ended = "done" in update or "failed" in update


async def _hear(reader: asyncio.StreamReader, answer: Any) -> None:
    while said := await _read(reader):
        match, transaction = said.get("match"), said.get("of")
        if not isinstance(match, bool | None) or not isinstance(transaction, str):
            raise _Garbled
        answer(transaction, match=match)


async def _write(writer: asyncio.StreamWriter, value: JSON) -> None:
    writer.write(json.dumps(value).encode() + b"\n")
    await writer.drain()


async def _read(reader: asyncio.StreamReader) -> JSON | None:
    """The next line; None at the end. Raises _Garbled for a foreign or too long line."""
    try:
        line = await reader.readline()
        found = json.loads(line) if line else None
    except (ValueError, RecursionError) as exc:
        raise _Garbled from exc
    if line and not isinstance(found, dict):
        raise _Garbled
    return found


class Line:
    """The shell's end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, value: JSON) -> None:
        """Say something; a service that is gone is noticed at the next `hear`."""
        with suppress(OSError):
            await _write(self._writer, value)

    async def hear(self) -> JSON:
        """What the service says next. Raises SetupError: the service is gone."""
        with suppress(OSError, _Garbled):
            if found := await _read(self._reader):
                return found
        raise SetupError(
            "The service stopped in between. Nothing was verified.", "Start it: `adminbot run`"
        )


async def is_served(data_dir: Path) -> bool:
    """Whether a service runs on this data directory."""
    try:
        async with dial(data_dir):
            return True
    except SetupError as exc:
        return isinstance(exc.__cause__, PermissionError)


@asynccontextmanager
async def dial(data_dir: Path) -> AsyncIterator[Line]:
    """Reach the service of a data directory. Raises SetupError: no service runs there."""
    try:
        with _address(data_dir) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=_LINE_BYTES)
    except PermissionError as exc:
        raise SetupError(
            "The service runs as another user.", "Use this word as that user, too."
        ) from exc
    except OSError as exc:
        raise SetupError(
            f"No service runs on {data_dir}.", "Start it: `adminbot run`, and try again."
        ) from exc
    try:
        yield Line(reader, writer)
    finally:
        writer.close()
