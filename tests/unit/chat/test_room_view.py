"""What is known of rooms and of people's devices."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from adminbot.chat.client import Client
from adminbot.chat.room_view import RoomView
from adminbot.store import open_store
from adminbot.values.secret import Sealer
from tests.fakes import OWN
from tests.unit.chat.bench import (
    DM,
    HALL,
    HER,
    HER_PHONE,
    YOU,
    Place,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def test_reach_is_a_question_of_the_identity_and_of_devices(place: Place) -> None:
    assert place.chat.rooms.can_reach(YOU)
    place.policy.may = False
    assert not place.chat.rooms.can_reach(YOU)
    place.policy.may = True
    place.client.trusted = [HER_PHONE]
    assert not place.chat.rooms.can_reach(YOU)


async def test_whose_private_chat_a_room_is(place: Place) -> None:
    assert place.chat.rooms.is_own_dm(DM, str(YOU))
    assert not place.chat.rooms.is_own_dm(DM, str(HER))
    assert not place.chat.rooms.is_own_dm(HALL, str(YOU))
    assert place.chat.rooms.why_unfit(HALL, {str(YOU)}) == "`@her:example.org` is in it"
    assert place.chat.rooms.why_unfit(HALL, {str(YOU), str(HER)}) == ""
    assert place.chat.rooms.user_id == str(OWN)


async def test_who_looks_on_where_a_card_is_asked_for(place: Place) -> None:
    assert place.chat.rooms.why_no_card_from(HALL) == ""
    place.client.rooms[HALL].add_member("@guest:example.org", None, None)
    assert place.chat.rooms.why_no_card_from(HALL) == "`@guest:example.org` is in it"
    place.client.rooms[DM].add_member("@guest:example.org", None, None)
    assert place.chat.rooms.why_no_card_from(DM) == "", (
        "the private chat is looked at as a card goes out"
    )


async def test_that_we_left_a_room_is_seen_with_the_sync_that_says_so(place: Place) -> None:
    changed = asyncio.Condition()
    rooms = RoomView(cast(Client, place.client), place.policy, changed, HALL)
    left = asyncio.create_task(rooms.wait_until_left(HALL))

    async def synced() -> None:
        async with changed:
            changed.notify_all()
        await asyncio.sleep(0.01)

    await synced()
    assert not left.done()
    del place.client.rooms[HALL]
    await synced()
    assert left.done()
    await rooms.wait_until_left(HALL)
