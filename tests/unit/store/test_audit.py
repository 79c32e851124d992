"""The audit: pages, what is under way, and the one way to cut it."""

from datetime import UTC, datetime, timedelta

import pytest

from adminbot.errors import StateError
from adminbot.store import SHELL, Entry, Kind, Store
from adminbot.values.clock import now
from tests.unit.store.samples import NANO, YOU

pytestmark = pytest.mark.anyio


async def added(store: Store, count: int, target: str = str(NANO)) -> None:
    for number in range(count):
        await store.audit.add(Entry(Kind.CHANGE, str(YOU), f"do {number}", target))


async def test_a_page_is_the_newest_first(store: Store) -> None:
    await added(store, 25)
    first = await store.audit.page("", start=0, count=10)
    assert [entry.what for entry in first] == [f"do {number}" for number in range(24, 14, -1)]
    last = await store.audit.page("", start=20, count=10)
    assert [entry.what for entry in last] == [f"do {number}" for number in range(4, -1, -1)]


async def test_a_page_is_about_a_target_or_by_somebody(store: Store) -> None:
    await added(store, 3, target="@other:example.org")
    await store.audit.add(Entry(Kind.REFUSAL, "@other:example.org", "rotate", str(NANO)))
    assert len(await store.audit.page(str(NANO), start=0, count=10)) == 1
    assert len(await store.audit.page("@other:example.org", start=0, count=10)) == 4
    assert len(await store.audit.page(str(YOU), start=0, count=2)) == 2
    assert len(await store.audit.page(str(YOU), start=2, count=2)) == 1
    assert [it.what async for it in store.audit.since(None, str(NANO))] == ["rotate"]


async def test_all_is_read_in_order_however_much(store: Store) -> None:
    async with store._db.transaction():
        for number in range(1203):
            await store.audit.put(Entry(Kind.CHANGE, SHELL, f"do {number}"))
    every = [it.what async for it in store.audit.since(None, "")]
    assert every == [f"do {number}" for number in range(1203)]
    assert [it async for it in store.audit.since(now() + timedelta(hours=1), "")] == []


async def test_what_is_under_way_is_there_without_its_parts(store: Store) -> None:
    for event_id, part_of in (("$many", "$many"), ("$one", None), ("$many x", "$many")):
        await store.acts.begin(
            event_id, who=YOU, command="rotate", target="x", device_id=None, part_of=part_of
        )
    found = await store.audit.under_way("")
    assert [(it.event_id, it.outcome) for it in found] == [("$one", None), ("$many", None)]
    assert await store.audit.under_way("y") == []
    assert len(await store.audit.under_way("x")) == 2


async def test_a_prune_cuts_what_is_old_and_says_so(store: Store) -> None:
    await added(store, 3)
    assert await store.audit.prune(datetime(2020, 1, 1, tzinfo=UTC), SHELL) == 0
    assert await store.audit.prune(now() + timedelta(seconds=1), SHELL) == 4
    [left] = await store.audit.page("", start=0, count=10)
    assert (left.who, left.what.split()[:2]) == (SHELL, ["prune", "4"])
    with pytest.raises(StateError):
        await store._db.write("DELETE FROM audit")


async def test_a_look_costs_the_same_however_much_there_is(store: Store) -> None:
    """By SQLite's own plan: along an index, or backwards from the end."""
    for sql in (
        "SELECT * FROM audit ORDER BY id DESC LIMIT 10",
        "SELECT * FROM audit WHERE target = 'x' ORDER BY id DESC LIMIT 10",
        "SELECT * FROM audit WHERE who = 'x' ORDER BY id DESC LIMIT 10",
    ):
        plan = " ".join(row["detail"] for row in await store._db.all(f"EXPLAIN QUERY PLAN {sql}"))
        assert "TEMP B-TREE" not in plan, plan
        assert "WHERE" not in sql or "USING INDEX" in plan, plan
