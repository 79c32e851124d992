"""Accounts from before are taken into care on a real server, which shows no trace of it.

The server has a bridge (application service): some accounts are the bridge's.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from adminbot.demo.homeserver import Homeserver, Person, running
from tests.program import fresh_keys
from tests.world import (
    MANY_LOGINS,
    SERVER,
    World,
    a_human,
    a_person,
    a_world,
    call,
    on_server,
    rows,
    whoami,
)

pytestmark = pytest.mark.anyio

BRIDGE = {
    "id": "telegram",
    "url": None,
    "as_token": "as-token",
    "hs_token": "hs-token",
    "sender_localpart": "telegrambot",
    "rate_limited": False,
    "namespaces": {"users": [{"regex": f"@tele_.*:{SERVER}", "exclusive": True}]},
}


@pytest.fixture(scope="module")
def bridged(synapse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """One account is older than the bridge in whose namespace its name is."""
    directory = tmp_path_factory.mktemp("bridged")
    file = directory / "bridge.yaml"  # JSON is YAML
    with running(directory, synapse, extra=MANY_LOGINS) as server:
        server.register("tele_older")
        server.stop()
        file.write_text(json.dumps(BRIDGE))
        with (directory / "homeserver.yaml").open("a") as config:
            config.write(f'app_service_config_files: ["{file}"]\n')
        server.start()
        yield server


@pytest.fixture(scope="module")
def owner(bridged: Homeserver) -> Person:
    return bridged.register("root", admin=True)


@pytest.fixture(scope="module")
async def world(
    bridged: Homeserver, owner: Person, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    async with a_world(bridged, owner, tmp_path_factory.mktemp("bot") / "adoptbot") as made:
        yield made


async def say(world: World, line: str) -> str:
    return str((await world.ask(line)).body)


async def put(world: World, owner: Person, name: str, body: dict[str, Any]) -> None:
    path = f"/_synapse/admin/v2/users/@{name}:{SERVER}"
    answer = await call(world.homeserver, owner.access_token, "PUT", path, body)
    answer.raise_for_status()


def on_disk(world: World, user_id: str) -> list[Any]:
    """All that the server keeps of an account and of its sessions, but when they were seen."""
    return [
        [tuple(row) for row in on_server(world.homeserver, sql, user_id)]
        for sql in (
            "SELECT * FROM users WHERE name = ?",
            "SELECT * FROM profiles WHERE full_user_id = ?",
            "SELECT device_id, display_name FROM devices WHERE user_id = ? ORDER BY device_id",
            "SELECT token, device_id FROM access_tokens WHERE user_id = ? ORDER BY token",
            "SELECT token FROM access_tokens WHERE puppets_user_id = ?",
            "SELECT key_json FROM e2e_device_keys_json WHERE user_id = ? ORDER BY device_id",
            "SELECT keydata FROM e2e_cross_signing_keys WHERE user_id = ? ORDER BY keytype",
        )
    ]


async def test_a_bot_is_taken_as_it_is_and_cared_for(world: World, owner: Person) -> None:
    program = world.homeserver.register("oldbot")
    await put(world, owner, "oldbot", {"user_type": "bot", "displayname": "Old bot"})
    keys = fresh_keys(program.user_id, program.device_id)
    path = "/_matrix/client/v3/keys/upload"
    uploaded = await call(
        world.homeserver, program.access_token, "POST", path, {"device_keys": keys}
    )
    uploaded.raise_for_status()
    before = on_disk(world, program.user_id)

    asked = await say(world, "!adopt oldbot")
    assert f"Take {program.user_id} into care? It is called “Old bot”." in asked
    assert "type: bot\n" in asked
    assert f"device {program.device_id}\n• Rooms: 0\n• Server admin: no" in asked
    said = await say(world, "oldbot")
    assert "is in my care. Nothing of it was changed." in said
    assert "!trust oldbot" in said
    assert on_disk(world, program.user_id) == before
    told = await say(world, "!bot oldbot")
    assert "• Trust: unsigned" in told
    assert ", adopted " in told
    assert "⚠️ oldbot unsigned" in await say(world, "!bots oldb")
    assert on_disk(world, program.user_id) == before
    [audited] = rows(
        world.bot.data_dir / "adminbot.db", "SELECT * FROM audit WHERE what = 'adopt'"
    )
    assert (audited["target"], audited["outcome"]) == (program.user_id, "done")
    assert audited["who"] == world.human.user_id

    assert "is trusted" in await say(world, "!trust oldbot")
    assert "• Trust: trusted" in await say(world, "!bot oldbot")
    card = await world.card("New token", "!rotate oldbot")
    assert card.values["MATRIX_DEVICE_ID"] == program.device_id
    assert (await whoami(world.homeserver, program.access_token))[0] == 401
    assert (await whoami(world.homeserver, card.token))[0] == 200
    [kept] = on_server(
        world.homeserver,
        "SELECT key_json FROM e2e_device_keys_json WHERE user_id = ?",
        program.user_id,
    )
    assert json.loads(kept["key_json"])["keys"] == keys["keys"]
    assert "already exists: it is one of my bots, adopted" in await say(world, "!newbot oldbot")
    assert "for good?" in await say(world, "!deletebot oldbot")
    assert (await whoami(world.homeserver, card.token))[0] == 200
    assert "is deleted" in await say(world, "oldbot")
    assert "was one of my bots, and is closed" in await say(world, "!adopt oldbot")


async def test_an_account_that_nobody_has_used_takes_one_word(world: World, owner: Person) -> None:
    await put(world, owner, "spare", {})
    offered = await say(world, "!adopt spaer")
    assert "There is no account @spaer:example.test here." in offered
    assert "Did you mean !adopt spare? Then tap ✅." in offered
    asked = await say(world, "!adopt @spare:example.test")
    assert "type: person\n• Sessions: none\n" in asked
    assert "is in my care" in await say(world, "spare")
    assert "• 🔑 spare signed out" in await say(world, "!bots spare")
    card = await world.card("New token", "!rotate spare")
    assert (await whoami(world.homeserver, card.token))[0] == 200


async def test_a_registered_account_with_a_session_takes_two(world: World) -> None:
    person = world.homeserver.register("fresh")
    before = on_disk(world, person.user_id)
    assert "• Sessions: 1, never used" in await say(world, "!adopt fresh")
    assert "a person's account: “fresh” is signed in" in await say(world, "fresh")
    assert "is in my care" in await say(world, person.user_id)
    assert on_disk(world, person.user_id) == before
    assert (await whoami(world.homeserver, person.access_token))[0] == 200


async def test_a_person_in_use_takes_two_words_and_keeps_everything(
    world: World, owner: Person
) -> None:
    """The person has a cross-signing identity, which stays theirs, and goes on writing."""
    carol = await a_person(world.homeserver, owner, "carol")
    async with a_human(world.homeserver, carol, password=carol.password) as human:
        made = await human.raw("POST", "/_matrix/client/v3/createRoom", {})
        before = on_disk(world, carol.user_id)
        asked = await say(world, "!adopt @Carol:example.test")
        assert "• Rooms: 1\n" in asked
        assert "• Identity: its own, which stays its own" in asked
        second = await say(world, "carol")
        assert "This seems to be a person's account: “carol”" in second
        assert "That names nothing" in await say(world, "yes")
        # The short name was the first word, and is none any more.
        await world.say("carol")
        assert "carol is not one of my bots" in await say(world, "!bot carol")
        assert "is in my care" in await say(world, carol.user_id)
        assert on_disk(world, carol.user_id) == before
        said = await say(world, "!bot carol")
        assert "• Trust: trusted" in said
        assert "• Rooms: 1" in said
        assert "🟢 carol seen" in await say(world, "!bots carol")
        leave = f"/_matrix/client/v3/rooms/{made['room_id']}/leave"
        await human.raw("POST", leave, {})
        # What is signed for by others is theirs to sign.
        assert "is trusted already" in await say(world, "!trust carol")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("root", "@root:example.test is a server admin, so I leave that account alone"),
        ("adoptbot", "is my own account"),
        ("you-adoptbot", "is one of my admins"),
        ("tele_ghost", "@tele_ghost:example.test belongs to a bridge (application service)"),
        ("tele_older", "@tele_older:example.test belongs to a bridge (application service)"),
        ("telegrambot", "belongs to a bridge"),
        ("gone", "@gone:example.test is closed for good"),
        ("nobody", "There is no account @nobody:example.test here. Nothing was changed."),
        ("@somebody:elsewhere.test", "I care for accounts on example.test only"),
        ("some/../body", "There is no account @some/../body:example.test here"),
        ("größe", "That is no user id. Nothing was changed. Type: !adopt @name:example.test"),
        ("", "!adopt needs a user id. Type: !adopt @USER"),
        ("two words", "That is more than !adopt takes. Type: !adopt @USER"),
    ],
)
async def test_who_is_not_taken(world: World, owner: Person, typed: str, said: str) -> None:
    if typed in ("tele_ghost", "telegrambot"):
        body = {"type": "m.login.application_service", "username": typed}
        path = "/_matrix/client/v3/register"
        made = await call(world.homeserver, str(BRIDGE["as_token"]), "POST", path, body)
        made.raise_for_status()
    if typed == "gone":
        world.homeserver.register("gone")
        await put(world, owner, "gone", {"deactivated": True})
    answer = await say(world, f"!adopt {typed}")
    assert "❌" in answer
    assert said in answer


async def test_who_becomes_an_admin_before_the_answer_is_refused(
    world: World, owner: Person
) -> None:
    await put(world, owner, "rising", {"user_type": "bot"})
    assert "into care?" in await say(world, "!adopt rising")
    await put(world, owner, "rising", {"admin": True})
    assert "is a server admin" in await say(world, "rising")
    assert "No bot has “rising”" in await say(world, "!bots rising")
