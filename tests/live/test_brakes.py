"""Brakes on a Synapse with its default limits, and with an admin API that hangs or is broken.

How fast they are is for `make bench`; here they must not wait for what takes minutes.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, running
from tests.faults.proxy import Proxy, a_proxy
from tests.world import Bot, World, a_human, a_person, join_all, whoami

pytestmark = pytest.mark.anyio

# Synapse's default limits, with hashing that is quick.
DEFAULTS = "bcrypt_rounds: 4\n"
SOON_S = 5.0
PONG = "🏓 pong"


@pytest.fixture(scope="module")
def limited(synapse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    with running(tmp_path_factory.mktemp("limited"), synapse, extra=DEFAULTS) as server:
        yield server


@pytest.fixture(scope="module")
async def proxy(limited: Homeserver) -> AsyncIterator[Proxy]:
    async with a_proxy(limited.url, random.Random(1)) as made:  # noqa: S311
        yield made


@pytest.fixture(scope="module")
async def world(
    limited: Homeserver, proxy: Proxy, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    root = limited.register("root", admin=True)
    person = await a_person(limited, root, "you")
    directory = tmp_path_factory.mktemp("bot") / "adminbot"
    directory.mkdir()
    async with a_human(limited, person) as human:
        bot = Bot(limited, directory, via=proxy.url)
        await bot.set_up(person.user_id)
        await bot.start()
        try:
            room, dm = await join_all(human, bot)
            yield World(limited, bot, human, room, dm)
        finally:
            await bot.stop()


async def dead_within(world: World, token: str) -> float:
    """Seconds until the server takes a token no more."""
    began = time.monotonic()
    async with asyncio.timeout(SOON_S):
        while (await whoami(world.homeserver, token))[0] == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return time.monotonic() - began


async def test_on_default_limits_a_revoke_ends_one_of_ten_rotations_that_wait(
    world: World,
) -> None:
    names = [f"many{n}" for n in range(10)]
    cards = {name: await world.card("is ready", f"!newbot {name}") for name in names}
    rotations = {name: await world.say(f"!rotate {name}") for name in names}
    waiting = [name for name in names[5:] if name in rotations]
    for name in waiting:
        said = await world.answer_to(rotations[name])
        assert "its login limit is used up" in str(said.body)
        assert f"its old token works; !revoke {name} ends that now" in str(said.body)
    assert (await world.ask("!ping", within_s=SOON_S)).body == PONG

    [first, second, third, *_] = waiting
    await world.ask(f"!revoke {first}", within_s=SOON_S)
    await world.say(first)
    took = await dead_within(world, cards[first].token)
    gave_up = await world.human.wait_message(world.room, f"Meanwhile !revoke of @{first}")
    assert "so I gave this up" in str(gave_up.body)

    await world.ask(f"!deletebot {second}", room=world.dm, within_s=SOON_S)
    assert "is deleted" in str((await world.ask(second, room=world.dm, within_s=SOON_S)).body)
    assert (await whoami(world.homeserver, cards[second].token))[0] == 401
    assert "waits for Synapse" in str((await world.ask(f"!rotate {third}")).body)
    # What waits works until then; and taken up again after a kill, nothing waits behind it either.
    await world.bot.stop(9)
    await world.bot.start()
    assert (await world.ask("!ping", within_s=SOON_S)).body == PONG
    assert (await whoami(world.homeserver, cards[third].token))[0] == 200
    await world.ask(f"!revoke {third}", within_s=SOON_S)
    await world.say(third)
    again = await dead_within(world, cards[third].token)
    print(f"token dead {took:.2f} s and {again:.2f} s after the confirmation")


@pytest.mark.parametrize("fault", ["frozen", "page_502"])
async def test_an_admin_api_that_does_not_answer_keeps_nobody_waiting(
    world: World, proxy: Proxy, fault: str
) -> None:
    card = await world.card("is ready", f"!newbot stuck-{fault.replace('_', '-')}")
    name = card.values["MATRIX_USER_ID"].split(":")[0][1:]
    proxy.admin_api = fault
    try:
        for line in ("!bots", "!bots", f"!bot {name}", "!newbot another", f"!rotate {name}"):
            await world.say(line)
        assert (await world.ask("!ping", within_s=SOON_S)).body == PONG
        await world.ask(f"!revoke {name}", within_s=SOON_S)
        revoked = await world.say(name)
        assert (await world.ask("!ping", within_s=SOON_S)).body == PONG
        assert "Lock me down?" in str((await world.ask("!lockdown", within_s=SOON_S)).body)
        assert "Left as it is" in str((await world.ask("!cancel", within_s=SOON_S)).body)
    finally:
        proxy.admin_api = ""
    assert "signed out" in str((await world.answer_to(revoked, within_s=90)).body)
    assert (await whoami(world.homeserver, card.token))[0] == 401
