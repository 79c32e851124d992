"""`adminbot setup`, as typed in a shell: three ways, and interrupted anywhere."""

import asyncio
import os
import re
import signal
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person, running
from tests.human import Human
from tests.world import Bot, a_human, a_person, adminbot, call, join_all, replies_to, whoami

pytestmark = pytest.mark.anyio


@pytest.fixture
async def you(homeserver: Homeserver, root: Person, directory: Path) -> Person:
    return await a_person(homeserver, root, f"you-{directory.name}")


async def serves(bot: Bot, you: Person) -> None:
    """The bot runs and answers its admin."""
    async with a_human(bot.homeserver, you) as human:
        await bot.start()
        room, _ = await join_all(human, bot)
        event_id = await human.send(room, "!ping")
        answer = await human.wait_message(room, lambda m: replies_to(m) == event_id)
        assert (answer.body, answer.shield) == ("🏓 pong", "none")
        assert await bot.stop() == 0


async def devices(homeserver: Homeserver, person: Person) -> set[str]:
    path = "/_matrix/client/v3/devices"
    answer = await call(homeserver, person.access_token, "GET", path)
    return {device["device_id"] for device in answer.json()["devices"]}


async def test_the_shared_secret_is_used_and_not_kept(
    homeserver: Homeserver, directory: Path, you: Person
) -> None:
    bot = Bot(homeserver, directory)
    printed = await bot.set_up(you.user_id, keep_secret=False)

    assert stat.S_IMODE(bot.env_file.stat().st_mode) == 0o600
    everything = printed + bot.env_file.read_text()
    assert homeserver.shared_secret not in everything
    assert bot.setting("ACCESS_TOKEN") not in printed
    assert not (directory / "env.setup").exists()
    await serves(bot, you)


async def test_an_admins_login_is_ended_again(
    homeserver: Homeserver, root: Person, directory: Path, you: Person
) -> None:
    before = await devices(homeserver, root)
    bot = Bot(homeserver, directory)
    (directory / "password").write_text(root.password)
    words = bot.setup_words([you.user_id])
    way = words.index("--shared-secret-file")
    words[way : way + 2] = ["--login-as", "root", "--password-file", directory / "password"]
    code, out, err = await adminbot(*words)

    assert code == 0, err
    assert root.password not in out + err + bot.env_file.read_text()
    assert await devices(homeserver, root) == before
    await serves(bot, you)


async def test_an_admins_token_will_do(
    homeserver: Homeserver, root: Person, directory: Path, you: Person
) -> None:
    bot = Bot(homeserver, directory)
    (directory / "token").write_text(root.access_token)
    words = bot.setup_words([you.user_id])
    way = words.index("--shared-secret-file")
    words[way : way + 2] = ["--admin-token-file", directory / "token"]
    code, _, err = await adminbot(*words)

    assert code == 0, err
    assert root.access_token not in bot.env_file.read_text()
    assert (await whoami(homeserver, root.access_token))[0] == 200
    await serves(bot, you)


async def test_an_env_file_is_never_written_over(
    homeserver: Homeserver, directory: Path, you: Person
) -> None:
    bot = Bot(homeserver, directory)
    bot.env_file.write_text("MINE=1\n")
    code, _, err = await adminbot(*bot.setup_words([you.user_id]))

    assert (code, bot.env_file.read_text()) == (1, "MINE=1\n")
    assert "--force" in err
    answer = await call(homeserver, None, "GET", f"/_matrix/client/v3/profile/@{directory.name}:x")
    assert answer.status_code != 200


async def test_an_existing_account_is_left_alone(
    homeserver: Homeserver, directory: Path, you: Person
) -> None:
    bot = Bot(homeserver, directory)
    words = bot.setup_words([you.user_id])
    words[words.index("--bot-name") + 1] = you.user_id[1:].split(":")[0]
    code, _, err = await adminbot(*words)

    assert code == 1
    assert "exists already, and I leave it alone" in err
    assert (await whoami(homeserver, you.access_token))[0] == 200
    await bot.set_up(you.user_id)  # another name, the same files


async def test_a_dead_port_or_a_foreign_server_is_told(tmp_path: Path) -> None:
    """Needs no server, but eight seconds: too long for `make check`."""
    secret = tmp_path / "secret"
    secret.write_text("s")
    code, _, err = await adminbot(
        *("setup", "--non-interactive", "--homeserver", "http://127.0.0.1:1"),
        *("--admin", "@you:example.test", "--shared-secret-file", secret),
        *("--data-dir", tmp_path / "data", "--env-file", tmp_path / "env"),
    )
    assert code == 1
    assert err.count("\n") == 1
    assert "Nothing listens at 127.0.0.1:1 (connection refused)" in err


