"""One bench of the lab: a Synapse, a proxy before it, a bot behind it, a person; and the truth.

The truth about accounts and tokens is read from Synapse's own database, and what the bot believes
from the bot's: neither is asked over the API that is being broken.
"""

import asyncio
import random
import signal
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from adminbot.demo.homeserver import Homeserver, Person, running
from tests.faults import launcher
from tests.faults.proxy import Proxy, a_proxy
from tests.human import Human, HumanError, Seen
from tests.world import MANY_LOGINS, Bot, a_human, a_person, adminbot, join_all, replies_to

ANSWER_S, CARD_S, SETTLE_S = 75, 60, 0.4


def rows(path: Path, sql: str, *values: object) -> list[sqlite3.Row]:
    """What a database holds, read beside the process that writes it."""
    for _ in range(100):
        try:
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
                db.row_factory = sqlite3.Row
                return db.execute(sql, values).fetchall()
        except sqlite3.OperationalError:  # locked, or Synapse is just starting
            time.sleep(0.05)
    raise AssertionError(f"{path} cannot be read")


@dataclass
class Truth:
    """What Synapse's database says of accounts, and the bot's of its bots."""

    synapse: Path
    bot: Path

    def exists(self, user_id: str) -> bool:
        return bool(rows(self.synapse, "SELECT 1 FROM users WHERE name = ?", user_id))

    def is_deactivated(self, user_id: str) -> bool:
        found = rows(self.synapse, "SELECT deactivated FROM users WHERE name = ?", user_id)
        return bool(found and found[0][0])

    def tokens(self, user_id: str) -> dict[str, str]:
        """Live access tokens of an account → device id."""
        sql = "SELECT token, device_id FROM access_tokens WHERE user_id = ? AND device_id NOTNULL"
        return {row["token"]: row["device_id"] for row in rows(self.synapse, sql, user_id)}

    def endless_puppets(self, user_id: str) -> int:
        """Sessions without a device (login-as) that never end by themselves."""
        sql = (
            "SELECT 1 FROM access_tokens WHERE puppets_user_id = ? AND device_id IS NULL "
            "AND valid_until_ms IS NULL"
        )
        return len(rows(self.synapse, sql, user_id))

    def devices(self, user_id: str) -> set[str]:
        sql = "SELECT device_id FROM devices WHERE user_id = ? AND NOT hidden"
        return {row[0] for row in rows(self.synapse, sql, user_id)}

    def signatures(self, user_id: str, device_id: str) -> int:
        """How many signatures by a cross-signing key a device has."""
        sql = (
            "SELECT 1 FROM e2e_cross_signing_signatures WHERE target_user_id = ? "
            "AND target_device_id = ?"
        )
        return len(rows(self.synapse, sql, user_id, device_id))

    def bot_row(self, user_id: str) -> sqlite3.Row | None:
        found = rows(self.bot, "SELECT * FROM bot WHERE user_id = ?", user_id)
        return found[0] if found else None

    def loose_ends(self) -> list[str]:
        """What the bot has begun and not ended."""
        acts = rows(self.bot, "SELECT command FROM act WHERE outcome IS NULL")
        letters = rows(self.bot, "SELECT 1 FROM inbox WHERE content IS NOT NULL")
        cards = rows(self.bot, "SELECT 1 FROM card WHERE content IS NOT NULL AND gone_at IS NULL")
        return (
            [f"act {row[0]} has no end" for row in acts]
            + ["a message has no answer"] * len(letters)
            + ["a card is not out"] * len(cards)
        )


# A program that logs in by itself.
_ALONE = """
title = "Alone"
about = "logs in by itself"
source = [{ what = "the lab", read = 2026-11-26 }]
takes = "password"
format = "env"
paste_into = "`.env`"
first = ["Start it."]
works = "It answers."

[block]
MATRIX_USER_ID = "{user_id}"
MATRIX_DEVICE_ID = "{device_id}"
MATRIX_PASSWORD = "{password}"
"""


