"""A reader who does what the documents say, in a fresh directory, line by line.

The lines come from the documents, with this server's address put in. What is typed in the chat is
compared with the answer that docs/phone.md shows under it.
"""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dotenv import dotenv_values

from adminbot.demo.homeserver import Homeserver, Person, running
from tests import ROOT
from tests.documents import RUN_BY_A_TEST, plain, typed, ways
from tests.terminal import CTRL_C, Terminal, terminal
from tests.world import MANY_LOGINS, Bot, World, a_human, a_person, call, join_all, trusted

pytestmark = pytest.mark.anyio

# Lines for `adminbot` that others walk through.
NOT_HERE = {
    "adminbot --print-completion": "writes into the reader's home; test_arguments.py has it",
    "adminbot setup …": "each of the three ways has its tests in test_setup.py",
    "adminbot setup --homeserver http://matrix-synapse:8008 [": "the form of the line that is run",
    "adminbot setup --env-file first.env": "for a second server; the same words, other files",
    "adminbot run --env-file first.env": "the same",
}
USERS = "/_synapse/admin/v2/users/"


class Reader:
    """Somebody at the shell, in one directory, who types nothing but lines of the documents."""

    def __init__(self, home: Path, server: Homeserver) -> None:
        self.cwd = home
        self.server = server
        self.kept = home / "kept"  # which the documents call /mnt/elsewhere
        self.kept.mkdir(mode=0o700)
        self.left = {line.text for line in typed() if is_for_the_walk(line.text)}
        self._in_documents = frozenset(self.left)

    def here(self, line: str) -> str:
        """The line with what this machine has in place of the documents' names."""
        assert line in self._in_documents, f"not in the documents any more: {line}"
        self.left.discard(line)
        line = line.replace("http://localhost:8008", self.server.url)
        return line.replace("/mnt/elsewhere", str(self.kept))

    @asynccontextmanager
    async def types(self, line: str, **put_in: Path) -> AsyncIterator[Terminal]:
        """`put_in`: what stands for a word in capitals, such as F."""
        line = next(iter(ways(self.here(line))))
        for word, value in put_in.items():
            line = re.sub(rf"\b{word}\b", shlex.quote(str(value)), line)
        if line.startswith("adminbot"):
            line = f"exec {line}"  # so that ^C and the exit code are its own
        async with terminal("-c", line, cwd=self.cwd, program="/bin/sh") as shell:
            yield shell
            assert await shell.ends() == 0, f"{line}\n{shell.screen}"

    async def sees(self, line: str, *texts: str, **put_in: Path) -> str:
        """Type a line that asks nothing; returns what was on the screen at its end."""
        async with self.types(line, **put_in) as shell:
            pass
        for text in texts:
            assert text in shell.screen
        return shell.screen

    @asynccontextmanager
    async def service(self) -> AsyncIterator[None]:
        async with self.types("adminbot run") as shell:
            await shell.shows("ready user=")
            yield
            await shell.types(CTRL_C, end="")

    def setting(self, name: str) -> str:
        return str(dotenv_values(self.cwd / ".env")[f"ADMINBOT_{name}"])


def is_for_the_walk(line: str) -> bool:
    is_ours = line.startswith(("adminbot ", *RUN_BY_A_TEST))
    return is_ours and not line.startswith(tuple(NOT_HERE))


@pytest.fixture
def server(synapse: Path, tmp_path: Path) -> Iterator[Homeserver]:
    """With the documents' own name, so that the user ids in them are right."""
    with running(tmp_path / "hs", synapse, extra=MANY_LOGINS, server_name="example.org") as server:
        yield server


