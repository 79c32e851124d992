"""The accounts made here."""

from dataclasses import replace
from datetime import timedelta

import pytest

from adminbot.store import Store
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
    await store.bots.add(replace(BOT, note="old", device_id="NANO2"))
    assert await store.bots.find(NANO) == replace(
        BOT, note="new", is_paused=True, device_id="NANO2"
    )


async def test_a_bot_that_was_deleted_begins_anew(store: Store) -> None:
    await store.bots.add(replace(BOT, note="old", is_paused=True))
    await store.bot_deleted(NANO, event_id="$deleted")
    await store.bots.add(replace(BOT, note="new"))
    assert await store.bots.find(NANO) == replace(BOT, note="new")
