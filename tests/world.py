"""What the live tests stand on: a bot that was set up and runs as a person would run it."""

import asyncio
import os
import re
import secrets
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from nio.crypto.attachments import encrypt_attachment

from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Human, Seen

# Logins by password are limited to five; tests that are about something else need more.
MANY_LOGINS = """
bcrypt_rounds: 4
rc_login:
  address: {per_second: 1000, burst_count: 1000}
  account: {per_second: 1000, burst_count: 1000}
"""
SERVER = "example.test"


async def adminbot(*words: object, stdin: bytes | None = None) -> tuple[int, str, str]:
    """Run the command line to its end: (exit code, stdout, stderr)."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adminbot", *map(str, words)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(stdin or b""), 60)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


started: list[asyncio.subprocess.Process] = []


@dataclass
class Bot:
    """One adminbot: its files, and its process when it runs.

    `via`: where it reaches the homeserver, if not directly. `runs`: the module that is run.
    """

    homeserver: Homeserver
    directory: Path
    extra: dict[str, str] = field(default_factory=dict)
    process: asyncio.subprocess.Process | None = None
    via: str = ""
    runs: str = "adminbot"
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def env_file(self) -> Path:
        return self.directory / "env"

    @property
    def data_dir(self) -> Path:
        return self.directory / "data"

    @property
    def log_file(self) -> Path:
        return self.directory / "log"

    @property
    def log(self) -> str:
        return self.log_file.read_text() if self.log_file.exists() else ""

    def setting(self, name: str) -> str:
        found = re.search(rf"^ADMINBOT_{name}='(.*)'$", self.env_file.read_text(), re.MULTILINE)
        assert found, name
        return found[1]

    def setup_words(self, admins: Sequence[str]) -> list[object]:
        secret = self.directory / "shared-secret"
        secret.write_text(f"{self.homeserver.shared_secret}\n")
        words: list[object] = [
            "setup",
            "--non-interactive",
            "--homeserver",
            self.via or self.homeserver.url,
        ]
        for admin in admins:
            words += ["--admin", admin]
        words += ["--shared-secret-file", secret, "--bot-name", self.directory.name]
        return [*words, "--data-dir", self.data_dir, "--env-file", self.env_file]

    async def set_up(self, *admins: str, keep_secret: bool = True) -> str:
        """Set up by shared secret; returns what was printed."""
        keep = ["--keep-shared-secret"] if keep_secret else []
        code, out, err = await adminbot(*self.setup_words(admins), *keep)
        assert code == 0, err
        with self.env_file.open("a") as file:
            file.writelines(f"ADMINBOT_{name}={value}\n" for name, value in self.extra.items())
        return out + err

    async def start(self, *, ready: bool = True) -> None:
        so_far = f"\n{self.log}".count("\nready ")
        with self.log_file.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", self.runs, "run", "--env-file", str(self.env_file)),
                stdout=log,
                stderr=log,
                env=os.environ | self.environ,
            )
        started.append(self.process)
        if ready:
            await self.wait_log("\nready ", count=so_far + 1)

    async def wait_log(self, text: str, *, count: int = 1, within_s: float = 20) -> None:
        deadline = time.monotonic() + within_s
        while f"\n{self.log}".count(text) < count:
            assert self.process, "not started"
            assert self.process.returncode is None, self.log[-2000:]
            assert time.monotonic() < deadline, f"no {text!r} in:\n{self.log[-2000:]}"
            await asyncio.sleep(0.02)

    async def stop(self, how: int = signal.SIGTERM) -> int:
        """End the process; returns its exit code."""
        assert self.process
        if self.process.returncode is None:
            self.process.send_signal(how)
        code = await asyncio.wait_for(self.process.wait(), 10)
        self.process = None
        return code


@dataclass
class World:
    """A server, a running bot and an admin who has joined its rooms."""

    homeserver: Homeserver
    bot: Bot
    human: Human
    room: str
    dm: str

    async def say(self, line: str, *, room: str | None = None) -> str:
        return await self.human.send(room or self.room, line)

    async def ask(self, line: str, *, room: str | None = None, within_s: float = 20) -> Seen:
        """Type a line; returns the answer, which this human can read without any shield."""
        event_id = await self.say(line, room=room)
        return await self.answer_to(event_id, room=room, within_s=within_s)

    async def answer_to(
        self, event_id: str, *, room: str | None = None, within_s: float = 20
    ) -> Seen:
        answer = await self.human.wait_message(
            room or self.room, lambda seen: replies_to(seen) == event_id, timeout=within_s
        )
        trusted(answer)
        return answer

    async def card(
        self, answer_text: str, line: str, *, room: str | None = None, begins: str = "MATRIX_"
    ) -> "Card":
        """Type a line that ends in a card; returns the card as the human reads it.

        `begins`: the beginning of the block, which depends on the app.
        """
        before = len(self.human.messages(self.dm))
        answer = await self.ask(line, room=room)
        assert answer_text in str(answer.body), answer.body
        return await self.next_card(after=before, begins=begins)

    async def next_card(
        self, *, after: int, within_s: float = 20, begins: str = "MATRIX_"
    ) -> "Card":
        block = await self.human.wait_message(
            self.dm,
            lambda seen: (seen.body or "").startswith(begins),
            after=after,
            timeout=within_s,
        )
        seen = self.human.messages(self.dm)
        intro = [m for m in seen[: seen.index(block)] if m.type == "m.room.message"][-1]
        trusted(block)
        trusted(intro)
        return Card(intro, block, str(block.body))


@dataclass
class Card:
    """The two messages of a card, and what was to be pasted (a card vanishes)."""

    intro: Seen
    block: Seen
    text: str

    @property
    def values(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.text.splitlines())

    @property
    def token(self) -> str:
        return self.values["MATRIX_ACCESS_TOKEN"]


def trusted(seen: Seen) -> None:
    """Delivered means: encrypted, decrypted in the strictest mode, and no shield."""
    assert seen.encrypted
    assert seen.failure is None
    assert seen.shield == "none", seen.shield_reason


def replies_to(seen: Seen) -> str | None:
    relation = seen.relates_to or {}
    found = relation.get("m.in_reply_to", {}).get("event_id")
    return found if seen.type == "m.room.message" else None


async def call(
    homeserver: Homeserver, token: str | None, method: str, path: str, body: Any = None
) -> httpx.Response:
    """One plain request, as curl would send it."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with httpx.AsyncClient(base_url=homeserver.url, trust_env=False, timeout=30) as http:
        return await http.request(method, path, json=body, headers=headers)


