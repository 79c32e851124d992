"""The audit: pages, what is under way, and the one way to cut it."""

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest

from adminbot.errors import StateError
from adminbot.store import SHELL, Entry, Kind, Store, audit
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


async def test_a_prune_cuts_what_is_old_and_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await added(store, 3)
    monkeypatch.setattr(audit, "_PIECE", 3)
    assert await store.audit.prune(datetime(2020, 1, 1, tzinfo=UTC), SHELL) == 0
    assert await store.audit.prune(now() + timedelta(seconds=1), SHELL) == 4
    [left] = await store.audit.page("", start=0, count=10)
    assert (left.who, left.what.split()[:2]) == (SHELL, ["prune", "4"])
    await is_append_only(store)


async def is_append_only(store: Store) -> None:
    before = [it async for it in store.audit.since(None, "")]
    assert before
    for sql in (
        "DELETE FROM audit",
        "DELETE FROM audit WHERE id > 1",
        "UPDATE audit SET outcome = 'done'",
        "UPDATE audit SET ended_at = '' WHERE who = 'shell'",
    ):
        with pytest.raises(StateError):
            await store._db.write(sql)
    assert [it async for it in store.audit.since(None, "")] == before


async def test_what_is_noted_stays_as_it_is(store: Store) -> None:
    await added(store, 1)
    await store.audit.by_shell("login", NANO)
    await is_append_only(store)


async def test_after_a_prune_that_was_cut_off_nothing_else_can_be_cut(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was noted first; the trigger comes back with the transaction that failed."""
    await added(store, 3)
    execute = store._db.execute

    async def dies(sql: str, *values: object) -> object:
        if sql.startswith("DELETE FROM audit"):
            raise sqlite3.OperationalError("disk I/O error")
        return await execute(sql, *values)

    monkeypatch.setattr(store._db, "execute", dies)
    with pytest.raises(StateError):
        await store.audit.prune(now() + timedelta(seconds=1), SHELL)
    monkeypatch.setattr(store._db, "execute", execute)
    assert (await store.audit.page("", start=0, count=1))[0].what.startswith("prune 3 entries")
    assert len([it async for it in store.audit.since(None, "")]) == 4
    await is_append_only(store)


async def test_a_part_of_an_act_has_the_event_of_its_message(store: Store) -> None:
    await store.audit.add(Entry(Kind.CHANGE, str(YOU), "rotate", event_id="$many @nano:x"))
    assert (await store.audit.page("", start=0, count=1))[0].event_id == "$many"


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
