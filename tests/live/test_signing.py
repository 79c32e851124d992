"""Managed bots get green: an identity made for them, their device signed when it shows up."""

import asyncio
import json
import math
import time
from pathlib import Path
from typing import Any

import pytest

from adminbot.accounts.backends.synapse import SynapseBackend
from adminbot.accounts.signing import Signer
from adminbot.crypto.crosssigning import SigningKey
from adminbot.demo.homeserver import Homeserver, Person
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.store import open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.human import Human, Seen
from tests.program import a_program, identity_keys, reads, say, sync
from tests.world import (
    Card,
    World,
    a_human,
    a_person,
    a_world,
    call,
    on_server,
    trusted,
    whoami,
)

pytestmark = pytest.mark.anyio


async def online(world: World, name: str, *, after: str | int = 0) -> Seen:
    """The good news in the private chat, within seconds."""
    told = await world.human.wait_message(
        world.dm, f"{name} is online and trusted", after=after, timeout=10
    )
    trusted(told)
    return told


async def keys_of(human: Human, user_id: str) -> dict[str, Any]:
    query: dict[str, Any] = {"device_keys": {user_id: []}}
    answer: dict[str, Any] = await human.raw("POST", "/_matrix/client/v3/keys/query", query)
    return answer


async def test_a_program_is_trusted_by_itself_and_stays_so_through_rotations(
    world: World, root: Person, tmp_path: Path
) -> None:
    """In strictest mode it has no shield: at first, rotated, and on a new device."""
    first = await world.card("is ready", "!newbot prog")
    user_id, device_id = first.values["MATRIX_USER_ID"], first.values["MATRIX_DEVICE_ID"]
    person = await a_person(world.homeserver, root, "friend-of-prog")
    async with a_human(world.homeserver, person) as friend:
        room = await friend.create_room(invite=[user_id], encrypted=True)
        assert "never started" in str((await world.ask("!bot prog")).body)
        async with a_program(first, tmp_path / "store") as program:
            keys = identity_keys(program)
            told = await online(world, "prog")
            await program.join(room)
            await sync(program)
            await friend.wait_membership(room, user_id, "join")
            await friend.send(room, "before")
            assert await reads(program, room, "before")
            await say(program, room, "here I am")
            trusted(await friend.wait_message(room, "here I am", sender=user_id))
        assert "Trust: trusted" in str((await world.ask("!bot prog")).body)
        assert lives_left(world.homeserver, user_id) == [], "a session that acts as it"

        second = await world.card("New token", "!rotate prog")
        assert second.values["MATRIX_DEVICE_ID"] == device_id
        assert (await whoami(world.homeserver, first.token))[0] == 401
        async with a_program(second, tmp_path / "store") as program:
            assert identity_keys(program) == keys
            await friend.send(room, "after")
            assert await reads(program, room, "after")
            await say(program, room, "still me")
            trusted(await friend.wait_message(room, "still me", sender=user_id))

        third = await world.card("New token", "!rotate prog --new-device")
        async with a_program(third, tmp_path / "fresh") as program:
            again = await online(world, "prog", after=third.block.event_id)
            await sync(program)
            await say(program, room, "me, renewed")
            trusted(await friend.wait_message(room, "me, renewed", sender=user_id))
    good_news = [m for m in world.human.messages(world.dm) if "prog is online" in str(m.body)]
    assert [m.event_id for m in good_news] == [told.event_id, again.event_id]


async def test_a_program_on_the_rust_sdk_signs_itself_with_its_recovery_key(
    world: World, root: Person
) -> None:
    card = await world.card("is ready", "!newbot rusty --recovery")
    assert "With the recovery key the program takes its identity" in str(card.intro.body)
    recovery_key = card.values["MATRIX_RECOVERY_KEY"]
    before = (await keys_of(world.human, "@rusty:example.test"))["master_keys"]
    async with Human.open(
        world.homeserver.url,
        "@rusty:example.test",
        access_token=card.token,
        recovery_key=recovery_key,
    ) as program:
        assert program.device_id == card.values["MATRIX_DEVICE_ID"]
        room = await program.create_room(invite=[world.human.user_id])
        await world.human.join(room)
        await program.send(room, "signed by myself")  # refused in strict mode, were it not
        trusted(await world.human.wait_message(room, "signed by myself"))
        await online(world, "rusty")
        assert (await program.user_trust(program.user_id)).verified
    after = await keys_of(world.human, "@rusty:example.test")
    assert (
        after["master_keys"]["@rusty:example.test"]["keys"] == next(iter(before.values()))["keys"]
    ), "the program made an identity of its own"
    assert recovery_key not in (await world.card("New token", "!rotate rusty")).text


