"""Acts are noted once and end once."""

import pytest

from adminbot.store import InboxMessage, Store
from tests.unit.store.samples import NANO, YOU

pytestmark = pytest.mark.anyio


async def test_an_act_is_noted_once_and_ends_once(store: Store) -> None:
    first = await store.acts.begin(
        "$a", who=YOU, command="newbot", target=str(NANO), device_id="D1"
    )
    again = await store.acts.begin(
        "$a", who=YOU, command="newbot", target=str(NANO), device_id="D2"
    )
    assert again == first
    assert again.device_id == "D1"
    assert again.outcome is None

    await store.inbox.decided("$a", "reply", "done")
    await store.inbox.decided("$a", "reply", "NameTaken")
    act = await store.acts.find("$a")
    assert act
    assert act.outcome == "done"
    assert await store.acts.find("$b") is None


async def test_a_brake_counts_by_its_place_in_the_inbox(store: Store) -> None:
    """Whatever the clock says: only one that came after the message."""
    for event_id in ("$rotate", "$revoke", "$later"):
        await store.inbox.receive([InboxMessage(event_id, "x", None)], since="s")
    await store.acts.begin("$revoke", who=YOU, command="revoke", target=str(NANO), device_id=None)
    assert await store.acts.brake_after("$rotate", str(NANO)) == "revoke"
    assert await store.acts.brake_after("$later", str(NANO)) is None
    assert await store.acts.brake_after("$rotate", "@other:example.org") is None
