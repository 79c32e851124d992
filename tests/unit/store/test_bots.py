"""The accounts made here."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from adminbot.store import Bot, ShownKeys, Store
from adminbot.store.bots import _OTHERS
from adminbot.values.ids import UserId
from tests.unit.store.samples import BOT, NANO, WHEN, YOU

pytestmark = pytest.mark.anyio


async def test_a_bot_is_remembered_as_it_is(store: Store) -> None:
    older = replace(BOT, user_id=YOU, made_at=WHEN - timedelta(days=1), has_password=True)
    await store.bots.add(BOT)
    await store.bots.add(older)

    assert await store.bots.all() == [older, BOT]
    assert await store.bots.find(NANO) == BOT
    await store.signed_out(NANO, event_id="$out")
    assert await store.bots.find(NANO) == replace(BOT, device_id=None, token_at=None)
    await store.bot_deleted(NANO, event_id="$deleted")
    assert await store.bots.find(NANO) is None
    assert await store.bots.all() == [older]


async def test_what_was_set_since_a_bot_was_read_stays(store: Store) -> None:
    """A rotation reads the bot, waits perhaps for minutes, and writes it then."""
    await store.bots.add(replace(BOT, note="old"))
    await store.noted(NANO, "new", event_id="$note")
    await store.paused(NANO, paused=True, event_id="$pause")
    await store.bots.set_display_name(NANO, "Newer")
    await store.bots.add(replace(BOT, note="old", device_id="NANO2"))
    assert await store.bots.find(NANO) == replace(
        BOT, note="new", is_paused=True, device_id="NANO2", display_name="Newer"
    )


async def test_a_bot_that_was_deleted_begins_anew(store: Store) -> None:
    await store.bots.add(replace(BOT, note="old", is_paused=True))
    await store.bot_deleted(NANO, event_id="$deleted")
    await store.bots.add(replace(BOT, note="new"))
    assert await store.bots.find(NANO) == replace(BOT, note="new")


def named(name: str, **more: Any) -> Bot:
    return replace(BOT, user_id=UserId(name, NANO.server), display_name=name, **more)


async def test_those_in_trouble_are_first_then_the_signed_out_then_the_oldest(
    store: Store,
) -> None:
    for name, days in (("fresh", 1), ("old", 300), ("replaced", 2), ("keys", 3)):
        await store.bots.add(named(name, token_at=WHEN - timedelta(days=days)))
    await store.bots.add(named("out", token_at=None))
    await store.bots.add(named("gone"))
    await store.bot_deleted(UserId("gone", NANO.server), event_id="$gone")
    await store.bot_pins.pin(UserId("replaced", NANO.server), "one")
    await store.bot_pins.alarmed(UserId("replaced", NANO.server), "another")
    keys = UserId("keys", NANO.server)
    await store.device_keys.remember(keys, "NANO1", ShownKeys("one", "key"))
    await store.device_keys.told(keys, "NANO1", ShownKeys("another", "key"))

    in_order = ["keys", "replaced", "out", "old", "fresh"]
    for most in range(1, 6):
        names = []
        for skip in range(0, 5, most):
            page, count = await store.bots.worst_first(most=most, skip=skip)
            assert count == 5
            names += [bot.user_id.localpart for bot in page]
        assert names == in_order, most
    page, count = await store.bots.worst_first("E", most=2, skip=1)
    assert ([bot.user_id.localpart for bot in page], count) == (["replaced", "fresh"], 3)
    assert await store.bots.worst_first("e", most=2, skip=3) == ([], 0)


async def test_a_page_of_ten_thousand_is_read_in_the_order_of_an_index(store: Store) -> None:
    rows = await store._db.all(f"EXPLAIN QUERY PLAN {_OTHERS}", 12, 0)
    plan = [row["detail"] for row in rows]
    assert "SCAN bot USING INDEX bot_worst" in plan
    assert not any("ORDER BY" in step for step in plan)


async def test_names_near_a_name_begin_with_its_letter(store: Store) -> None:
    for name in ("nan", "nanp", "nz", "mano", "o", "n%"):
        await store.bots.add(named(name))
    await store.bots.add(named("nano2"))
    await store.bot_deleted(UserId("nano2", NANO.server), event_id="$gone")
    assert sorted(await store.bots.near(NANO)) == ["n%", "nan", "nanp", "nz"]
    assert sorted(await store.bots.near(NANO, most=1)) == ["nan", "nanp"]


async def test_some_bots_are_found_by_their_user_ids(store: Store) -> None:
    await store.bots.add(BOT)
    odd = "@\ud83e'); DROP TABLE bot"
    assert await store.bots.among([str(NANO), str(YOU), odd]) == [BOT]
    assert await store.bots.among([]) == []