@pytest.mark.parametrize("delay_ms", [80, 160, 300])
async def test_killed_in_between_the_recovery_key_still_opens_what_was_published(
    world: World, delay_ms: int
) -> None:
    name, before = f"rusty{delay_ms}", len(world.human.messages(world.dm))
    event_id = await world.say(f"!newbot {name} --recovery")
    await asyncio.sleep(delay_ms / 1000)
    await world.bot.stop(9)
    await world.bot.start()
    await world.answer_to(event_id)
    card = await world.next_card(after=before)
    async with Human.open(
        world.homeserver.url,
        f"@{name}:example.test",
        access_token=card.token,
        recovery_key=card.values["MATRIX_RECOVERY_KEY"],
    ) as program:
        assert (await program.user_trust(program.user_id)).verified


async def test_a_program_may_bring_its_own_identity(world: World) -> None:
    card = await world.card("is ready", "!newbot proud --own-identity")
    user_id = card.values["MATRIX_USER_ID"]
    await asyncio.sleep(1.5)  # our first looks
    assert not (await keys_of(world.human, user_id))["master_keys"]
    async with Human.open(world.homeserver.url, user_id, access_token=card.token) as program:
        await online(world, "proud")
        master = (await keys_of(world.human, user_id))["master_keys"]
        assert (await program.user_trust(user_id)).known
        answer = await world.ask(f"!trust proud {program.device_id}")
        assert "is trusted already" in str(answer.body)
        assert (await keys_of(world.human, user_id))["master_keys"] == master


async def test_no_identity_is_made_for_a_bot_that_brings_its_own(
    world: World, tmp_path: Path
) -> None:
    """Neither when its device shows up without one, nor when told to sign that device."""
    card = await world.card("is ready", "!newbot modest --own-identity")
    user_id = card.values["MATRIX_USER_ID"]
    async with a_program(card, tmp_path / "store"):
        await asyncio.sleep(2.5)  # it is looked for every second
        answer = await world.ask("!trust modest")
        assert "is to make its identity itself, and has not yet" in str(answer.body)
        assert "unsigned" in str((await world.ask("!devices modest")).body)
        assert not (await keys_of(world.human, user_id))["master_keys"]
    assert not [m for m in world.human.messages(world.dm) if "modest is online" in str(m.body)]


