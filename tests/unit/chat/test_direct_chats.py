"""Which room is a person's direct chat, and when another one takes its place."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from adminbot.errors import HomeserverError
from adminbot.store import open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer
from tests.fakes import JSON
from tests.unit.chat.bench import (
    DM,
    HER,
    YOU,
    Place,
    a_third,
    in_clear,
    open_door,
)

pytestmark = pytest.mark.anyio


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def test_a_fit_chat_is_used_again(place: Place) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    assert await place.chat.direct_chats.ready(YOU) == DM
    assert place.account.rooms_made == []


@pytest.mark.parametrize(
    ("spoil", "why"), [(a_third, "is in it"), (in_clear, "not encrypted"), (open_door, "join")]
)
async def test_a_spoiled_chat_is_left_and_the_reason_said_in_the_new_one(
    spoil: Callable[[Place], None], why: str, place: Place
) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    spoil(place)
    fresh = await place.chat.direct_chats.ready(YOU)

    assert fresh == "!made1"
    assert await place.store.rooms.dm(YOU) == fresh
    assert place.account.data["m.direct"] == {str(YOU): [fresh]}
    [told] = place.account.events
    assert told.room_id == fresh
    assert why in told.content["of"]["body"]


async def test_a_chat_is_made_once_and_remembered(place: Place) -> None:
    del place.client.rooms[DM]
    assert await place.chat.direct_chats.ready(YOU) == "!made1"
    assert await place.chat.direct_chats.ready(YOU) == "!made1"
    assert len(place.account.rooms_made) == 1
    assert await place.chat.direct_chats.ready(HER) == "!made2"


def a_state(kind: str, content: JSON, *, key: str = "", sender: UserId = YOU) -> JSON:
    return {"type": kind, "state_key": key, "content": content, "sender": str(sender)}


THEIR_ROOM = [a_state("m.room.create", {"room_version": "10"})]
SILENCED = {"users": {str(YOU): 100}, "events_default": 50}


@pytest.mark.parametrize(
    ("state", "fits"),
    [
        ([*THEIR_ROOM, a_state("m.room.power_levels", {"users": {str(YOU): 100}})], True),
        ([*THEIR_ROOM, a_state("m.room.power_levels", SILENCED)], False),
        (
            [
                *(*THEIR_ROOM, a_state("m.room.power_levels", SILENCED)),
                a_state("m.room.power_levels", {}, key="another"),
            ],
            False,
        ),
    ],
)
async def test_a_chat_that_they_made_is_taken_if_a_card_can_be_taken_back_there(
    place: Place, state: list[JSON], fits: bool
) -> None:
    async def room_state(room_id: str) -> list[JSON]:
        assert room_id == DM, "no other room of the two of us"
        return state

    place.account.room_state = room_state  # type: ignore[method-assign]
    fresh = await place.chat.direct_chats.ready(YOU)

    assert fresh == (DM if fits else "!made1")
    assert await place.store.rooms.dm(YOU) == fresh
    assert place.account.data["m.direct"] == {str(YOU): [fresh]}


async def test_one_who_left_is_invited_again_into_the_same_chat(place: Place) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    place.client.rooms[DM].remove_member(str(YOU))
    assert await place.chat.direct_chats.ready(YOU) == DM
    assert place.account.invited == [(DM, str(YOU))]


async def test_a_chat_into_which_nobody_can_be_invited_any_more_is_replaced(
    place: Place,
) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    place.client.rooms[DM].remove_member(str(YOU))

    async def refuse(room_id: str, user_id: UserId) -> None:
        raise HomeserverError("no", status=403, errcode="M_FORBIDDEN")

    place.account.invite = refuse  # type: ignore[method-assign]
    assert await place.chat.direct_chats.ready(YOU) == "!made1"
