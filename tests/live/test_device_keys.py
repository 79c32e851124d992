"""A program loses its store and shows other keys on the device of its card."""

import asyncio

import pytest

from adminbot.demo.homeserver import Homeserver
from tests.human import Seen
from tests.program import fresh_keys
from tests.world import Card, World, call, trusted

pytestmark = pytest.mark.anyio


async def upload(homeserver: Homeserver, card: Card) -> None:
    """Show fresh keys on the card's device, as a program with an empty store does."""
    keys = fresh_keys(card.values["MATRIX_USER_ID"], card.values["MATRIX_DEVICE_ID"])
    path = "/_matrix/client/v3/keys/upload"
    answer = await call(homeserver, card.token, "POST", path, {"device_keys": keys})
    answer.raise_for_status()


async def arrived(world: World, name: str) -> None:
    text = f"{name} is online and trusted"
    await world.human.wait_message(world.dm, lambda it: text in (it.body or ""), timeout=20)


async def alarm(world: World, name: str, *, within_s: float) -> Seen:
    text = f"{name} has other encryption keys"
    told = await world.human.wait_message(
        world.dm, lambda it: text in (it.body or ""), timeout=within_s
    )
    trusted(told)
    return told


async def test_other_keys_are_told_where_a_room_is_shared_and_a_new_device_mends_it(
    world: World,
) -> None:
    card = await world.card("is ready", "!newbot loser")
    user_id = card.values["MATRIX_USER_ID"]
    await upload(world.homeserver, card)
    await arrived(world, "loser")
    own = world.bot.setting("USER_ID")
    body = {
        "preset": "private_chat",
        "invite": [user_id, own],
        "initial_state": [
            {
                "type": "m.room.encryption",
                "state_key": "",
                "content": {"algorithm": "m.megolm.v1.aes-sha2"},
            }
        ],
    }
    room = (await world.human.raw("POST", "/_matrix/client/v3/createRoom", body))["room_id"]
    assert room in str((await world.ask("!join loser")).body)
    await world.human.wait_for(
        lambda h: h.membership(room, own) == "join" or None, what="adminbot"
    )

    await upload(world.homeserver, card)
    told = await alarm(world, "loser", within_s=60)
    assert told.msgtype == "m.text"
    assert "!rotate loser --new-device" in str(told.body)
    for line in ("!bot loser", "!devices loser"):
        said = str((await world.ask(line)).body)
        assert "other keys than the ones I signed" in said
        assert "!rotate loser --new-device" in said
    refused = str((await world.ask("!trust loser")).body)
    assert refused.startswith("❌")
    assert "!rotate loser --new-device" in refused
    assert "🚨 loser" in str((await world.ask("!bots")).body)

    card = await world.card("New token", "!rotate loser --new-device")
    await upload(world.homeserver, card)
    await asyncio.sleep(2)
    assert "Trust: trusted" in str((await world.ask("!bot loser")).body)


async def test_without_a_shared_room_other_keys_are_told_at_the_next_look(world: World) -> None:
    card = await world.card("is ready", "!newbot hermit")
    await upload(world.homeserver, card)
    await arrived(world, "hermit")
    assert "Trust: trusted" in str((await world.ask("!bot hermit")).body)
    await upload(world.homeserver, card)
    assert "other keys than the ones I signed" in str((await world.ask("!bot hermit")).body)
    await alarm(world, "hermit", within_s=20)