async def whoami(homeserver: Homeserver, token: str) -> tuple[int, dict[str, Any]]:
    answer = await call(homeserver, token, "GET", "/_matrix/client/v3/account/whoami")
    return answer.status_code, answer.json()


def rows(path: Path, sql: str, *values: object) -> list[sqlite3.Row]:
    """What a database holds, read beside the process that writes it."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=20)) as db:
        db.row_factory = sqlite3.Row
        return db.execute(sql, values).fetchall()


def on_server(homeserver: Homeserver, sql: str, *values: object) -> list[sqlite3.Row]:
    """What is so on the server, whatever it shows to whom: a look into Synapse's database."""
    return rows(homeserver.directory / "homeserver.db", sql, *values)


async def lift_limit(homeserver: Homeserver, root: Person, user_id: str) -> None:
    """A test types faster than a person: message limits would only slow it down."""
    path = f"/_synapse/admin/v1/users/{user_id}/override_ratelimit"
    body = {"messages_per_second": 0, "burst_count": 0}
    (await call(homeserver, root.access_token, "POST", path, body)).raise_for_status()


async def a_person(homeserver: Homeserver, root: Person, name: str) -> Person:
    person = homeserver.register(name)
    await lift_limit(homeserver, root, person.user_id)
    return person


@asynccontextmanager
async def a_human(homeserver: Homeserver, person: Person, **how: Any) -> AsyncIterator[Human]:
    """The person's client on their first device, signed by their new identity, strictest mode."""
    async with Human.open(
        homeserver.url, person.user_id, access_token=person.access_token, **how
    ) as human:
        yield human


