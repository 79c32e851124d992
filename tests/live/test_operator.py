"""What an operator meets besides: open files, logs, accounts that are gone."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from tests.world import Bot, World, a_person, call

pytestmark = pytest.mark.anyio


async def test_a_bot_that_is_gone_from_the_server_is_a_ghost_in_the_list(
    world: World, root: Person
) -> None:
    """As after the server was put back to an older state: our memory knows more than it does."""
    await world.card("is ready", "!newbot alive")
    await world.card("is ready", "!newbot ghost")
    assert await world.bot.stop() == 0
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db, db:
        db.execute("UPDATE bot SET user_id = '@casper:example.test' WHERE user_id LIKE '@ghost:%'")
    await world.bot.start()

    listed = str((await world.ask("!bots")).body)
    assert "👻 casper not on the server any more" in listed
    assert "alive never used" in listed
    detail = str((await world.ask("!bot casper")).body)
    assert "👻 not on the server any more" in detail
    assert "!deletebot casper" in detail
    for line in ("!rotate casper", "!devices casper"):
        said = str((await world.ask(line)).body)
        assert "That account is not on the server any more. !deletebot NAME" in said
    await world.ask("!revoke casper")
    said = str((await world.ask("casper")).body)
    assert "That account is not on the server any more. !deletebot NAME" in said
    path = "/_synapse/admin/v2/users/@casper:example.test"
    found = await call(world.homeserver, root.access_token, "GET", path)
    assert found.status_code == 404, "nor made by that"
    await world.ask("!deletebot casper")
    assert "is deleted" in str((await world.ask("casper")).body)
    assert "casper" not in str((await world.ask("!bots")).body)


async def test_a_service_warns_of_an_open_env_file_and_tells_the_time(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    you = await a_person(homeserver, root, f"you-{directory.name}")
    bot = Bot(homeserver, directory)
    await bot.set_up(you.user_id)
    await bot.start()
    assert "others can read" not in bot.log
    assert await bot.stop() == 0

    bot.env_file.chmod(0o644)
    await bot.start()
    [warned] = [line for line in bot.log.splitlines() if "others can read" in line]
    assert f"warning: others can read {bot.env_file}" in warned
    assert warned.endswith(f"chmod 600 {bot.env_file}")
    assert warned[:2] == "20"
    assert await bot.stop() == 0
    [*_, stopped] = bot.log.splitlines()
    assert stopped[:2] == "20"
    assert stopped.endswith(" stopped")

    bot.environ["JOURNAL_STREAM"] = "8:1"
    await bot.start()
    assert await bot.stop() == 0
    assert bot.log.splitlines()[-1] == "stopped"


@pytest.mark.parametrize("wrong", ["ADMINBOT_TRUST=nobody", "ADMINBOT_ACCESS_TOKEN=syt_wrong"])
async def test_where_the_log_is_json_so_is_what_ends_it(
    homeserver: Homeserver, root: Person, directory: Path, wrong: str
) -> None:
    you = await a_person(homeserver, root, f"you-{directory.name}")
    bot = Bot(homeserver, directory, {"LOG_FORMAT": "json"})
    await bot.set_up(you.user_id)
    with bot.env_file.open("a") as file:
        file.write(f"{wrong}\n")
    await bot.start(ready=False)
    assert bot.process
    assert await bot.process.wait() == 1

    entries = [json.loads(line) for line in bot.log.splitlines()]
    assert entries[-1]["level"] == "critical"
    assert wrong.split("=")[0] in entries[-1]["message"]