@dataclass
class Bench:
    """Everything one lane of the lab works with."""

    homeserver: Homeserver
    root: Person
    proxy: Proxy
    bot: Bot
    human: Human
    room: str
    dm: str
    chance: random.Random
    truth: Truth
    kill_file: Path
    names: int = 0
    log_at: int = 0
    secrets: set[str] = field(default_factory=set)

    def name(self) -> str:
        """A name that no other case has."""
        self.names += 1
        return f"{self.bot.directory.name}-{self.names}"

    # -- the person

    async def say(self, line: str) -> str:
        """Type a line; where it does not get out, tap on it until it does, as in Element."""
        try:
            return await self.human.send(self.room, line)
        except HumanError as exc:
            why = str(exc)
        for _ in range(60):
            await asyncio.sleep(0.5)
            try:
                if event_id := await self.human.retry(self.room):
                    return event_id
                return await self.human.send(self.room, line)  # it was not even begun
            except HumanError as exc:
                why = str(exc)
        raise AssertionError(f"the person cannot write: {why}")

    async def answers(self, event_id: str, within_s: float = ANSWER_S) -> list[Seen]:
        """What the bot said to it, once it has said something; empty if it never does."""

        def said() -> list[Seen]:
            seen = self.human.messages(self.room)
            return [m for m in seen if replies_to(m) == event_id and not _is_progress(m)]

        await wait_until(said, within_s)
        return said()

    def has_answer(self, event_id: str) -> bool:
        return any(replies_to(seen) == event_id for seen in self.human.messages(self.room))

    async def ask(self, line: str) -> str:
        """A line and its answer, when nothing goes wrong."""
        found = await self.answers(await self.say(line))
        assert found, f"no answer to {line}: {self.bot.log[-1500:]}"
        return str(found[0].body)

    def blocks(self, user_id: str) -> list[Seen]:
        """The cards of a bot that can be read now."""
        return [
            m
            for m in self.human.messages(self.dm)
            if f"MATRIX_USER_ID={user_id}\n" in (m.body or "") and not m.redacted
        ]

    async def card(self, user_id: str) -> dict[str, str]:
        """The values on the bot's newest card; empty if none comes."""
        found = await wait_until(lambda: self.blocks(user_id), CARD_S)
        if not found:
            return {}
        values = dict(line.split("=", 1) for line in str(found[-1].body).splitlines())
        secrets = ("MATRIX_ACCESS_TOKEN", "MATRIX_PASSWORD")
        self.secrets.update(values[name] for name in secrets if name in values)
        return values

    # -- the bot

    async def shell(self, word: str) -> tuple[int, str, str]:
        return await adminbot(word, "--env-file", self.bot.env_file)

    def arm(self, writes: int) -> None:
        """Let the bot die before so many more writes."""
        self.kill_file.write_text(str(writes))

    def disarm(self) -> None:
        self.kill_file.unlink(missing_ok=True)
        self.proxy.disarm()

    async def died(self, within_s: float) -> bool:
        """Whether the bot's process ends in that time."""
        assert self.bot.process
        try:
            await asyncio.wait_for(asyncio.shield(self.bot.process.wait()), within_s)
        except TimeoutError:
            return False
        return True

    async def restart(self, how: int = signal.SIGKILL) -> None:
        if self.bot.process:
            await self.bot.stop(how)
        await self.bot.start()


def _is_progress(seen: Seen) -> bool:
    return (seen.body or "").startswith(("⏳", "🏁"))


async def wait_until(look: Any, within_s: float) -> Any:
    """Look again until there is something, or time is up; returns what was seen last."""
    deadline = time.monotonic() + within_s
    while not (found := look()) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return found


def _no_greetings(bot: Bot) -> None:
    """As in an installation of before greetings: the first card is the first to share a key."""
    with closing(sqlite3.connect(bot.data_dir / "adminbot.db")) as db, db:
        db.execute("INSERT INTO fact SELECT 'greeted ' || room_id, '1' FROM dm")
        db.execute("INSERT INTO fact VALUES ('greeted the admin room', '1')")


@asynccontextmanager
async def a_bench(
    directory: Path, synapse: Path, seed: int, *, shared_secret: bool = True, **settings: str
) -> AsyncIterator[Bench]:
    """Set everything up, with the bot behind the proxy, and let the person join."""
    chance = random.Random(seed)  # noqa: S311  # to be repeated, not to be secret
    with running(directory / "synapse", synapse, extra=MANY_LOGINS) as homeserver:
        root = homeserver.register("root", admin=True)
        person = await a_person(homeserver, root, "you")
        async with a_proxy(homeserver.url, chance) as proxy, a_human(homeserver, person) as human:
            home = directory / "fault"
            (home / "apps").mkdir(parents=True)
            (home / "apps" / "alone.toml").write_text(_ALONE)
            settings["APPS_DIR"] = str(home / "apps")
            kill_file = home / "kill"
            bot = Bot(homeserver, home, settings, via=proxy.url, runs="tests.faults.launcher")
            bot.environ = {launcher.KILL: str(kill_file)}
            await bot.set_up(person.user_id, keep_secret=shared_secret)
            _no_greetings(bot)
            await bot.start()
            try:
                room, dm = await join_all(human, bot)
                truth = Truth(homeserver.directory / "homeserver.db", bot.data_dir / "adminbot.db")
                bench = Bench(
                    homeserver, root, proxy, bot, human, room, dm, chance, truth, kill_file
                )
                await bench.ask("!ping")
                yield bench
            finally:
                proxy.disarm()
                if bot.process:
                    await bot.stop(signal.SIGKILL)