@asynccontextmanager
async def another_login(
    world: "World", root: Person, user_id: str | None = None
) -> AsyncIterator[Human]:
    """An unsigned device of the admin (or of `user_id`): who owns the server sets a password."""
    user_id = user_id or world.human.user_id
    password = f"Passw0rd-{secrets.token_hex(8)}"
    path = f"/_synapse/admin/v2/users/{user_id}"
    body = {"password": password, "logout_devices": False}
    (await call(world.homeserver, root.access_token, "PUT", path, body)).raise_for_status()
    async with Human.open(
        world.homeserver.url,
        user_id,
        password=password,
        bootstrap=False,
        strict=False,
    ) as human:
        yield human


@asynccontextmanager
async def a_world(
    homeserver: Homeserver,
    root: Person,
    directory: Path,
    *more: Person,
    via: str = "",
    **settings: str,
) -> AsyncIterator[World]:
    """Set a bot up for a new admin (and `more`), start it, and let the admin join.

    `via`: the proxy that the bot reaches the homeserver by.
    """
    name = directory.name
    directory.mkdir(exist_ok=True)  # noqa: ASYNC240  # a test may block for that long
    person = await a_person(homeserver, root, f"you-{name}")
    async with a_human(homeserver, person, password=person.password) as human:
        bot = Bot(homeserver, directory, settings, via=via)
        await bot.set_up(person.user_id, *(each.user_id for each in more))
        await bot.start()
        try:
            room, dm = await join_all(human, bot)
            yield World(homeserver, bot, human, room, dm)
        except BaseException:
            print(bot.log[-4000:])  # shown below the failure
            raise
        finally:
            if bot.process:
                code = await bot.stop()
                assert code == 0, bot.log[-2000:]


async def join_all(human: Human, bot: Bot) -> tuple[str, str]:
    """Accept the bot's two invitations: (admin room, direct chat)."""
    await human.wait_for(lambda h: len(h.invites()) == 2 or None, what="two invitations")
    rooms = list(human.invites())
    for room_id in rooms:
        await human.join(room_id)
    admin_room = bot.setting("ROOM")
    rooms.remove(admin_room)
    return admin_room, rooms[0]


async def send_picture(
    homeserver: Homeserver, human: Human, room: str, data: bytes, *, caption: str = ""
) -> str:
    """Send a picture, its file encrypted, as Element does; returns its event id."""
    sealed, keys = encrypt_attachment(data)
    async with httpx.AsyncClient(base_url=homeserver.url, trust_env=False, timeout=30) as http:
        headers = {"Authorization": f"Bearer {human.access_token}"}
        path = "/_matrix/media/v3/upload"
        uploaded = await http.post(path, content=sealed, headers=headers)
    uploaded.raise_for_status()
    file = keys | {"url": uploaded.json()["content_uri"]}
    content: dict[str, Any] = {
        "msgtype": "m.image",
        "body": caption or "picture.png",
        "filename": "picture.png",
        "info": {"mimetype": "image/png"},
    }
    return await human.send_event(room, "m.room.message", content | {"file": file})


async def send_without_key(human: Human, room: str, *, session: str = "b" * 43) -> str:
    """Send a message whose megolm session nobody has the key of; returns its event id."""
    body = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "AwgAEnAC" + "A" * 120,
        "device_id": human.device_id,
        "sender_key": "a" * 43,
        "session_id": session,
    }
    path = f"/_matrix/client/v3/rooms/{room}/send/m.room.encrypted/no-key"
    sent = await human.raw("PUT", path, body)
    return str(sent["event_id"])
