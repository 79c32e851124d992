"""Cards rest sealed, and are forgotten when they are shown or void."""

import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.store import Store
from adminbot.values.clock import now
from tests.unit.store.samples import BOT, TOKEN, WHEN, YOU, found_in_files

pytestmark = pytest.mark.anyio


async def sealed_card(data_dir: Path) -> bytes:
    db = sqlite3.connect(data_dir / "adminbot.db")
    try:
        [(blob,)] = db.execute("SELECT content FROM card WHERE content IS NOT NULL")
    finally:
        db.close()
    assert isinstance(blob, bytes)
    return blob


async def test_a_card_rests_sealed_and_is_forgotten_once_it_is_shown(
    store: Store, data_dir: Path
) -> None:
    """Also by one who has the store key and reads the files, write-ahead log included."""
    text = f"card {TOKEN}".rjust(20_000)  # several pages of the file
    card_id = await store.hand_over(BOT, event_id="$e", reader=YOU, card=text)
    assert (await store.cards.find(card_id)).content == text
    assert found_in_files(data_dir, b"Nano"), "the search finds what is there"
    assert found_in_files(data_dir, TOKEN.encode()) == []
    sealed = await sealed_card(data_dir)
    assert found_in_files(data_dir, sealed)

    await store.cards.goes_to(card_id, "!dm")
    await store.cards.shown(card_id, intro_id="$i", block_id="$b", vanishes_at=WHEN)

    [card] = await store.cards.open()
    assert card.content is None
    assert (card.room_id, card.intro_id, card.block_id) == ("!dm", "$i", "$b")
    assert card.vanishes_at == WHEN
    assert found_in_files(data_dir, sealed) == []


async def test_a_card_that_was_never_shown_is_forgotten_when_a_newer_one_comes(
    store: Store, data_dir: Path
) -> None:
    first = await store.hand_over(BOT, event_id="$1", reader=YOU, card="one")
    sealed = await sealed_card(data_dir)
    second = await store.hand_over(BOT, event_id="$2", reader=YOU, card="two")

    assert [card.id for card in await store.cards.open()] == [second]
    assert (await store.cards.find(first)).content is None
    assert found_in_files(data_dir, sealed) == []


async def test_a_shown_card_stays_open_beside_a_newer_one_until_it_is_gone(store: Store) -> None:
    """It still hangs in the chat: somebody has to take it back."""
    first = await store.hand_over(BOT, event_id="$1", reader=YOU, card="one")
    await store.cards.goes_to(first, "!dm")
    await store.cards.shown(first, intro_id="$i", block_id="$b", vanishes_at=WHEN)
    other = replace(BOT, user_id=YOU)
    unsent = await store.hand_over(other, event_id="$2", reader=YOU, card="two")
    await store.hand_over(BOT, event_id="$3", reader=YOU, card="three")
    assert first in [card.id for card in await store.cards.open()]
    assert unsent in [card.id for card in await store.cards.open()]

    await store.cards.gone(first)
    assert first not in [card.id for card in await store.cards.open()]


async def test_a_card_that_is_void_before_it_is_out_is_due_as_soon_as_it_is(store: Store) -> None:
    """Its first message may be out: it is gone on with, and taken back at once."""
    first = await store.hand_over(BOT, event_id="$1", reader=YOU, card="one")
    await store.cards.goes_to(first, "!dm")
    await store.hand_over(BOT, event_id="$2", reader=YOU, card="two")
    assert (await store.cards.find(first)).content == "one"

    later = now() + timedelta(hours=1)
    await store.cards.shown(first, intro_id="$i", block_id="$b", vanishes_at=later)
    card = await store.cards.find(first)
    assert card.content is None
    assert card.vanishes_at
    assert card.vanishes_at <= now()
