"""`adminbot verify @you:server`: the bot's emoji, and the operator's word on them."""

import argparse
import asyncio
import os
import threading
from collections.abc import Sequence
from contextlib import suppress

from adminbot import control
from adminbot.cli.asking import full_user_id
from adminbot.config import sources
from adminbot.errors import AdminbotError, SetupError

_STDIN = 0
_QUESTION = "Does the app show the same seven, in this order? [y/n] "
_ANSWERS = {"y": True, "yes": True, "n": False, "no": False}
_OVERTAKEN = "Another comparison has begun, so those emoji do not count. Enter shows the new ones."


async def main(args: argparse.Namespace) -> None:
    """Join the verification that is under way with this admin, or begin one.

    ^C leaves the verification as it is. Raises AdminbotError unless both are verified in the end.
    """
    settings = sources.load(args.env_file)
    user_id = full_user_id(args.user)
    if user_id not in settings.admins:
        raise SetupError(f"{user_id} is not in ADMINBOT_ADMINS.", "Add it there first.")
    async with control.dial(settings.data_dir, "Nothing was verified.") as line:
        await line.send({"verify": str(user_id)})
        await _converse(line)


async def _converse(line: control.Line) -> None:
    stdin = _Stdin()
    asking: asyncio.Task[None] | None = None
    while True:
        update = await line.hear()
        if asking and not asking.done():
            print()  # the question was still open
        match update:
            case {"say": text}:
                print(text, flush=True)
            case {"emoji": emoji, "numbers": numbers, "of": transaction}:
                overtakes = asking is not None
                if asking:
                    asking.cancel()
                shown = _shown(emoji, numbers)
                asking = asyncio.create_task(_ask(line, stdin, transaction, shown, overtakes))
            case {"done": text}:
                print(f"✅ {text}")
                return
            case {"failed": text}:
                raise AdminbotError(str(text))


def _shown(emoji: Sequence[tuple[str, str]], numbers: Sequence[int]) -> str:
    """With names and places, for terminals that cannot draw them."""
    lines = [f"  {place}. {symbol}  {name}" for place, (symbol, name) in enumerate(emoji, start=1)]
    as_numbers = " ".join(map(str, numbers))
    return "\n".join(["My seven emoji:", *lines, f"(An app without emoji shows {as_numbers}.)"])


async def _ask(
    line: control.Line, stdin: "_Stdin", transaction: str, shown: str, overtakes: bool
) -> None:
    """A line that is being typed under older emoji must not count for these: it is dropped."""
    if overtakes:
        print(_OVERTAKEN, flush=True)
        await stdin.line()
    print(shown)
    await line.send({"match": await _answer(stdin), "of": transaction})


async def _answer(stdin: "_Stdin") -> bool | None:
    """True, False, or None when nobody is there. After any other word the question comes again."""
    while True:
        print(_QUESTION, end="", flush=True)
        typed = await stdin.line()
        if not os.isatty(_STDIN):
            print()  # nobody saw the line end
        if typed is None:
            return None
        word = typed.strip().lower()
        if word in _ANSWERS:
            return _ANSWERS[word]


class _Stdin:
    """Typed lines. A daemon thread reads them: the program can end while the thread waits."""

    def __init__(self) -> None:
        self._buffer = b""
        self._next: asyncio.Future[str | None] | None = None

    async def line(self) -> str | None:
        """The next line; None when there is none any more."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
            threading.Thread(target=self._read, args=[self._next], daemon=True).start()
        # A question that was overtaken leaves its line to the next one.
        found = await asyncio.shield(self._next)
        self._next = None
        return found

    def _read(self, found: asyncio.Future[str | None]) -> None:
        chunk = b"-"
        while chunk and b"\n" not in self._buffer:
            try:
                chunk = os.read(_STDIN, 4096)  # sys.stdin would stay locked at the end
            except OSError:  # closed
                chunk = b""
            self._buffer += chunk
        line, newline, self._buffer = self._buffer.partition(b"\n")
        text = line.decode(errors="replace") if line or newline else None
        with suppress(RuntimeError):  # the loop may be gone
            found.get_loop().call_soon_threadsafe(_settle, found, text)


def _settle(found: asyncio.Future[str | None], text: str | None) -> None:
    if not found.done():
        found.set_result(text)
