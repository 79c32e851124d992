"""The table of commands: declared once, found by typed text; and the reply of a handler.

The parser, `!help`, docs/commands.md, the permission check and the confirmation read the
declaration, and know nothing else of a command. Pure.
"""

import difflib
import enum
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Self

from adminbot.dispatch.grammar import Args, Flag, Usage, split
from adminbot.errors import UnknownCommand
from adminbot.values.text import half_width

_ENDS = ".,:;!?…"

if TYPE_CHECKING:
    from adminbot.dispatch.context import Context


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler returns.

    `text`: for the room, with `code` and **bold**; never a secret. `card`: the id of a card that
    is delivered before the text is said. A reply with `ask` is a question, and nothing has
    happened yet: the command is carried out once the person answers. `ask` says what the question
    is about, such as `nano`; its last word is to be typed. `tap`: ✅ under the question will do.
    """

    text: str
    ask: str = ""
    tap: bool = False
    card: int | None = None

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What an earlier version kept besides is left out."""
        kept = json.loads(text)
        return cls(**{field.name: kept[field.name] for field in fields(cls)})


class Confirm(enum.Enum):
    """What a person must do, when asked, before a command is carried out."""

    NOTHING = "nothing"
    TAP = "tap ✅, or type the bot's name"
    NAME = "type the bot's name"
    COMMAND = "type the command's own name"
    ALL = "with `--all`, type `all`"
    BEGINNING = "to take one back, type the beginning of the token"
    PICTURE = "reply to a picture, or send one"
    KEYS = "of a device that is not from its card, type the last block of the keys"


Handler = Callable[["Context", Args], Awaitable[Reply]]


@dataclass(frozen=True, slots=True)
class Command:
    """One chat command, as declared.

    `topic`: the title of the router. `acts`: the command changes something, and the change is
    noted before the change begins. `only_looks`: says of typed words that they change nothing
    after all. `gives_card`: the command ends in a card. `brake`: the command
    stops something, and waits behind nothing. `at_once`: a brake, or a command without need of the
    server and of earlier commands. `declines`: the command says no to every open question of the
    person. `before_verified`: where emoji must be compared, the command may be typed before.
    """

    usage: Usage
    summary: str
    details: str
    topic: str
    run: Handler
    acts: bool
    only_looks: Callable[[Args], bool]
    gives_card: bool
    confirm: Confirm
    brake: bool
    at_once: bool
    declines: bool
    before_verified: bool

    def changes(self, args: Args) -> bool:
        """Whether the command changes something when typed with these words."""
        return self.acts and not self.only_looks(args)

    @property
    def name(self) -> str:
        return self.usage.name

    @property
    def is_audited(self) -> bool:
        """Whether a refusal is worth an entry in the audit; of `!lockdown`, too: no act."""
        return self.acts or (self.brake and not self.declines)


class Router:
    """Commands of one topic, or of all topics: the same name twice is an error at import."""

    def __init__(self, topic: str = "") -> None:
        self._topic = topic
        self._commands: dict[str, Command] = {}

    @classmethod
    def joined(cls, *routers: "Router") -> Self:
        joined = cls()
        for router in routers:
            for command in router.commands:
                joined._add(command)
        return joined

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
        flags: Mapping[str, Flag] | None = None,
        acts: bool = False,
        only_looks: Callable[[Args], bool] = lambda _: False,
        gives_card: bool = False,
        confirm: Confirm = Confirm.NOTHING,
        brake: bool = False,
        at_once: bool = False,
        declines: bool = False,
        before_verified: bool = False,
    ) -> Callable[[Handler], Handler]:
        """Declare a handler; see Usage for `usage` and `flags`, Command for the rest."""

        def declare(run: Handler) -> Handler:
            command = Command(
                usage=Usage.parse(name, usage, flags or {}),
                summary=summary,
                details=details,
                topic=self._topic,
                run=run,
                acts=acts or gives_card,
                only_looks=only_looks,
                gives_card=gives_card,
                confirm=confirm,
                brake=brake,
                at_once=at_once or brake,
                declines=declines,
                before_verified=before_verified,
            )
            self._add(command)
            return run

        return declare

    def _add(self, command: Command) -> None:
        if command.name in self._commands:
            raise ValueError(f"{command.name!r} is registered twice")
        self._commands[command.name] = command

    def find(self, name: str) -> Command | None:
        """By name, in whatever letters; phones put a full stop behind a word by themselves."""
        return self._commands.get(half_width(name).lower().rstrip(_ENDS))

    def find_in(self, line: str) -> Command | None:
        """The command at the beginning of a line without prefix, whatever else is in the line."""
        name, *_ = split(line) or [""]
        return self.find(name)

    def resolve(self, line: str) -> tuple[Command, Args]:
        """The command of a line without prefix, and the arguments.

        Raises:
            UnknownCommand: no such command.
            UsageError: wrong words for the command.
        """
        name, *typed = split(line) or [""]
        command = self.find(name)
        if command is None:
            raise UnknownCommand(name, *self.nearest(name))
        return command, command.usage.read(typed)

    def nearest(self, name: str) -> list[str]:
        """The commands whose names are like a typed name, the likeliest first."""
        return difflib.get_close_matches(name.lower(), self._commands, cutoff=0.5)
