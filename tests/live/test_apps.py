"""Cards in a program's own form, on a real server: what is made, what is left, who is let in."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from tests.world import Bot, World, a_world, adminbot, call, whoami

pytestmark = pytest.mark.anyio

PASSWORD_ONLY = """
title = "Lonely"
about = "logs in by itself"
source = [{ what = "nowhere", read = 2026-11-26 }]
takes = "password"
DEVICE
format = "json"
paste_into = "`config.json`"
first = ["Start it."]
works = "It answers."

[block]
id = "{user_id}"
password = "{password}"
name = "{display_name}"
"""
NAME = "q\" '$(id) ${HOME} # a: b 👾"


@pytest.fixture(scope="module")
async def world(
    homeserver: Homeserver, root: Person, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    apps = tmp_path_factory.mktemp("apps")
    lonely = PASSWORD_ONLY.replace("DEVICE", 'device = "ours"') + 'device = "{device_id}"\n'
    (apps / "lonely.toml").write_text(lonely)
    (apps / "roaming.toml").write_text(PASSWORD_ONLY.replace("DEVICE", 'device = "theirs"'))
    directory = tmp_path_factory.mktemp("bot") / "adminbot-apps"
    async with a_world(homeserver, root, directory, APPS_DIR=str(apps)) as made:
        yield made


async def log_in(world: World, block: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """As a program would that has nothing but a password."""
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": block["id"]},
        "password": block["password"],
    }
    body |= {"device_id": block["device"]} if "device" in block else {}
    answer = await call(world.homeserver, None, "POST", "/_matrix/client/v3/login", body)
    return answer.status_code, answer.json()


async def devices(world: World, root: Person, user_id: str) -> list[str]:
    path = f"/_synapse/admin/v2/users/{user_id}/devices"
    answer = await call(world.homeserver, root.access_token, "GET", path)
    return [it["device_id"] for it in answer.json()["devices"]]


@pytest.mark.parametrize("app", ["lonely", "roaming"])
async def test_a_program_that_logs_in_itself_gets_a_password_and_no_session_is_left(
    world: World, root: Person, app: str
) -> None:
    name = f"by-{app}"
    card = await world.card("is ready", f"!newbot {name} {NAME} --for {app}", begins="{")
    block = json.loads(card.text)
    assert block["name"] == NAME
    assert ("device" in block) == (app == "lonely")
    assert await devices(world, root, block["id"]) == []

    status, session = await log_in(world, block)
    assert status == 200
    assert session["device_id"] == block.get("device", session["device_id"])

    card = await world.card("New password", f"!rotate {name}", begins="{")
    newer = json.loads(card.text)
    assert newer.get("device") != block.get("device") or app == "roaming"
    assert await devices(world, root, block["id"]) == []
    assert (await whoami(world.homeserver, session["access_token"]))[0] == 401
    assert (await log_in(world, block))[0] == 403
    assert (await log_in(world, newer))[0] == 200


async def test_a_config_shows_no_secret(world: World) -> None:
    card = await world.card("is ready", "!newbot shown --password --for json", begins="{")
    block = json.loads(card.text)
    said = str((await world.ask("!config shown")).body)
    assert '"access_token": "***"' in said
    assert block["access_token"] not in said
    assert block["password"] not in said


async def test_a_bot_is_taken_into_the_rooms_that_it_is_invited_to(world: World) -> None:
    card = await world.card("is ready", "!newbot joiner")
    user_id = card.values["MATRIX_USER_ID"]
    assert "has no invitation" in str((await world.ask("!join joiner")).body)

    body = {"preset": "private_chat", "invite": [user_id]}
    rooms = [
        (await world.human.raw("POST", "/_matrix/client/v3/createRoom", body))["room_id"]
        for _ in range(2)
    ]
    said = str((await world.ask("!join joiner")).body)
    assert all(room in said for room in rooms), said
    answer = await call(world.homeserver, card.token, "GET", "/_matrix/client/v3/joined_rooms")
    assert set(answer.json()["joined_rooms"]) == set(rooms)
    assert "has no invitation" in str((await world.ask("!join joiner")).body)

    third = await world.human.raw("POST", "/_matrix/client/v3/createRoom", {})
    said = str((await world.ask(f"!join joiner {third['room_id']}")).body)
    assert "is not let into that room" in said


async def test_a_room_is_found_by_its_alias(world: World) -> None:
    body = {"room_alias_name": "found", "preset": "public_chat"}
    room = await world.human.raw("POST", "/_matrix/client/v3/createRoom", body)
    card = await world.card("is ready", "!newbot finder --room #found:example.test")
    assert card.values["MATRIX_ROOM_ID"] == room["room_id"]
    assert "✅" in str((await world.ask("!join finder #found:example.test")).body)


async def test_profiles_that_cannot_be_used_are_told_at_start(
    homeserver: Homeserver, root: Person, directory: Path, tmp_path: Path
) -> None:
    """Also while the homeserver is down: nothing is asked of it before."""
    person = homeserver.register(f"you-{directory.name}")
    apps = tmp_path / "apps"
    apps.mkdir()
    (apps / "one.toml").write_text("title = 'syt_hunter2")
    (apps / "two.toml").write_text(PASSWORD_ONLY.replace("DEVICE", "devise = 'syt_hunter2'"))
    bot = Bot(homeserver, directory, {"APPS_DIR": str(apps)})
    await bot.set_up(person.user_id)
    code, out, err = await asyncio.wait_for(adminbot("run", "--env-file", bot.env_file), 20)
    assert (code, out) == (1, "")
    assert "one.toml: is not TOML" in err
    assert "two.toml: has a key that I do not know: devise" in err
    assert "hunter2" not in err
    assert len(err.strip().splitlines()) == 1
