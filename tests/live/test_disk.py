"""The disk and the clock: full, read-only, damaged, locked, and a day off. Told, never guessed."""

import asyncio
import resource
import secrets
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from tests.faults import launcher
from tests.human import Human, Seen
from tests.world import Bot, World, a_human, a_person, a_world, join_all, replies_to

pytestmark = pytest.mark.anyio

DAY_S = 86_400


async def refused(bot: Bot) -> str:
    """Start it where it cannot start: exit code 1 and one line."""
    lines = bot.log.count("\n")
    await bot.start(ready=False)
    assert bot.process
    assert await asyncio.wait_for(bot.process.wait(), 20) == 1
    bot.process = None
    said = bot.log.splitlines()[lines:]
    assert len(said) == 1, said
    return said[0]


def garble(path: Path) -> bytes:
    """Overwrite the middle of a file; returns what it holds then."""
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4096] = secrets.token_bytes(4096)
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize("name", ["adminbot.db", "crypto/crypto.db"])
async def test_a_damaged_database_is_told_and_left_as_it_is(
    homeserver: Homeserver, root: Person, directory: Path, name: str
) -> None:
    """Neither silently made anew nor written to; put back as it was, all goes on."""
    async with a_world(homeserver, root, directory) as world:
        await world.card("is ready", f"!newbot {directory.name}-x")
        await world.bot.stop()
        kept = directory / "kept"
        shutil.copytree(world.bot.data_dir, kept)
        broken = garble(world.bot.data_dir / name)
        said = await refused(world.bot)
        assert "damaged" in said
        assert (world.bot.data_dir / name).read_bytes() == broken
        shutil.rmtree(world.bot.data_dir)
        kept.rename(world.bot.data_dir)
        await world.bot.start()
        assert "Bots (1)" in str((await world.ask("!bots")).body)


async def test_something_that_is_no_database_is_told(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    person = homeserver.register(f"you-{directory.name}")
    bot = Bot(homeserver, directory)
    await bot.set_up(person.user_id)
    (bot.data_dir / "adminbot.db").write_text("all gone")
    assert "damaged, or no database" in await refused(bot)
    assert (bot.data_dir / "adminbot.db").read_text() == "all gone"


async def test_a_database_that_somebody_holds_is_waited_for(world: World) -> None:
    """The command is not lost, the person is told, and it is done once."""
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as other:
        other.execute("BEGIN IMMEDIATE")
        event_id = await world.say("!newbot patient")
        told = await world.human.wait_message(
            world.room, "I cannot write my own state", timeout=30
        )
        assert told.encrypted
        assert "state not usable why=database is locked" in world.bot.log
        other.execute("ROLLBACK")
    answer = await world.answer_to(event_id, within_s=30)
    assert "is ready" in str(answer.body)
    await world.human.wait_message(world.room, "I can write my own state again", timeout=30)
    assert "patient" in str((await world.ask("!bots")).body)


@contextmanager
def a_disk_of_its_own(data_dir: Path) -> Iterator[Path | None]:
    """A file system for the data directory alone, if we may mount one; yields what fills it."""
    kept = data_dir.with_name("kept")
    shutil.copytree(data_dir, kept)
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m,mode=0700", "tmpfs", str(data_dir)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield None  # not root, or root in a container
        return
    try:
        shutil.copytree(kept, data_dir, dirs_exist_ok=True)
        yield data_dir / "filler"
    finally:
        subprocess.run(["umount", "--lazy", str(data_dir)], check=True)


@contextmanager
def full(bot: Bot, filler: Path | None) -> Iterator[None]:
    """No more room: the disk's own end, or (for who may not mount) an end to every file."""
    if filler:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        yield
        filler.unlink()
        return
    assert bot.process
    _, hard = resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (0, -1))
    yield
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (hard, hard))


async def test_a_full_disk_loses_nothing(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """A command that was typed meanwhile is done once there is room, and exactly once."""
    async with a_world(homeserver, root, directory) as world:
        await world.bot.stop()
        with a_disk_of_its_own(world.bot.data_dir) as filler:
            await world.bot.start()
            await world.ask("!ping")
            with full(world.bot, filler):
                event_id = await world.say(f"!newbot {directory.name}-x")
                await world.human.wait_message(
                    world.room, "I cannot write my own state", timeout=30
                )
                assert not answers(world, event_id)
            answer = await world.answer_to(event_id, within_s=40)
            assert "is ready" in str(answer.body)
            assert "Bots (1)" in str((await world.ask("!bots")).body)
            assert len(answers(world, event_id)) == 1
            assert await world.bot.stop() == 0


def answers(world: World, event_id: str) -> list[Seen]:
    return [m for m in world.human.messages(world.room) if replies_to(m) == event_id]


# -- the clock


@pytest.mark.parametrize("skew_s", [DAY_S, -DAY_S], ids=["a day ahead", "a day behind"])
async def test_a_clock_that_is_a_day_off_changes_nothing_that_matters(
    homeserver: Homeserver, root: Person, directory: Path, skew_s: int
) -> None:
    """Set up with the right clock, run with a wrong one: commands count, bots are signed."""
    person = await a_person(homeserver, root, f"you-{directory.name}")
    async with a_human(homeserver, person) as human:
        bot = Bot(homeserver, directory, {"CARD_TTL": "6s"}, runs="tests.faults.launcher")
        await bot.set_up(person.user_id)
        await bot.start()
        room, dm = await join_all(human, bot)
        world = World(homeserver, bot, human, room, dm)
        await world.ask("!ping")
        first = await world.card("is ready", f"!newbot {directory.name}-a")
        question = await world.ask(f"!revoke {directory.name}-a")
        await world.ask("!ping")
        await bot.stop(signal.SIGKILL)

        bot.environ = {launcher.SKEW: str(skew_s)}
        await bot.start()
        # A card and a question from before live no longer than they would have.
        await human.wait_for(lambda h: first.block.redacted or None, timeout=10)
        await human.react(room, question.event_id, "✅")
        second = await world.card("is ready", f"!newbot {directory.name}-b")
        assert f"{directory.name}-a never used" in str((await world.ask("!bots")).body)
        await identity_is_published(human, second.values["MATRIX_USER_ID"])
        await human.wait_for(lambda h: second.block.redacted or None, timeout=12)
        assert await bot.stop() == 0


async def identity_is_published(human: Human, user_id: str) -> None:
    """By a session of the bot's account that ends by the server's clock, not by ours."""
    for _ in range(100):
        found = await human.raw(
            "POST", "/_matrix/client/v3/keys/query", {"device_keys": {user_id: []}}
        )
        if user_id in found["master_keys"]:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("no identity")
