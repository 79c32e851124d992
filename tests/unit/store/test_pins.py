"""Which identity counts."""

import pytest

from adminbot.store import Pin, Store
from tests.unit.store.samples import YOU

pytestmark = pytest.mark.anyio


async def test_a_pin_knows_of_emoji_and_forgets_them_with_the_identity(store: Store) -> None:
    await store.pins.pin(YOU, "one")
    await store.pins.verified(YOU, "another")
    assert await store.pins.find(str(YOU)) == Pin("one", verified=False, alarmed=None)
    await store.pins.verified(YOU, "one")
    await store.pins.alarmed(YOU, "two")
    assert await store.pins.find(str(YOU)) == Pin("one", verified=True, alarmed="two")
    await store.pins.pin(YOU, "two")
    assert await store.pins.find(str(YOU)) == Pin("two", verified=False, alarmed=None)
