"""`adminbot run` in a process of its own, for the demo."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

from adminbot.errors import SetupError

_READY_S = 30
_STOP_S = 10


@asynccontextmanager
async def service(
    env_file: Path, log_file: Path
) -> AsyncIterator[Callable[[], Awaitable[NoReturn]]]:
    """The service, ready inside the block; yields a way to wait until the service ends by itself.

    Raises SetupError when the service does not get ready, or does not stop cleanly when asked.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adminbot", "run", "--env-file", str(env_file)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a ^C in the terminal is for us to handle
    )
    ready = asyncio.Event()
    log = asyncio.create_task(_keep_log(process, log_file, ready))
    starting = asyncio.create_task(ready.wait())
    try:
        await asyncio.wait({starting, log}, timeout=_READY_S, return_when="FIRST_COMPLETED")
        if not ready.is_set():
            raise SetupError(f"The service did not get ready: {_last_line(log_file)}")
        yield lambda: _end_by_itself(log, log_file)
    finally:
        starting.cancel()
        await _stop(process)
        await log
    if process.returncode != 0:
        raise SetupError(f"The service did not stop cleanly: exit code {process.returncode}.")


async def _keep_log(
    process: asyncio.subprocess.Process, log_file: Path, ready: asyncio.Event
) -> None:
    """Copy the service's log until its end, and notice the line of `ready`."""
    log = process.stderr or asyncio.StreamReader()
    with log_file.open("wb", buffering=0) as copy:
        async for line in log:
            copy.write(line)
            if line.startswith(b"ready"):
                ready.set()


async def _end_by_itself(log: asyncio.Task[None], log_file: Path) -> NoReturn:
    await asyncio.shield(log)
    raise SetupError(f"The service ended by itself. Its last line: {_last_line(log_file)}")


async def _stop(process: asyncio.subprocess.Process) -> None:
    """SIGTERM, and the rough way when that is not enough."""
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _STOP_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def _last_line(log_file: Path) -> str:
    """The log's last line: most likely why the service ended."""
    lines = log_file.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "it logged nothing")
