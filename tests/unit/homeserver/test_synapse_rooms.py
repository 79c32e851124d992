"""What the admin API says of rooms."""

import httpx
import pytest

from adminbot.homeserver.synapse_rooms import SynapseRooms
from adminbot.homeserver.values import RoomFacts
from adminbot.values.ids import UserId
from tests.unit.homeserver.scripted import Script, wire_to

pytestmark = pytest.mark.anyio

NANO = UserId("nano", "x.org")
ROOM = "!a:x.org"


async def test_rooms_are_a_list_of_ids() -> None:
    answer = httpx.Response(200, json={"joined_rooms": ["!b:x.org", 1, "!a:x.org"], "total": 3})
    async with wire_to(Script(answer)) as http:
        assert await SynapseRooms(http).joined_by(NANO) == ["!a:x.org", "!b:x.org"]


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        ({}, RoomFacts(ROOM)),
        (
            {"name": 1, "canonical_alias": [], "joined_members": "x", "creator": None},
            RoomFacts(ROOM),
        ),
        (
            {
                "name": "A",
                "canonical_alias": "#a:x.org",
                "joined_members": 3,
                "encryption": "m.megolm.v1.aes-sha2",
                "creator": "@nano:x.org",
            },
            RoomFacts(ROOM, "A", "#a:x.org", 3, True, "@nano:x.org"),
        ),
    ],
)
async def test_what_a_room_is_like(body: dict[str, object], facts: RoomFacts) -> None:
    async with wire_to(Script(httpx.Response(200, json=body))) as http:
        assert await SynapseRooms(http).facts(ROOM) == facts


async def test_of_an_unknown_room_there_is_the_id() -> None:
    async with wire_to(Script(httpx.Response(404, json={"errcode": "M_NOT_FOUND"}))) as http:
        assert await SynapseRooms(http).facts(ROOM) == RoomFacts(ROOM)
