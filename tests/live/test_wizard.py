"""`setup` and `restore` at a terminal: a wrong answer, and ^C, at every question."""

import base64
import os
import shlex
import sys
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person, free_port
from tests.live.test_setup import devices, serves
from tests.terminal import CTRL_C, CTRL_D, Terminal, terminal
from tests.world import Bot, a_person, adminbot, call

pytestmark = pytest.mark.anyio

ADMINBOT = str(Path(sys.executable).with_name("adminbot"))
WRONG = "Hunter2-wrong"


@pytest.fixture
async def you(homeserver: Homeserver, root: Person, directory: Path) -> Person:
    return await a_person(homeserver, root, f"you-{directory.name}")


def setup_words(directory: Path) -> list[object]:
    return ["setup", "--env-file", "my env", "--data-dir", "data", "--bot-name", directory.name]


async def test_a_wrong_answer_at_every_question_is_told_and_asked_again(
    homeserver: Homeserver, root: Person, directory: Path, you: Person
) -> None:
    """And the URL is tried before a secret is asked for; each wrong one leaves nothing behind."""
    before = await devices(homeserver, root)
    async with terminal(*setup_words(directory), cwd=directory, program=ADMINBOT) as shell:
        await shell.answers("Homeserver [http://localhost:8008]: ", "matrix.example.org")
        await shell.shows("❌ A base URL looks like")
        await shell.answers("Homeserver [", f"http://127.0.0.1:{free_port()}")
        await shell.shows("❌ Nothing listens at")
        await shell.answers("Homeserver [", f"https://127.0.0.1:{homeserver.port}")
        await shell.shows("does not speak https")
        await shell.answers("Homeserver [", homeserver.url)
        await shell.shows("✅ Synapse 1.")

        await shell.answers("Your user id (@you:example.org): ", "you")
        await shell.shows("❌ An admin is a full user id")
        await shell.answers("Your user id", "")
        await shell.shows("❌ Name at least one admin")
        await shell.answers("Your user id", f"@{you.user_id[1:].split(':')[0]}:exmaple.test")

        await _each_way_wrong(shell, homeserver, you)
        await shell.answers("1, 2 or 3: ", "1")
        await shell.answers("Shared secret: ", homeserver.shared_secret)

        await shell.shows("is no account of this server, which is called example.test")
        await shell.shows(f"it is --admin {you.user_id}")
        await shell.answers("Your user id: ", f"{you.user_id.replace(':', 'x:')}")
        await shell.shows("cannot be an admin, because no account of that name is on this server")
        await shell.answers("Your user id: ", you.user_id)
        await shell.shows("from the interrupted setup")
        await shell.shows("✅ settings in my env (mode 0600)")
        assert await shell.ends() == 0

    assert shell.screen.rstrip().endswith(f"{_as_typed()} run --env-file 'my env'")
    for secret in (WRONG, homeserver.shared_secret, you.password, you.access_token):
        assert secret not in shell.screen
    assert "Traceback" not in shell.screen
    assert await devices(homeserver, root) == before
    (directory / "my env").rename(directory / "env")
    await serves(Bot(homeserver, directory), you)


async def _each_way_wrong(shell: Terminal, homeserver: Homeserver, you: Person) -> None:
    await shell.answers("1, 2 or 3: ", "4")
    await shell.shows("❌ Answer 1, 2 or 3.")
    await shell.answers("1, 2 or 3: ", "1")
    await shell.shows("Shared secret: ")
    assert not shell.echoes()
    await shell.types("")
    await shell.shows("❌ Nothing was typed.")
    await shell.answers("Shared secret: ", WRONG)
    await shell.shows("❌ The homeserver does not accept the registration shared secret.")

    await shell.answers("1, 2 or 3: ", "2")
    await shell.answers("Server admin's name: ", "")
    await shell.shows("❌ Nothing was typed.")
    await shell.answers("Server admin's name: ", "root")
    await shell.answers("Password: ", WRONG)
    await shell.shows("❌ Name or password of root is wrong.")

    await shell.answers("1, 2 or 3: ", "2")
    await shell.answers("Server admin's name: ", you.user_id[1:].split(":")[0])
    await shell.answers("Password: ", you.password)
    await shell.shows(f"❌ {you.user_id} is not a server admin")

    await shell.answers("1, 2 or 3: ", "3")
    await shell.answers("Access token: ", WRONG)
    await shell.shows("❌ The homeserver does not accept that access token.")
    await shell.answers("1, 2 or 3: ", "3")
    await shell.answers("Access token: ", you.access_token)
    await shell.shows(f"❌ {you.user_id} is not a server admin")


