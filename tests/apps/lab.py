"""A trial: a person asks for a bot, does what the card says, talks with the program, rotates."""

import asyncio
import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from tests.human import Human, Seen
from tests.world import Card, World

_UP_S, _TRUST_S, _ANSWER_S, _KEY_S, _TRIES = 60, 90, 20, 15, 3
_GOOD, _KINDS = "read, no shield", ("m.room.message", "m.room.encrypted")


class Unexpected(Exception):
    """What the person did not see, or saw and should not have."""


@dataclass
class Place:
    """Where a program lives: its directory, its own Python, the world around it."""

    world: World
    directory: Path
    bin: Path
    environ: dict[str, str] = field(default_factory=dict)
    room: str = ""

    async def run(self, *words: str, stdin: str = "", within_s: float = 90) -> str:
        """Run a command to its end in the program's directory; returns what it printed."""
        process = await asyncio.create_subprocess_exec(
            *words,
            cwd=self.directory,
            env=self._environ(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            out, _ = await asyncio.wait_for(process.communicate(stdin.encode()), within_s)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise Unexpected(f"{words[0]} ended with {process.returncode}: {out.decode()[-600:]}")
        return out.decode()

    async def start(self, *words: str) -> asyncio.subprocess.Process:
        """Start a program that stays; its output goes into `log`."""
        with (self.directory / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *words, cwd=self.directory, env=self._environ(), stdout=log, stderr=log
            )

    def _environ(self) -> dict[str, str]:
        path = f"{self.bin}:{os.environ['PATH']}"
        own = {"HOME": str(self.directory), "PATH": path, "PYTHONUNBUFFERED": "1"}
        return os.environ | own | self.environ


class Program(ABC):
    """One kind of program.

    `app`: the profile's name. `requirements`: for pip. `node`, `node_without_scripts`: for npm.
    `begins`: of the card's block. `in_clear`: the room is not encrypted. `by_alias`: the room is
    named by its alias. `by_https`: adminbot's public URL is behind TLS. `is_invited_first`: the
    card has it invited before it starts.
    """

    app: ClassVar[str]
    requirements: ClassVar[tuple[str, ...]] = ()
    node: ClassVar[tuple[str, ...]] = ()
    node_without_scripts: ClassVar[tuple[str, ...]] = ()
    begins: ClassVar[str]
    in_clear: ClassVar[bool] = False
    by_alias: ClassVar[bool] = False
    wants_room: ClassVar[bool] = False
    by_https: ClassVar[bool] = False
    is_invited_first: ClassVar[bool] = False

    def __init__(self, place: Place) -> None:
        self.place = place
        self.process: asyncio.subprocess.Process | None = None
        self.stack = AsyncExitStack()

    @classmethod
    def version(cls) -> str:
        named = (*cls.requirements, *cls.node_without_scripts)
        return re.split("==|@", named[0])[1] if named else ""

    @abstractmethod
    async def first(self, card: Card) -> None:
        """Do what a new bot's card says, up to the invitation."""

    @abstractmethod
    async def again(self, card: Card) -> None:
        """Do what the card of a rotation says."""

    async def afresh(self, card: Card) -> None:
        """Do what the card of a new device says."""
        await self.again(card)

    @abstractmethod
    async def send(self, text: str) -> None:
        """Have the program say something."""

    async def end(self) -> None:
        """Stop it, as a person would before a restart."""
        if self.process and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


class Bot(Program):
    """A program that reads: it says its word to those who say `marco`.

    `up`: what it logs when it is.
    """

    word: ClassVar[str] = "polo"
    up: ClassVar[str]

    async def send(self, text: str) -> None:
        await self.place.world.human.send(self.place.room, text)

    async def start(self, *words: str) -> None:
        """Start it, and wait until it says that it is up. Raises Unexpected."""
        log = self.place.directory / "log"
        before = log.read_text().count(self.up) if log.exists() else 0
        self.process = await self.place.start(*words)
        for _ in range(_UP_S * 5):
            if log.read_text().count(self.up) > before:
                return
            if self.process.returncode is not None:
                raise Unexpected(f"{words[0]} ended with {self.process.returncode}")
            await asyncio.sleep(0.2)
        raise Unexpected(f"{words[0]} did not say {self.up!r}")


def says(card: Card, *steps: str) -> None:
    """Each step that is about to be done stands on the card. Raises Unexpected."""
    for step in steps:
        if step not in str(card.intro.body):
            raise Unexpected(f"the card does not say: {step}")


@dataclass
class Row:
    """What came of one program; times in seconds."""

    app: str
    version: str
    steps: int = 0
    trusted_s: float | None = None
    first: str = "-"
    answers: str = "-"
    after_rotate: str = "-"
    answers_again: str = "-"
    problem: str = ""

    @property
    def is_good(self) -> bool:
        """A send-only program has no answer to give; a bot answers what is said the first time."""
        answers = {self.answers, self.answers_again}
        is_read = self.first == self.after_rotate == _GOOD
        return is_read and not self.problem and answers <= {"yes", "sends only"}


async def trial(program: Program, row: Row, *, new_device: bool = False) -> None:
    """All of it. Raises Unexpected, AssertionError: something was not as the card promises.

    Args:
        new_device: the rotation gives a new device, and the program starts its keys anew.
    """
    place, name = program.place, f"my-{program.app}"
    world, user_id = place.world, f"@{name}:example.test"
    room = await _make_room(program)
    line = f"!newbot {name} --for {program.app}" + f" --room {room}" * program.wants_room
    card = await world.card("is ready", line, begins=program.begins)
    intro = str(card.intro.body)
    row.steps = len(re.findall(r"^\d+\. ", intro, re.MULTILINE))
    if program.is_invited_first:
        await world.human.invite(place.room, user_id)
    if f"!join {name}" in intro:
        assert place.room in str((await world.ask(f"!join {name}")).body)
    mark = len(world.human.messages(place.room))
    await _with_trust(program, card, row, name, program.first)
    if not program.is_invited_first:
        await world.human.invite(place.room, user_id)
    await world.human.wait_membership(place.room, user_id, "join", timeout=_TRUST_S)
    row.first, row.answers = await _hear(program, user_id, mark)
    rotate = f"!rotate {name}" + " --new-device" * new_device
    card = await world.card("New token", rotate, begins=program.begins)
    mark = len(world.human.messages(place.room))
    do = program.afresh if new_device else program.again
    await _with_trust(program, card, row, name, do)
    row.after_rotate, row.answers_again = await _hear(program, user_id, mark)


async def _make_room(program: Program) -> str:
    """The person's room for the program; returns what is typed after `--room`."""
    place, alias = program.place, f"room-{program.app}"
    options: dict[str, Any] = {"room_alias_name": alias} if program.by_alias else {}
    human = place.world.human
    place.room = await human.create_room(encrypted=not program.in_clear, **options)
    return f"#{alias}:example.test" if program.by_alias else place.room


async def _with_trust(
    program: Program, card: Card, row: Row, name: str, do: Callable[[Card], Awaitable[None]]
) -> None:
    """Do what the card says, and wait for the news that it promises."""
    human, dm = program.place.world.human, program.place.world.dm
    before, began = len(human.messages(dm)), time.monotonic()
    await do(card)
    if "I tell you here when it is online" not in str(card.intro.body):
        return
    news = f"{name} is online and trusted"
    await human.wait_message(dm, news, after=before, timeout=_TRUST_S)
    if row.trusted_s is None:
        row.trusted_s = time.monotonic() - began


async def _hear(program: Program, user_id: str, mark: int) -> tuple[str, str]:
    """Have it say something: what the person's client shows of all since `mark`; its answer."""
    human, room = program.place.world.human, program.place.room

    def said() -> list[Seen]:
        seen = human.messages(room)[mark:]
        return [it for it in seen if it.sender == user_id and it.type in _KINDS]

    asked = await _ask(program, lambda: len(said()))
    # Its key may come a moment later, as a person would see.
    await _soon(human, lambda: all(each.readable for each in said()), _KEY_S)
    heard = said()
    shown = [_shown(each, in_clear=program.in_clear) for each in heard]
    answer = "sends only"
    if isinstance(program, Bot):
        spoke = any(program.word in str(each.body) for each in heard)
        answer = ("yes" if asked == 1 else f"asked {asked} times") if spoke else "no"
    return next((it for it in shown if it != _GOOD), _GOOD), answer


async def _ask(program: Program, said: Callable[[], int]) -> int:
    """Have it say something; returns how often that was tried. Raises Unexpected: in vain."""
    for asked in range(1, _TRIES + 1):
        so_far = said()
        await program.send("marco")
        if await _soon(program.place.world.human, partial(_is_more, said, so_far), _ANSWER_S):
            return asked
    raise Unexpected("it said nothing")


async def _soon(human: Human, what: Callable[[], bool], within_s: float) -> bool:
    try:
        return await human.wait_for(lambda _: what(), within_s)
    except AssertionError:
        return False


def _is_more(said: Callable[[], int], so_far: int) -> bool:
    return said() > so_far


def _shown(seen: Seen, *, in_clear: bool) -> str:
    if not seen.readable:
        return f"unreadable: {seen.failure}"
    if seen.encrypted == in_clear:
        return "encrypted" if in_clear else "in clear"
    return _GOOD if seen.shield == "none" else f"shield: {seen.shield_reason}"