async def test_a_reader_who_types_what_the_documents_say(
    server: Homeserver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    reader = Reader(tmp_path, server)
    root = server.register("root", admin=True)
    helper = server.register("helper").user_id
    await call(server, root.access_token, "PUT", f"{USERS}{helper}", {"user_type": "bot"})
    you = await a_person(server, root, "you")
    async with a_human(server, you, password=you.password) as human:
        await set_up(reader)
        async with reader.service():
            bot = Bot(server, reader.cwd)
            bot.env_file.symlink_to(".env")
            world = World(server, bot, human, *await join_all(human, bot))
            await talk(reader, world)
            await look(reader, world)
        await lose_the_disk(reader, world)
        await mend(reader, world, root)
        await leave(reader, root)
    assert not reader.left, "lines that no test runs"


async def set_up(reader: Reader) -> None:
    """README.md, docs/setup.md; what setup prints is what the README shows."""
    await reader.sees("mkdir -m 700 adminbot && cd adminbot")
    reader.cwd /= "adminbot"
    line = "adminbot setup --homeserver http://localhost:8008 --admin @you:example.org"
    async with reader.types(line) as shell:
        await shell.answers("1, 2 or 3: ", "1")
        await shell.answers("Shared secret: ", reader.server.shared_secret)
    for promised in re.findall(r"^✅.*$", (ROOT / "README.md").read_text(), re.MULTILINE):
        assert promised.partition("remembered: ")[0] in shell.screen


async def talk(reader: Reader, world: World) -> None:
    """docs/phone.md from top to bottom."""
    lines = list(conversation())
    assert len(lines) > 25
    for line, promised in lines:
        answer = plain(str((await world.ask(line)).body))
        assert re.fullmatch(promised, answer), f"{line}\n{answer}"
        if line == "lockdown":
            await reader.sees("adminbot unlock", "Unlocked.")


def conversation() -> Iterator[tuple[str, str]]:
    """Each line of docs/phone.md, and the pattern of the answer that stands under it."""
    text = (ROOT / "docs/phone.md").read_text()
    for line, quote in re.findall(r"^    (\S.*)\n\n((?:> .*\n)+)", text, re.MULTILINE):
        shown = plain(re.sub(r"^> |\\$", "", quote, flags=re.MULTILINE))
        yield line, r".*".join(map(re.escape, shown.split("…")))


async def look(reader: Reader, world: World) -> None:
    """docs/operate.md, while the service runs."""
    await reader.sees("adminbot health", "✅ the last sync is")
    await reader.sees("adminbot doctor", "✅ service: runs")
    assert json.loads(await reader.sees("adminbot doctor --json"))["ok"]
    await reader.sees("adminbot audit", "newbot", "deletebot")
    await reader.sees("adminbot audit nanobot", "rotate")
    await reader.sees("adminbot audit --since 30d", "newuser")
    entries = (await reader.sees("adminbot audit --json")).splitlines()
    assert "newbot" in [json.loads(entry)["what"] for entry in entries]
    async with reader.types("adminbot audit --prune 365d") as shell:
        await shell.answers("type prune: ", "prune")
        await shell.shows("0 entries cut off")
    await reader.sees("adminbot room", f"✅ {world.human.user_id} is in it")
    await reader.sees("adminbot trust @you:example.org", "Nothing to do.")
    async with reader.types("adminbot verify @you:example.org") as shell:
        await shell.shows("accept it")
        theirs = await world.human.wait_verification(world.dm)
        await theirs.accept()
        await theirs.wait_emoji()
        await theirs.confirm()
        await shell.answers("[y/n] ", "y")
    await reader.sees("adminbot backup /mnt/elsewhere/adminbot.backup", "✅ ")


async def lose_the_disk(reader: Reader, world: World) -> None:
    """docs/operate.md: the backup and the key are elsewhere, and nothing else is left."""
    key = reader.kept / "key"
    key.write_text(reader.setting("STORE_KEY"))
    shutil.rmtree(reader.cwd)
    reader.cwd.mkdir(mode=0o700)
    shutil.copy(reader.kept / "adminbot.backup", reader.cwd)
    line = "adminbot restore adminbot.backup --store-key-file KEY"
    await reader.sees(line, "make a new backup", KEY=key)
    async with reader.service():
        trusted(await world.ask("!ping"))


async def mend(reader: Reader, world: World, root: Person) -> None:
    """docs/operate.md, while the service is stopped."""
    secret = reader.kept / "secret"
    secret.write_text(reader.server.shared_secret)
    [login] = [line for line in reader.left if line.startswith("adminbot login (")]
    await reader.sees(login, "has a new token", F=secret)
    before = reader.setting("ROOM")
    await reader.sees("adminbot room --new", "✅ encrypted admin room made")
    assert reader.setting("ROOM") != before
    await as_curl(reader, "curl -X PUT", root)
    async with reader.service():
        trusted(await world.ask("!ping", room=world.dm))


async def leave(reader: Reader, root: Person) -> None:
    async with reader.types("adminbot setup --undo") as shell:
        await shell.answers("Type adminbot to go on: ", "adminbot")
        await shell.shows("✅ account @adminbot:example.org deactivated")
    assert not (reader.cwd / ".env").exists()
    await as_curl(reader, "curl -X POST", root)  # the same by hand, in deploy/README.md


async def as_curl(reader: Reader, begins: str, root: Person) -> None:
    """Send what lines for curl would send: not every machine has curl."""
    for line in sorted(line for line in reader.left if line.startswith(begins)):
        _, *words, url = shlex.split(reader.here(line).replace("TOKEN", root.access_token))
        given = dict(zip(words[::2], words[1::2], strict=True))
        token = given["-H"].removeprefix("Authorization: Bearer ")
        path = url.removeprefix(reader.server.url)
        answer = await call(reader.server, token, given["-X"], path, json.loads(given["-d"]))
        answer.raise_for_status()