async def test_the_session_that_acts_as_a_bot_lives_a_minute_and_is_ended_before(
    homeserver: Homeserver, root: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no device, and would else be a second login that nobody knows of."""
    bot = homeserver.register("acted-for")

    seen: list[list[float]] = []

    def watch(name: str) -> None:
        real = getattr(ClientApi, name)

        async def watched(self: ClientApi, body: Any) -> None:
            seen.append(lives_left(homeserver, bot.user_id))
            await real(self, body)

        monkeypatch.setattr(ClientApi, name, watched)

    watch("upload_cross_signing")
    watch("upload_signatures")
    user_id = UserId.parse(bot.user_id)
    keys = await a_devices_keys(homeserver, bot)
    async with (
        open_store(tmp_path / "data", Sealer(bytes(32))) as store,
        open_http(homeserver.url, Secret(root.access_token)) as wire,
    ):
        await Signer(SynapseBackend(SynapseAdmin(wire), ClientApi(wire), None), store).sign(
            user_id, keys
        )
    assert len(seen) == 2
    for lives in seen:
        [left_s] = lives
        assert 0 < left_s <= 60
    assert lives_left(homeserver, bot.user_id) == []


def lives_left(homeserver: Homeserver, user_id: str) -> list[float]:
    """Seconds that each session has left by which an admin acts as this account."""
    sql = "SELECT valid_until_ms FROM access_tokens WHERE puppets_user_id = ?"
    found = [row[0] for row in on_server(homeserver, sql, user_id)]
    return [until_ms / 1000 - time.time() if until_ms else math.inf for until_ms in found]


async def a_devices_keys(homeserver: Homeserver, bot: Person) -> dict[str, Any]:
    """The program's device shows keys that sign themselves: as /keys/query gives them."""
    key = SigningKey(bytes(32))
    bare = {
        "user_id": bot.user_id,
        "device_id": bot.device_id,
        "algorithms": [],
        "keys": {f"ed25519:{bot.device_id}": key.public},
    }
    signed = {bot.user_id: {f"ed25519:{bot.device_id}": key.sign(bare)}}
    keys = bare | {"signatures": signed}
    path = "/_matrix/client/v3/keys/upload"
    answer = await call(homeserver, bot.access_token, "POST", path, {"device_keys": keys})
    answer.raise_for_status()
    return keys


async def test_it_is_signed_although_adminbot_was_down_when_it_started(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        card = await world.card("is ready", f"!newbot patient-{directory.name}")
        await world.bot.stop(9)
        async with a_program(card, directory / "store"):
            await world.bot.start()
            await online(world, f"patient-{directory.name}")
        restarted = len(world.human.messages(world.dm))
        await world.bot.stop()
        await world.bot.start()
        await world.ask("!ping")
        assert len(world.human.messages(world.dm)) == restarted, "said twice"


async def test_another_device_is_signed_by_hand_after_its_keys_were_seen(
    world: World, tmp_path: Path
) -> None:
    card = await world.card("is ready", "!newbot twin --password")
    user_id = card.values["MATRIX_USER_ID"]
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "twin"},
        "password": card.values["MATRIX_PASSWORD"],
        "device_id": "SECOND",
    }
    session = await world.human.raw("POST", "/_matrix/client/v3/login", login)
    values = card.values | {
        "MATRIX_DEVICE_ID": "SECOND",
        "MATRIX_ACCESS_TOKEN": session["access_token"],
    }
    text = "\n".join(f"{name}={value}" for name, value in values.items())

    nothing = await world.ask("!trust twin")
    assert "no encryption keys yet" in str(nothing.body)
    unknown = await world.ask("!trust twin THIRD")
    assert "has no such device" in str(unknown.body)
    async with a_program(Card(card.intro, card.block, text), tmp_path / "second") as program:
        listed = str((await world.ask("!devices twin")).body)
        key = identity_keys(program)["ed25519"]
        grouped = " ".join(key[i : i + 4] for i in range(0, len(key), 4))
        assert f"SECOND: unsigned, keys {grouped}" in listed
        assert f"{card.values['MATRIX_DEVICE_ID']}, from its card: never started" in listed
        assert "!trust twin DEVICE" in listed

        asked = await world.ask("!trust twin SECOND")
        assert grouped in str(asked.body)
        before = await keys_of(world.human, user_id)
        assert len(before["device_keys"][user_id]["SECOND"]["signatures"][user_id]) == 1
        yes = await world.say(grouped.split(" ")[-1])
        assert "SECOND of twin is trusted" in str((await world.answer_to(yes)).body)
        after = await keys_of(world.human, user_id)
        assert len(after["device_keys"][user_id]["SECOND"]["signatures"][user_id]) == 2
        assert "SECOND: trusted" in str((await world.ask("!devices twin")).body)


async def test_keys_that_do_not_sign_themselves_are_not_signed(world: World) -> None:
    """Whoever holds the token can upload anything; only a real device is vouched for."""
    card = await world.card("is ready", "!newbot forged")
    user_id, device_id = card.values["MATRIX_USER_ID"], card.values["MATRIX_DEVICE_ID"]
    keys = {
        "user_id": user_id,
        "device_id": device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {f"ed25519:{device_id}": "A" * 43, f"curve25519:{device_id}": "B" * 43},
        "signatures": {user_id: {f"ed25519:{device_id}": "C" * 86}},
    }
    path = "/_matrix/client/v3/keys/upload"
    uploaded = await call(world.homeserver, card.token, "POST", path, {"device_keys": keys})
    uploaded.raise_for_status()
    await asyncio.sleep(3)
    assert "never started" in str((await world.ask("!bot forged")).body)
    found = (await keys_of(world.human, user_id))["device_keys"][user_id][device_id]
    assert list(found["signatures"][user_id]) == [f"ed25519:{device_id}"]


async def test_an_identity_made_elsewhere_is_left_alone(world: World) -> None:
    """It is said, and the identity stays what it was."""
    card = await world.card("is ready", "!newbot foreign --own-identity --password")
    user_id = card.values["MATRIX_USER_ID"]
    async with (
        Human.open(world.homeserver.url, user_id, access_token=card.token),
        Human.open(
            world.homeserver.url,
            user_id,
            password=card.values["MATRIX_PASSWORD"],
            bootstrap=False,
            strict=False,
        ) as unsigned,
    ):
        await online(world, "foreign")
        before = (await keys_of(world.human, user_id))["master_keys"]
        asked = await world.ask(f"!trust foreign {unsigned.device_id}")
        yes = await world.say(str(asked.body).splitlines()[-2].split(" ")[-1])
        assert "that I did not make" in str((await world.answer_to(yes)).body)
        assert (await keys_of(world.human, user_id))["master_keys"] == before


async def test_the_flags_that_contradict_each_other_make_nothing(world: World) -> None:
    answer = await world.ask("!newbot neither --own-identity --recovery")
    assert "Use one of them" in str(answer.body)
    assert "neither" not in json.dumps(str((await world.ask("!bots")).body))
