"""Questions in a terminal: told what is wrong and asked again, and ended at once by ^C."""

import getpass
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from adminbot.cli import UsageFault
from adminbot.errors import AdminbotError
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

T = TypeVar("T")
_NOBODY = "there is nobody to ask; give it as a file (see --help)"


class NobodyThere(UsageFault):
    """No answer will ever come: the input has ended."""


def ask(prompt: str) -> str:
    """One line, without blanks around it. Raises UsageFault when nobody is there to answer."""
    with _ended_at_once():
        try:
            return input(prompt).strip()
        except EOFError:
            raise NobodyThere("there is nobody to ask; give it as a flag (see --help)") from None
        except UnicodeDecodeError:
            return ""


def ask_secretly(prompt: str) -> Secret:
    """The same without echo, asked again until something was typed."""
    with _ended_at_once():
        while True:
            try:
                answer = getpass.getpass(prompt).strip()
            except EOFError:
                raise NobodyThere(_NOBODY) from None
            except UnicodeDecodeError:
                answer = ""
            if answer:
                return Secret(answer)
            tell("Nothing was typed.")


async def until_right(given: str | None, prompt: str, use: Callable[[str], Awaitable[T]]) -> T:
    """What `use` makes of an answer; while `use` raises, the question is asked again.

    Nothing is asked where a flag has `given` the answer: what `use` raises then is raised.
    """
    if given is not None:
        return await use(given)
    while True:
        try:
            return await use(ask(prompt))
        except NobodyThere:
            raise
        except (UsageFault, AdminbotError) as exc:
            if not sys.stdin.isatty():
                raise
            tell(exc.message() if isinstance(exc, AdminbotError) else str(exc))


def full_user_id(typed: str) -> UserId:
    """The user id that an argument names. Raises UsageFault."""
    try:
        return UserId.parse(typed)
    except ValueError:
        raise UsageFault("name a full user id such as @you:example.org") from None


def tell(text: str) -> None:
    """What is wrong with an answer."""
    text = text.replace("`", "")
    print(f"❌ {text[:1].upper()}{text[1:]}", flush=True)


def as_started(*words: object) -> str:
    """A command line that starts this program as it was started now, ready to be pasted."""
    return " ".join([_program(), *(shlex.quote(str(word)) for word in words)])


def env_words(env_file: Path) -> list[object]:
    """The flag that names the env file, where it is needed."""
    return [] if env_file == Path(".env") else ["--env-file", env_file]


def _program() -> str:
    started = sys.argv[0]
    if Path(started).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m adminbot"
    found = shutil.which(Path(started).name)
    if found and Path(found).absolute() == Path(started).absolute():
        return Path(started).name
    home = f"{Path.home()}{os.sep}"
    if started.startswith(home):
        return f"~/{shlex.quote(started.removeprefix(home))}"
    return shlex.quote(started)


@contextmanager
def _ended_at_once() -> Iterator[None]:
    """asyncio's own answer to ^C comes when a coroutine waits, and `input` never does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        print(flush=True)  # the cursor stands behind the question
        raise
    finally:
        signal.signal(signal.SIGINT, before)
