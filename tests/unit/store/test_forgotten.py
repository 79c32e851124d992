"""What must not be remembered any longer than it holds: over the real store. No server."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adminbot.store import Bot, ShownKeys, Store, open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

pytestmark = pytest.mark.anyio

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
YOU, NANO = UserId("you", "example.org"), UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, WHEN, WHEN)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        await opened.hand_over(BOT, event_id="$a", reader=YOU, card="first")
        yield opened


async def test_the_device_of_a_bot_that_was_signed_out(store: Store) -> None:
    """Its keys went with it: a token for it would be a device that nobody can read."""
    await store.signed_out(NANO, event_id="$b")
    bot = await store.bots.find(NANO)

    assert bot
    assert (bot.device_id, bot.token_at) == (None, None)
    assert await store.awaited.all() == []
    assert await store.cards.open() == []


async def test_a_card_whose_token_is_dead(store: Store) -> None:
    """One that never went out does not; one that may be half out is due at once."""
    [first] = await store.cards.open()
    second = await store.hand_over(BOT, event_id="$b", reader=YOU, card="second")
    assert [card.id for card in await store.cards.open()] == [second]
    assert (await store.cards.find(first.id)).content is None

    await store.cards.goes_to(second, "!dm")
    third = await store.hand_over(BOT, event_id="$c", reader=YOU, card="third")
    half_out, fresh = await store.cards.open()
    assert (half_out.id, fresh.id) == (second, third)
    assert half_out.vanishes_at
    assert not fresh.vanishes_at


async def test_the_keys_of_a_device_that_is_the_bots_no_more(store: Store) -> None:
    """A token for the same device keeps them."""
    keys = ShownKeys("ed", "curve")

    async def known() -> bool:
        return await store.device_keys.find(NANO, "NANO1") is not None

    await store.device_keys.remember(NANO, "NANO1", keys)
    await store.hand_over(BOT, event_id="$b", reader=YOU, card="in place")
    assert await known()
    picks = replace(BOT, device_id=None)
    await store.hand_over(picks, event_id="$c", reader=YOU, card="fresh")
    assert not await known()

    await store.hand_over(BOT, event_id="$d", reader=YOU, card="fresh")
    await store.device_keys.remember(NANO, "NANO1", keys)
    await store.signed_out(NANO, event_id="$e")
    assert not await known()
    await store.device_keys.remember(NANO, "NANO1", keys)  # by a look that began before
    assert not await known()

    await store.hand_over(BOT, event_id="$f", reader=YOU, card="fresh")
    await store.device_keys.remember(NANO, "NANO1", keys)
    await store.bot_deleted(NANO, event_id="$g")
    assert not await known()
    await store.device_keys.remember(NANO, "NANO1", keys)
    assert not await known()


async def test_a_device_that_was_picked_too_late(store: Store) -> None:
    await store.takes_device(NANO, "NANO2")
    bot = await store.bots.find(NANO)
    assert bot
    assert bot.device_id == "NANO1", "it has one"
    await store.signed_out(NANO, event_id="$b")
    await store.takes_device(NANO, "NANO2")
    bot = await store.bots.find(NANO)
    assert bot
    assert bot.device_id is None
