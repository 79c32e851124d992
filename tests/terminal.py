"""A person at a terminal: a program on a pseudo terminal of its own, its screen, their keys."""

import asyncio
import fcntl
import os
import pty
import subprocess
import sys
import termios
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

CTRL_C, CTRL_D = "\x03", "\x04"
# The terminal must be the program's controlling one: ^C, and getpass's /dev/tty.
_LAUNCH = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """What a program shows, and what is typed to it."""

    def __init__(self, handle: int, process: subprocess.Popen[bytes]) -> None:
        self._handle = handle
        self._process = process
        self._seen = 0  # up to here the screen was waited for already
        self.screen = ""

    async def shows(self, text: str, *, within_s: float = 30) -> None:
        """Wait for a text that was not waited for yet."""
        deadline = time.monotonic() + within_s
        while text not in self.screen[self._seen :]:
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.screen}"
            self._read()
            await asyncio.sleep(0.02)
        self._seen = self.screen.index(text, self._seen) + len(text)

    async def types(self, text: str, *, end: str = "\n") -> None:
        await asyncio.sleep(0.05)  # getpass throws away what was typed before it asks
        os.write(self._handle, (text + end).encode())

    async def answers(self, question: str, text: str) -> None:
        await self.shows(question)
        await self.types(text)

    async def ends(self, *, within_s: float = 30) -> int:
        """Its exit code."""
        deadline = time.monotonic() + within_s
        while self._process.poll() is None:
            assert time.monotonic() < deadline, f"still running:\n{self.screen}"
            self._read()
            await asyncio.sleep(0.02)
        self._read()
        return self._process.returncode

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._handle)[3] & termios.ECHO)

    def _read(self) -> None:
        with suppress(OSError):  # EIO once the program has ended
            while chunk := os.read(self._handle, 65536):
                self.screen += chunk.decode(errors="replace").replace("\r\n", "\n")


@asynccontextmanager
async def terminal(*words: object, cwd: Path, program: str = "") -> AsyncIterator[Terminal]:
    """`adminbot WORDS`, or `program WORDS`, on a terminal, in this directory."""
    mine, theirs = pty.openpty()
    fcntl.fcntl(mine, fcntl.F_SETFL, os.O_NONBLOCK)
    command = [program] if program else [sys.executable, "-m", "adminbot"]
    process = subprocess.Popen(  # noqa: ASYNC220  # a test may block for that long
        [sys.executable, "-c", _LAUNCH, *command, *map(str, words)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=cwd,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        yield Terminal(mine, process)
    finally:
        process.kill()
        process.wait()
        os.close(mine)
