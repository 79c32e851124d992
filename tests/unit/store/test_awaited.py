"""Devices that have still to show their keys."""

from dataclasses import replace

import pytest

from adminbot.store import Store
from tests.unit.store.samples import BOT, NANO, YOU

pytestmark = pytest.mark.anyio


async def test_a_new_device_is_awaited_until_it_came(store: Store) -> None:
    """In place nothing new is awaited; what still is, is looked for eagerly again."""
    await store.hand_over(BOT, event_id="$1", reader=YOU, card="new")
    [first] = await store.awaited.all()
    assert (first.user_id, first.device_id, first.tell) == (NANO, "NANO1", YOU)
    await store.hand_over(BOT, event_id="$2", reader=YOU, card="rotated")
    [again] = await store.awaited.all()
    assert again.since > first.since
    await store.awaited.arrived(again)
    await store.hand_over(BOT, event_id="$3", reader=YOU, card="rotated")
    assert await store.awaited.all() == []

    fresh = replace(BOT, device_id="NANO2")
    await store.hand_over(fresh, event_id="$4", reader=YOU, card="new device")
    await store.awaited.arrived(again)  # late news of the old one
    assert [it.device_id for it in await store.awaited.all()] == ["NANO2"]
    await store.signed_out(NANO, event_id="$5")
    assert await store.awaited.all() == []