async def test_a_wrong_secret_changes_nothing_and_the_right_one_then_works(
    homeserver: Homeserver, directory: Path, you: Person
) -> None:
    bot = Bot(homeserver, directory)
    words = bot.setup_words([you.user_id])
    (directory / "shared-secret").write_text("wrong")
    code, _, err = await adminbot(*words)
    assert code == 1
    assert "does not accept the registration shared secret" in err

    await bot.set_up(you.user_id)
    await serves(bot, you)


# Killed after this many lines of output: each line is a step that was done.
@pytest.mark.parametrize("lines", range(8))
async def test_killed_after_any_step_it_finishes_when_run_again(
    homeserver: Homeserver, root: Person, directory: Path, you: Person, lines: int
) -> None:
    bot = Bot(homeserver, directory)
    words = [str(word) for word in bot.setup_words([you.user_id])]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "adminbot", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout
    for _ in range(lines):
        await process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    await process.wait()
    code, _, err = await adminbot(*words)
    assert code == 0, err
    assert not (directory / "env.setup").exists()

    async with a_human(homeserver, you) as human:
        await bot.start()
        room, _ = await join_all(human, bot)  # exactly one admin room and one direct chat
        event_id = await human.send(room, "!ping")
        answer = await human.wait_message(room, lambda m: replies_to(m) == event_id)
        assert (answer.body, answer.shield) == ("🏓 pong", "none")
        assert await bot.stop() == 0


@pytest.fixture
def default_server(synapse: Path, tmp_path: Path) -> Iterator[Homeserver]:
    """A Synapse with every limit as it ships."""
    with running(tmp_path / "synapse", synapse, extra="bcrypt_rounds: 4\n") as server:
        yield server


@asynccontextmanager
async def a_bot_at(
    server: Homeserver, directory: Path, *, keep_secret: bool
) -> AsyncIterator[tuple[Human, str, str]]:
    """A running bot and its admin: (human, admin room, direct chat)."""
    you = server.register("you")
    directory.mkdir()  # noqa: ASYNC240  # a test may block for that long
    bot = Bot(server, directory)
    async with a_human(server, you) as human:
        await bot.set_up(you.user_id, keep_secret=keep_secret)
        await bot.start()
        yield human, *(await join_all(human, bot))
        assert await bot.stop() == 0


async def test_with_default_limits_setup_and_a_dozen_bots_work(
    default_server: Homeserver, tmp_path: Path
) -> None:
    """With the shared secret kept nothing waits: no login, and our own limit lifted."""
    async with a_bot_at(default_server, tmp_path / "adminbot", keep_secret=True) as found:
        human, room, dm = found
        for number in range(12):
            await human.send(room, f"!newbot bot{number}")
        await human.wait_for(
            lambda h: sum("MATRIX_" in (m.body or "") for m in h.messages(dm)) == 12 or None,
            timeout=90,
        )


@pytest.fixture
def quick_server(synapse: Path, tmp_path: Path) -> Iterator[Homeserver]:
    """A Synapse that allows five logins as it ships, and then one in 8 s: not in 333 s."""
    limits = "bcrypt_rounds: 4\nrc_login: {address: {per_second: 0.125, burst_count: 5}}\n"
    with running(tmp_path / "synapse", synapse, extra=limits) as server:
        yield server


async def test_a_used_up_login_limit_is_said_with_its_time_and_sat_out(
    quick_server: Homeserver, tmp_path: Path
) -> None:
    """Without the shared secret each bot costs a login; the last waits, says so, and works."""
    async with a_bot_at(quick_server, tmp_path / "adminbot", keep_secret=False) as found:
        human, room, dm = found

        async def newbot(name: str) -> str:
            """Type it and wait for its card: the token on it."""
            await human.send(room, f"!newbot {name}")
            card = await human.wait_message(
                dm,
                lambda m: "MATRIX_" in (m.body or "") and f"@{name}:" in str(m.body),
                timeout=40,
            )
            return str(card.body).split("MATRIX_ACCESS_TOKEN=")[1]

        def said() -> list[str]:
            about_it = [m.body or "" for m in human.messages(room) if m.type == "m.room.message"]
            return [body for body in about_it if "Synapse asks me to wait" in body]

        made = 0
        while not said() and made < 15:  # how many it takes depends on the machine
            began = time.monotonic()
            token = await newbot(f"bot{made}")
            made += 1
        assert made >= 6
        assert (await whoami(quick_server, token))[0] == 200
        [once] = said()
        told_s = int(re.findall(r"wait (\d+) s", once)[0])
        assert 0 < told_s <= 8
        assert time.monotonic() - began > told_s - 1
