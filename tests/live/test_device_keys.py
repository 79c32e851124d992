"""A program loses its store and shows other keys on the device of its card.

Real programs on matrix-nio. The server refuses the one-time keys of an empty store, because it has
such of the old store; the device keys of the same request it takes.
"""

import asyncio
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver
from tests.human import Seen
from tests.program import a_program, fresh_keys, identity_keys, say, sync
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
    world: World, tmp_path: Path
) -> None:
    card = await world.card("is ready", "!newbot loser")
    user_id, own = card.values["MATRIX_USER_ID"], world.bot.setting("USER_ID")
    room = await world.human.create_room(invite=[user_id, own])
    await world.human.wait_membership(room, own, "join")
    async with a_program(card, tmp_path / "store") as program:
        await arrived(world, "loser")
        await program.join(room)
        await world.human.wait_membership(room, user_id, "join")
        await sync(program)
        await say(program, room, "as myself")
        trusted(await world.human.wait_message(room, "as myself", sender=user_id))
        before = identity_keys(program)

    async with a_program(card, tmp_path / "wiped") as program:
        assert identity_keys(program) != before
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
    assert "Trust: never started" in str((await world.ask("!bot loser")).body)
    async with a_program(card, tmp_path / "fresh") as program:
        await world.human.wait_message(
            world.dm, "loser is online and trusted", after=card.block.event_id, timeout=20
        )
        await sync(program)
        await say(program, room, "mended")
        trusted(await world.human.wait_message(room, "mended", sender=user_id))
    assert "Trust: trusted" in str((await world.ask("!bot loser")).body)
    alarms = [it for it in world.human.messages(world.dm) if "other encryption" in str(it.body)]
    assert [it.event_id for it in alarms if "loser" in str(it.body)] == [told.event_id]


async def test_without_a_shared_room_other_keys_are_told_at_the_next_look(
    world: World, tmp_path: Path
) -> None:
    """The keys change before anybody looked once more: they were remembered as they were signed.

    Told once, also by one that is started anew and looks at once.
    """
    card = await world.card("is ready", "!newbot hermit")
    async with a_program(card, tmp_path / "store"):
        await arrived(world, "hermit")
    async with a_program(card, tmp_path / "wiped"):
        assert "other keys than the ones I signed" in str((await world.ask("!bot hermit")).body)
        told = await alarm(world, "hermit", within_s=20)
    await world.bot.stop(9)
    await world.bot.start()
    assert "other keys than the ones I signed" in str((await world.ask("!bot hermit")).body)
    await asyncio.sleep(3)
    alarms = [it for it in world.human.messages(world.dm) if "other encryption" in str(it.body)]
    assert [it.event_id for it in alarms if "hermit" in str(it.body)] == [told.event_id]

    await upload(world.homeserver, card)
    assert "other keys than the ones I signed" in str((await world.ask("!bot hermit")).body)
    again = await world.human.wait_message(
        world.dm, "hermit has other encryption keys", after=told.event_id, timeout=20
    )
    trusted(again)
