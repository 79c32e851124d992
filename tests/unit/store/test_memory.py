"""What several tables keep of one event."""

import pytest

from adminbot.store import Pin, Store, identity_of, recovery_of
from tests.unit.store.samples import BOT, NANO, YOU

pytestmark = pytest.mark.anyio


async def test_secrets_facts_pins_and_rooms_are_remembered_and_replaced(store: Store) -> None:
    for value in ("one", "two"):
        await store.sealed.set("seeds", value)
        await store.pins.pin(YOU, value)
        await store.rooms.set_dm(YOU, value)
        assert await store.sealed.get("seeds") == value
        pin = await store.pins.find(str(YOU))
        assert pin == Pin(value, verified=False, alarmed=None)
        assert await store.rooms.dm(YOU) == value
    await store.sealed.drop("seeds")
    assert await store.sealed.get("seeds") is None
    assert await store.rooms.dm(NANO) is None


async def test_what_signs_a_bot_goes_with_it(store: Store) -> None:
    secrets = {identity_of(NANO): "seed", recovery_of(NANO): "key", identity_of(YOU): "other"}
    await store.sealed.set_all(secrets)
    await store.hand_over(BOT, event_id="$1", reader=YOU, card="new")
    assert await store.sealed.get(recovery_of(NANO)) is None, "it is on the card"
    assert await store.sealed.get(identity_of(NANO)) == "seed"
    await store.bot_deleted(NANO, event_id="$2")
    assert await store.sealed.get(identity_of(NANO)) is None
    assert await store.sealed.get(identity_of(YOU)) == "other"

    await store.signs_itself(YOU)
    assert await store.sealed.get(identity_of(YOU)) is None


async def test_what_changes_a_bot_ends_its_act_at_once(store: Store) -> None:
    """A crash right after it must not lead to doing it again."""
    for name in ("$made", "$out", "$gone"):
        await store.acts.begin(name, who=YOU, command="x", target=str(NANO), device_id="D")
    await store.hand_over(BOT, event_id="$made", reader=YOU, card="c")
    await store.signed_out(NANO, event_id="$out")
    await store.bot_deleted(NANO, event_id="$gone")

    for name in ("$made", "$out", "$gone"):
        act = await store.acts.find(name)
        assert act
        assert act.outcome == "done"
