"""Keys that must stop: who left a room, or lost trust, opens nothing of what is said after.

Each of them could read before, with Element's own crypto in its strictest mode, and tries again
on what somebody else fetched: what the server shows to whom plays no part.
"""

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adminbot.chat.incoming import TEXT, Incoming
from adminbot.crypto.crosssigning import Identity
from adminbot.demo.homeserver import Homeserver, Person
from adminbot.homeserver.client_api import password_auth
from adminbot.store import InboxMessage, open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.human import Human, Seen
from tests.world import (
    World,
    a_human,
    a_person,
    a_world,
    adminbot,
    another_login,
    join_all,
    on_server,
    replies_to,
    trusted,
)

pytestmark = pytest.mark.anyio

OTHERS = ("leaver", "unsigned", "renewed", "gone")


@pytest.fixture(scope="module")
async def others(homeserver: Homeserver, root: Person) -> dict[str, Person]:
    return {name: await a_person(homeserver, root, f"key-{name}") for name in OTHERS}


@pytest.fixture(scope="module")
async def world(
    homeserver: Homeserver,
    root: Person,
    others: dict[str, Person],
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[World]:
    """One bot; an admin who stays, and others of whom each test takes one."""
    path = tmp_path_factory.mktemp("bot") / "adminbotkeys"
    async with a_world(homeserver, root, path, *others.values()) as made:
        yield made


@asynccontextmanager
async def sitting(
    world: World, person: Person, *, identity: Identity | None = None
) -> AsyncIterator[World]:
    """The same bot as another admin of it sees it, who has read something of the bot's.

    Their app makes their identity, unless we do.
    """
    ours = {"bootstrap": False, "strict": False} if identity else {}
    async with a_human(world.homeserver, person, **ours) as human:
        if identity:
            await publish(human, person, identity.upload_body(person.user_id))
            await sign(human, identity)
        room, dm = await join_all(human, world.bot)
        await world.human.wait_membership(room, person.user_id, "join")
        them = World(world.homeserver, world.bot, human, room, dm)
        assert (await them.ask("!ping")).body == "🏓 pong"
        said = await world.ask("!ping")
        assert await why_closed(world, them.human, said) is None
        yield them


async def why_closed(world: World, human: Human, said: Seen) -> str | None:
    """Why this person's client cannot open what the bot said to the one who stays."""
    path = f"/_matrix/client/v3/rooms/{world.room}/event/{said.event_id}"
    return await human.why_closed(await world.human.raw("GET", path))


NO_KEY = {"MEGOLM_UNKNOWN_INBOUND_SESSION_ID", "OLM_UNKNOWN_MESSAGE_INDEX"}


async def gets_no_key(world: World, human: Human, line: str = "!ping") -> None:
    """Of what is said now; and it is no matter of waiting."""
    said = await world.ask(line)
    assert await why_closed(world, human, said) in NO_KEY
    again = await world.ask(line)
    assert await why_closed(world, human, said) in NO_KEY
    assert await why_closed(world, human, again) in NO_KEY


async def test_who_left_the_room_gets_no_more_keys(
    world: World, others: dict[str, Person]
) -> None:
    async with sitting(world, others["leaver"]) as them:
        await them.human.leave(world.room)
        await world.human.wait_membership(world.room, them.human.user_id, "leave")
        await gets_no_key(world, them.human)


async def test_a_device_whose_signature_is_gone_gets_no_more_keys(
    world: World, others: dict[str, Person]
) -> None:
    """It stays in the room, logged in, under the same master key; and it commands no more."""
    person = others["unsigned"]
    seeds = Identity.new_seeds()
    async with sitting(world, person, identity=Identity.from_seeds(seeds)) as them:
        fresh = json.loads(seeds) | {"self_signing": secrets.token_bytes(32).hex()}
        keys = Identity.from_seeds(json.dumps(fresh)).upload_body(person.user_id)
        await publish(them.human, person, {"self_signing_key": keys["self_signing_key"]})
        await gets_no_key(world, them.human)
        await refused(them, "is not verified, so I did nothing")


async def publish(human: Human, person: Person, keys: dict[str, Any]) -> None:
    """Show the server cross-signing keys; at the second time it asks for the password."""
    auth = password_auth(UserId.parse(person.user_id), Secret(person.password))
    path = "/_matrix/client/v3/keys/device_signing/upload"
    await human.raw("POST", path, keys | {"auth": auth})


async def sign(human: Human, identity: Identity) -> None:
    query = {"device_keys": {human.user_id: [human.device_id]}}
    answer = await human.raw("POST", "/_matrix/client/v3/keys/query", query)
    keys = answer["device_keys"][human.user_id][human.device_id]
    signature = identity.device_signature(human.user_id, keys)
    await human.raw("POST", "/_matrix/client/v3/keys/signatures/upload", signature)


async def refused(them: World, why: str) -> None:
    """They type, whatever their own app thinks of that, and are told why nothing is done."""
    await them.human.only_verified(False)
    event_id = await them.say("!bots")
    told = await them.human.wait_message(them.room, lambda m: replies_to(m) == event_id)
    assert why in str(told.body)


async def test_a_replaced_identity_gets_no_keys_and_after_trust_only_its_own_devices_do(
    world: World, others: dict[str, Person], root: Person
) -> None:
    async with (
        sitting(world, others["renewed"]) as them,
        another_login(them, root) as fresh,
    ):
        await fresh.reset_identity()
        await gets_no_key(world, them.human)
        await gets_no_key(world, fresh)
        env = ("--env-file", world.bot.env_file)
        assert (await adminbot("trust", fresh.user_id, "--yes", *env))[0] == 0
        event_id = await fresh.send(world.room, "!ping")
        await fresh.wait_message(world.room, lambda m: replies_to(m) == event_id)
        said = await world.ask("!ping")
        await fresh.wait_message(world.room, lambda m: m.event_id == said.event_id and m.readable)
        await gets_no_key(world, them.human)
        await refused(them, "is not verified, so I did nothing")


async def test_nothing_is_made_when_no_device_can_read_its_card(
    world: World, others: dict[str, Person]
) -> None:
    """A command was taken in, the bot was killed, and its sender's only device signed out."""
    name = "key-unreadable"
    async with sitting(world, others["gone"]) as them:
        event_id = await them.say("nothing for the bot")
        await world.ask("!ping")
        await world.bot.stop(9)
        command = Incoming(
            event_id="$never-answered",
            room_id=world.room,
            sender=them.human.user_id,
            kind=TEXT,
            body=f"!newbot {name}",
            encrypted=True,
            trusted=True,
        )
        sealer = Sealer.from_base64(Secret(world.bot.setting("STORE_KEY")))
        async with open_store(world.bot.data_dir, sealer) as store:
            since = await store.facts.get("since")
            letter = InboxMessage(command.event_id, command.to_json(), None, None)
            assert await store.inbox.receive([letter], since=str(since)) == [command.event_id]
        await them.human.raw("POST", "/_matrix/client/v3/logout", {})
    await world.bot.start()
    told = await world.human.wait_message(
        world.room, lambda m: replies_to(m) == command.event_id, after=event_id
    )
    trusted(told)
    assert "may read a card right now. Nothing was made." in str(told.body)
    assert not on_server(world.homeserver, "SELECT 1 FROM users WHERE name LIKE ?", f"@{name}:%")
    assert "No bots yet" in str((await world.ask("!bots")).body)
