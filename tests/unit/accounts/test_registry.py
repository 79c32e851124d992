"""Which account is meant by what a person types."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.registry import Own, Registry
from adminbot.errors import NotManaged, Refused, UsageError
from adminbot.store import Bot, Store, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

pytestmark = pytest.mark.anyio

OWN = UserId("adminbot", "example.org")
NANO = UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, OWN, now(), now())


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        await opened.bots.add(BOT)
        yield opened


@pytest.fixture
def registry(store: Store) -> Registry:
    return Registry(Own(OWN, "OWN"), store, Acts(store))


@pytest.mark.parametrize(
    "typed", ["nano", "NANO", "@nano", " nano ", "@nano:example.org", "nano:example.org"]
)
async def test_a_bot_is_found_by_its_name_however_it_is_typed(
    typed: str, registry: Registry
) -> None:
    assert (await registry.get(typed)).user_id == NANO


@pytest.mark.parametrize(
    "typed", ["other", "@nano:example.com", "nano:", "", "@", "@:example.org", ":example.org"]
)
async def test_nobody_elses_account_is_a_bot(typed: str, registry: Registry) -> None:
    with pytest.raises(NotManaged):
        await registry.get(typed)


@pytest.mark.parametrize("typed", ["adminbot", "@adminbot:example.org", "AdminBot"])
async def test_our_own_account_is_no_bot(typed: str, registry: Registry) -> None:
    with pytest.raises(Refused, match="my own account"):
        await registry.get(typed)
    registry.check_own(typed)


@pytest.mark.parametrize("typed", ["nano", "@adminbot:example.com", ""])
async def test_our_own_account_is_meant_by_its_own_name_only(
    typed: str, registry: Registry
) -> None:
    with pytest.raises((UsageError, NotManaged)):
        registry.check_own(typed)


async def test_a_bot_that_is_being_made_is_said_to_be(store: Store) -> None:
    acts, began = Acts(store), asyncio.Event()
    registry = Registry(Own(OWN, "OWN"), store, acts)

    async def nothing(*_: object) -> None:
        pass

    async def make() -> None:
        order = Order(OWN, "$1", say=nothing, check=nothing)
        async with acts.begin("newbot", UserId("other", "example.org"), order):
            began.set()
            await asyncio.Event().wait()

    making = asyncio.create_task(make())
    await began.wait()
    with pytest.raises(Refused, match="is still being made"):
        await registry.get("other")
    making.cancel()
