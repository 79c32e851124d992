"""The rooms that adminbot makes, as the server has them, and what the people in them may do."""

from pathlib import Path
from typing import Any

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from adminbot.homeserver.new_rooms import admin_room, direct_chat
from adminbot.values.ids import UserId
from tests.world import Bot, a_person, call

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]
State = dict[str, JSON]  # event type → content, of the events that have no state key


async def test_what_setup_makes_is_closed(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Both rooms: encrypted, by invitation of the bot alone, nobody beside it has any power."""
    you = await a_person(homeserver, root, f"you-{directory.name}")
    bot = Bot(homeserver, directory)
    await bot.set_up(you.user_id)
    token, own = bot.setting("ACCESS_TOKEN"), bot.setting("USER_ID")
    rooms = (await _get(homeserver, token, "/joined_rooms"))["joined_rooms"]
    assert len(rooms) == 2
    assert bot.setting("ROOM") in rooms
    for room in rooms:
        state = await state_of(homeserver, token, room)
        is_closed(state, own)
        assert state["m.room.create"].get("room_version") == "12"  # Synapse's own choice
        await nothing_can_be_changed_by(you, homeserver, room, token, own=own)


@pytest.mark.parametrize("version", ["10", "11", "12"])
@pytest.mark.parametrize("kind", ["admin room", "direct chat"])
async def test_they_are_closed_in_every_room_version(
    homeserver: Homeserver, root: Person, kind: str, version: str
) -> None:
    """What a preset gives away is power in older versions, and to be a creator in newer ones."""
    you = homeserver.register(f"guest-{kind[0]}{version}")
    user_id = UserId.parse(you.user_id)
    body = (
        admin_room(UserId.parse(root.user_id), [user_id])
        if kind == "admin room"
        else direct_chat(user_id)
    )
    token = root.access_token
    made = await call(
        homeserver,
        token,
        "POST",
        "/_matrix/client/v3/createRoom",
        body | {"room_version": version},
    )
    is_closed(await state_of(homeserver, token, made.json()["room_id"]), root.user_id)


def is_closed(state: State, own: str) -> None:
    assert state["m.room.encryption"]["algorithm"] == "m.megolm.v1.aes-sha2"
    assert state["m.room.join_rules"] == {"join_rule": "invite"}
    assert state["m.room.history_visibility"] == {"history_visibility": "invited"}
    assert state["m.room.guest_access"] == {"guest_access": "forbidden"}
    assert not state["m.room.create"].get("additional_creators")
    power = state["m.room.power_levels"]
    assert set(power["users"]) <= {own}
    assert power["users_default"] == 0
    assert power["invite"] == 100
    assert min(power[act] for act in ("state_default", "ban", "kick", "redact")) >= 50
    assert min(power["events"][f"m.room.{kind}"] for kind in ("encryption", "power_levels")) >= 50


async def nothing_can_be_changed_by(
    you: Person, homeserver: Homeserver, room: str, token: str, *, own: str
) -> None:
    """Of what keeps a room closed, once they have joined."""
    path = f"/_matrix/client/v3/rooms/{room}"
    (await call(homeserver, you.access_token, "POST", f"{path}/join", {})).raise_for_status()
    before = await state_of(homeserver, token, room)
    power = before["m.room.power_levels"]
    tries: list[tuple[str, str, JSON]] = [
        ("POST", "invite", {"user_id": "@root:example.test"}),
        ("POST", "kick", {"user_id": own}),
        ("PUT", "state/m.room.join_rules/", {"join_rule": "public"}),
        ("PUT", "state/m.room.history_visibility/", {"history_visibility": "world_readable"}),
        ("PUT", "state/m.room.encryption/", {}),
        ("PUT", "state/m.room.power_levels/", power | {"users_default": 100}),
    ]
    for method, what, body in tries:
        answer = await call(homeserver, you.access_token, method, f"{path}/{what}", body)
        assert (answer.status_code, answer.json()["errcode"]) == (403, "M_FORBIDDEN"), what
    assert await state_of(homeserver, token, room) == before


async def state_of(homeserver: Homeserver, token: str, room: str) -> State:
    events = await _get(homeserver, token, f"/rooms/{room}/state")
    return {event["type"]: event["content"] for event in events if event["state_key"] == ""}


async def _get(homeserver: Homeserver, token: str, path: str) -> Any:
    answer = await call(homeserver, token, "GET", f"/_matrix/client/v3{path}")
    return answer.raise_for_status().json()
