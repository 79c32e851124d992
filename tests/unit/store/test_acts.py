"""Acts are noted once and end once."""

import pytest

from adminbot.errors import StateError
from adminbot.store import InboxMessage, Store
from adminbot.values.ids import UserId
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


async def test_a_brake_on_many_accounts_counts_for_each(store: Store) -> None:
    for event_id in ("$rotate", "$revoke", "$later"):
        await store.inbox.receive([InboxMessage(event_id, "x", None)], since="s")
    await store.acts.begin(
        f"$revoke {NANO}",
        who=YOU,
        command="revoke",
        target=str(NANO),
        device_id=None,
        part_of="$revoke",
    )
    assert await store.acts.brake_after("$rotate", str(NANO)) == "revoke"
    assert await store.acts.brake_after("$later", str(NANO)) is None
    assert list(await store.acts.parts("$revoke")) == [str(NANO)]


async def test_only_what_has_parts_and_is_under_way_is_stopped(store: Store) -> None:
    for event_id, part_of in (("$many", "$many"), ("$one", None), ("$part", "$many")):
        await store.acts.begin(
            event_id, who=YOU, command="x", target="x", device_id=None, part_of=part_of
        )
    assert await store.acts.stop(UserId("other", "example.org")) == 0
    assert await store.acts.stop(YOU) == 1
    assert await store.acts.is_stopped("$many")
    assert not await store.acts.is_stopped("$one")
    assert await store.acts.stop(YOU) == 0


async def test_what_has_ended_is_in_the_audit_once_and_stays_there(store: Store) -> None:
    await store.acts.begin(
        "$a", who=YOU, command="rotate", target=str(NANO), device_id="D", typed_on="PHONE"
    )
    assert await store._db.all("SELECT * FROM audit") == []
    await store.inbox.decided("$a", "reply", "done")
    await store.inbox.decided("$a", "reply", "NameTaken")

    [row] = await store._db.all("SELECT * FROM audit")
    assert (row["who"], row["device"], row["what"]) == (str(YOU), "PHONE", "rotate")
    assert (row["kind"], row["target"], row["outcome"]) == ("change", str(NANO), "done")
    for sql in ("UPDATE audit SET who = 'me'", "DELETE FROM audit"):
        with pytest.raises(StateError):
            await store._db.write(sql)
    assert len(await store._db.all("SELECT * FROM audit")) == 1
