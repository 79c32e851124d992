"""A trial: a person asks for a bot, does what the card says, talks with the program, rotates."""

import asyncio
import os
import re
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.human import Human, Seen
from tests.world import Card, World

ROOT = Path(__file__).parents[2]
_TRUST_S, _ANSWER_S, _KEY_S, _TRIES = 90, 20, 10, 3


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
        return os.environ | {"HOME": str(self.directory), "PATH": path} | self.environ


class Program(ABC):
    """One kind of program.

    `app`: the profile's name. `requirements`: for pip. `begins`: of the card's block. `in_clear`:
    the room is not encrypted. `by_alias`: the room is named by its alias. `by_https`: adminbot's
    public URL is behind TLS. `is_invited_first`: the card has it invited before it starts.
    """

    app: ClassVar[str]
    requirements: ClassVar[tuple[str, ...]] = ()
    begins: ClassVar[str]
    in_clear: ClassVar[bool] = False
    by_alias: ClassVar[bool] = False
    wants_room: ClassVar[bool] = False
    by_https: ClassVar[bool] = False
    is_invited_first: ClassVar[bool] = False

    def __init__(self, place: Place) -> None:
        self.place = place
        self.process: asyncio.subprocess.Process | None = None

    @abstractmethod
    async def first(self, card: Card) -> None:
        """Do what a new bot's card says, up to the invitation."""

    @abstractmethod
    async def again(self, card: Card) -> None:
        """Do what the card of a rotation says."""

    async def send(self, text: str) -> None:
        """Have the program say something. Of a bot, a person's message is what it answers to."""
        await self.place.world.human.send(self.place.room, text)

    async def end(self) -> None:
        if self.process and self.process.returncode is None:
            self.process.terminate()
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()


def says(card: Card, *steps: str) -> None:
    """Each step that is about to be done stands on the card. Raises Unexpected."""
    for step in steps:
        if step not in str(card.intro.body):
            raise Unexpected(f"the card does not say: {step}")


def environment(name: str, requirements: tuple[str, ...]) -> Path:
    """A program's own Python environment, made once; returns its `bin`."""
    home = ROOT / ".venv" / "apps" / name
    made = home / "made"
    if not made.exists() or made.read_text() != "\n".join(requirements):
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(home / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        if requirements:
            subprocess.run([*pip, "install", *requirements], check=True)
        made.write_text("\n".join(requirements))
    return home / "bin"


@dataclass
class Row:
    """What came of one program; times in seconds."""

    app: str
    version: str
    steps: int = 0
    trusted_s: float | None = None
    first: str = "-"
    after_rotate: str = "-"
    problem: str = ""

    @property
    def is_good(self) -> bool:
        return not self.problem and self.first == self.after_rotate == "read, no shield"


async def trial(program: Program, row: Row) -> None:
    """All of it. Raises Unexpected, AssertionError: something was not as the card promises."""
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
    await _with_trust(program, card, row, name, first=True)
    if not program.is_invited_first:
        await world.human.invite(place.room, user_id)
    await world.human.wait_membership(place.room, user_id, "join", timeout=_TRUST_S)
    row.first = await _hear(program, user_id)
    card = await world.card("New token", f"!rotate {name}", begins=program.begins)
    await _with_trust(program, card, row, name, first=False)
    row.after_rotate = await _hear(program, user_id)


async def _make_room(program: Program) -> str:
    """The person's room for the program; returns what is typed after `--room`."""
    place, alias = program.place, f"room-{program.app}"
    options: dict[str, Any] = {"room_alias_name": alias} if program.by_alias else {}
    human = place.world.human
    place.room = await human.create_room(encrypted=not program.in_clear, **options)
    return f"#{alias}:example.test" if program.by_alias else place.room


async def _with_trust(program: Program, card: Card, row: Row, name: str, *, first: bool) -> None:
    """Do what the card says, and wait for the news that it promises."""
    human, dm = program.place.world.human, program.place.world.dm
    before, began = len(human.messages(dm)), time.monotonic()
    await (program.first(card) if first else program.again(card))
    if "I tell you here when it is online" not in str(card.intro.body):
        return
    news = f"{name} is online and trusted"
    await human.wait_message(dm, news, after=before, timeout=_TRUST_S)
    if first:
        row.trusted_s = time.monotonic() - began


async def _hear(program: Program, user_id: str) -> str:
    """Have it say something, and see what the person's client shows of that."""
    human, room = program.place.world.human, program.place.room
    before = len(human.messages(room))

    def said(human: Human) -> Seen | None:
        kinds = ("m.room.message", "m.room.encrypted")
        seen = human.messages(room)[before:]
        return next((it for it in seen if it.sender == user_id and it.type in kinds), None)

    for _ in range(_TRIES):  # what is said while a bot starts, it may not hear
        await program.send("marco")
        with suppress(AssertionError):
            await human.wait_for(said, _ANSWER_S)
            break
    with suppress(AssertionError):  # its key may come a moment later, as a person would see
        await human.wait_for(lambda it: ((seen := said(it)) and seen.readable) or None, _KEY_S)
    seen = said(human)
    if seen is None:
        raise Unexpected("no answer")
    if not seen.readable:
        return f"unreadable: {seen.failure}"
    if seen.encrypted == program.in_clear:
        return "in clear" if not program.in_clear else "encrypted"
    return "read, no shield" if seen.shield == "none" else f"shield: {seen.shield_reason}"