def _as_typed() -> str:
    home = f"{Path.home()}/"
    rest = ADMINBOT.removeprefix(home)
    return f"~/{shlex.quote(rest)}" if ADMINBOT.startswith(home) else shlex.quote(ADMINBOT)


async def test_a_wrong_secret_leaves_nothing_that_blocks_another_name_or_way(
    homeserver: Homeserver, root: Person, directory: Path, you: Person
) -> None:
    """Non-interactive: each try is a process of its own."""
    bot = Bot(homeserver, directory)
    words = bot.setup_words([you.user_id])
    (directory / "shared-secret").write_text(WRONG)
    for name, way in (
        (f"{directory.name}x", ["--shared-secret-file", directory / "shared-secret"]),
        (f"{directory.name}y", ["--admin-token-file", directory / "shared-secret"]),
    ):
        tried = [*words, *way, "--bot-name", name]
        if way[0] != "--shared-secret-file":
            at = tried.index("--shared-secret-file")
            del tried[at : at + 2]
        code, _, err = await adminbot(*tried)
        assert (code, "does not accept" in err) == (1, True), err
        assert not (directory / "env.setup").exists()
    await bot.set_up(you.user_id)


# The questions, up to the one at which ^C comes, and what the others are answered.
QUESTIONS = [
    ("Homeserver [",),
    ("Homeserver [", "Your user id"),
    ("Homeserver [", "Your user id", "1, 2 or 3: "),
    ("Homeserver [", "Your user id", "1, 2 or 3: ", "Shared secret: "),
    ("Homeserver [", "Your user id", "1, 2 or 3: ", "Server admin's name: "),
    ("Homeserver [", "Your user id", "1, 2 or 3: ", "Server admin's name: ", "Password: "),
    ("Homeserver [", "Your user id", "1, 2 or 3: ", "Access token: "),
]


@pytest.mark.parametrize("questions", QUESTIONS, ids=lambda questions: questions[-1])
async def test_ctrl_c_ends_setup_at_once_at_any_question(
    homeserver: Homeserver, root: Person, directory: Path, questions: tuple[str, ...]
) -> None:
    way = {"Shared secret: ": "1", "Access token: ": "3"}.get(questions[-1], "2")
    answers = [homeserver.url, "@you:example.test", way, "root"]
    async with terminal(*setup_words(directory), cwd=directory) as shell:
        for question, answer in zip(questions[:-1], answers, strict=False):
            await shell.answers(question, answer)
        await shell.shows(questions[-1])
        await shell.types(CTRL_C, end="")
        assert await shell.ends(within_s=5) == 1
        assert shell.echoes()

    assert shell.screen.rstrip().splitlines()[-1] == "adminbot: interrupted"
    assert "Traceback" not in shell.screen
    assert not os.listdir(directory)
    path = f"/_synapse/admin/v2/users/@{directory.name}:example.test"
    assert (await call(homeserver, root.access_token, "GET", path)).status_code == 404


async def test_the_end_of_the_input_ends_it(homeserver: Homeserver, directory: Path) -> None:
    async with terminal(*setup_words(directory), cwd=directory) as shell:
        await shell.shows("Homeserver [")
        await shell.types(CTRL_D, end="")
        assert await shell.ends(within_s=5) == 2
    assert "there is nobody to ask" in shell.screen


async def test_restore_asks_again_for_a_key_and_ends_at_once(
    homeserver: Homeserver, directory: Path, you: Person
) -> None:
    bot = Bot(homeserver, directory)
    await bot.set_up(you.user_id)
    file = directory / "backup"
    code, _, err = await adminbot("backup", file, "--env-file", bot.env_file)
    assert code == 0, err
    key = bot.setting("STORE_KEY")
    other = base64.b64encode(bytes(32)).decode()
    home = directory / "new machine"
    home.mkdir()
    words = ("restore", file, "--data-dir", "data")

    async with terminal(*words, cwd=home) as shell:
        await shell.shows("ADMINBOT_STORE_KEY: ")
        await shell.types(CTRL_C, end="")
        assert await shell.ends(within_s=5) == 1
    assert shell.screen.rstrip().endswith("adminbot: interrupted")
    assert not os.listdir(home)

    async with terminal(*words, cwd=home) as shell:
        await shell.answers("ADMINBOT_STORE_KEY: ", "nonsense")
        await shell.shows("❌ A store key is 32 random bytes in base64.")
        await shell.answers("ADMINBOT_STORE_KEY: ", other)
        await shell.shows("does not open: it was made with another ADMINBOT_STORE_KEY")
        await shell.answers("ADMINBOT_STORE_KEY: ", key)
        assert await shell.ends() == 0
    assert f"{shlex.quote(sys.executable)} -m adminbot run\n" in shell.screen
    assert key not in shell.screen
    assert (home / ".env").exists()
