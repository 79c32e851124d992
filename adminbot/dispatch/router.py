"""What a person typed → Command + Args; what comes back: Reply. Pure."""

import difflib
import json
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

from adminbot.errors import UsageError
from adminbot.values.text import safe_to_quote

if TYPE_CHECKING:
    from adminbot.dispatch.context import Context

_WORD = re.compile(r'"([^"]*)"(?=\s|$)|(\S+)')
_CURLY = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'"})


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler returns. `text` may use `code` and **bold**; it never holds a secret.

    `ask`: nothing has happened yet; it does once the person types this word, which names what the
    question is about. `tap`: a tap on ✅ does it, too. `line`: the command line that is carried
    out then, if it is not the same one again.
    `card`: the id of a card that is to be delivered before this is said.
    """

    text: str
    ask: str = ""
    tap: bool = False
    line: str = ""
    card: int | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Args:
    """The words after the command: positional ones, and `--flags` with or without a value."""

    words: tuple[str, ...] = ()
    flags: dict[str, str] = field(default_factory=dict)


Handler = Callable[["Context", Args], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Command:
    """One chat command, declared once: the parser and `!help` read the same lines.

    `flags`: name → what its value is called; empty for a flag without value.
    `acts`: it changes something; it is noted before it begins. `gives_card`: it ends in a card.
    `brake`: it stops something, so it waits behind nothing: it is `at_once`, as are commands that
    need neither the server nor what was asked for before.
    """

    name: str
    usage: str
    summary: str
    details: str
    run: Handler
    least: int
    most: int | None
    flags: dict[str, str]
    acts: bool
    gives_card: bool
    brake: bool
    at_once: bool


class Router:
    """A table of commands; routers add up, and the same name twice is an error at import."""

    def __init__(self, *parts: "Router") -> None:
        self._commands: dict[str, Command] = {}
        for part in parts:
            for command in part.commands:
                self._add(command)

    @property
    def commands(self) -> tuple[Command, ...]:
        return tuple(self._commands.values())

    def command(
        self,
        name: str,
        usage: str,
        summary: str,
        *,
        details: str = "",
        words: tuple[int, int | None] = (0, 0),
        flags: dict[str, str] | None = None,
        acts: bool = False,
        gives_card: bool = False,
        brake: bool = False,
        at_once: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a handler. `words`: how many positional words it takes (None: any number)."""

        def declare(run: Handler) -> Handler:
            least, most = words
            self._add(
                Command(
                    name=name,
                    usage=usage,
                    summary=summary,
                    details=details,
                    run=run,
                    least=least,
                    most=most,
                    flags=flags or {},
                    acts=acts or gives_card,
                    gives_card=gives_card,
                    brake=brake,
                    at_once=at_once or brake,
                )
            )
            return run

        return declare

    def _add(self, command: Command) -> None:
        if command.name in self._commands:
            raise ValueError(f"{command.name!r} is registered twice")
        self._commands[command.name] = command

    def find(self, name: str) -> Command | None:
        return self._commands.get(name.lower())

    def resolve(self, line: str, prefix: str) -> tuple[Command, Args]:
        """The command of a line without its prefix, and its arguments.

        Raises:
            UsageError: no such command (the nearest is named), or it does not take these words.
        """
        name, *rest = split(line) or [""]
        command = self.find(name)
        if command is None:
            raise UsageError(
                f"I know no `{prefix}{safe_to_quote(name)}`.", self._nearest(name, prefix)
            )
        return command, _parse_args(command, rest, prefix)

    def _nearest(self, name: str, prefix: str) -> str:
        near = difflib.get_close_matches(name.lower(), self._commands, n=1, cutoff=0.5)
        if near:
            return f"Did you mean `{prefix}{near[0]}`?"
        return f"`{prefix}help` lists what I know."


def _parse_args(command: Command, rest: list[str], prefix: str) -> Args:
    usage = f"Type: `{f'{prefix}{command.name} {command.usage}'.strip()}`"
    words: list[str] = []
    flags: dict[str, str] = {}
    pending = iter(rest)
    for word in pending:
        if not word.startswith("--"):
            words.append(word)
            continue
        flag, equals, value = word[2:].partition("=")
        flag = flag.lower()
        if flag not in command.flags:
            known = ", ".join(f"`--{name}`" for name in command.flags) or "none"
            raise UsageError(
                f"`{prefix}{command.name}` has no `--{safe_to_quote(flag)}` (it has {known}).",
                usage,
            )
        if command.flags[flag] and not equals:
            value = next(pending, "")
            value = "" if value.startswith("--") else value
        if bool(value) != bool(command.flags[flag]):
            wants = "wants a value" if command.flags[flag] else "takes no value"
            raise UsageError(f"`--{flag}` {wants}.", usage)
        flags[flag] = value
    if len(words) < command.least:
        raise UsageError(f"`{prefix}{command.name}` needs a name.", usage)
    if command.most is not None and len(words) > command.most:
        raise UsageError(f"That is more than `{prefix}{command.name}` takes.", usage)
    return Args(tuple(words), flags)


def split(line: str) -> list[str]:
    """Words; "straight" and “curly” double quotes hold several together; — and – mean --."""
    found = [quoted or bare for quoted, bare in _WORD.findall(line.translate(_CURLY))]
    return [re.sub(r"^[—–](?=\w)", "--", re.sub(r"^[—–]-?(?=\w)", "--", word)) for word in found]


def command_line(body: str, prefix: str, names: Iterable[str]) -> str | None:
    """The line after the prefix or our name; None if the text is not addressed to us.

    Args:
        names: what people call us: localpart, user id, display name.
    """
    text = body.strip()
    if text.startswith(prefix):
        line = text[len(prefix) :].strip()
        return line if line[:1].isalnum() else None  # "!" or "!!!" is just talk
    for name in sorted(filter(None, names), key=len, reverse=True):
        address = r"[:,]?" if name.startswith("@") else "[:,]"
        found = re.match(rf"{re.escape(name)}\s*{address}(?:\s+|$)", text, re.IGNORECASE)
        if found:
            return text[found.end() :].strip().removeprefix(prefix).strip() or "help"
    return None
