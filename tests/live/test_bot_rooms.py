"""Where bots are, and a chat with one, in a real homeserver and as Element's library sees it."""

from typing import Any

import pytest

from tests.world import Card, World, call, on_server

pytestmark = pytest.mark.anyio


async def a_room(world: World, card: Card, **more: Any) -> str:
    """A room of the person's with the bot invited."""
    body = {"preset": "private_chat", "invite": [card.values["MATRIX_USER_ID"]]} | more
    made = await world.human.raw("POST", "/_matrix/client/v3/createRoom", body)
    return str(made["room_id"])


async def joined(world: World, card: Card) -> list[str]:
    path = "/_matrix/client/v3/joined_rooms"
    answer = await call(world.homeserver, card.token, "GET", path)
    return list(answer.json()["joined_rooms"])


def puppets(world: World, user_id: str) -> int:
    """Sessions in the bot's name that are still open."""
    sql = "SELECT 1 FROM access_tokens WHERE puppets_user_id = ?"
    return len(on_server(world.homeserver, sql, user_id))


async def set_account(world: World, user_id: str, **body: bool) -> None:
    token, path = world.bot.setting("ACCESS_TOKEN"), f"/_synapse/admin/v2/users/{user_id}"
    (await call(world.homeserver, token, "PUT", path, body)).raise_for_status()


def direct_invitations(world: World, room_id: str) -> int:
    """How often the person was invited to a room as to a direct chat."""
    rows = on_server(
        world.homeserver,
        "SELECT json FROM event_json JOIN room_memberships USING (event_id) WHERE "
        "room_memberships.room_id = ? AND user_id = ? AND membership = 'invite'",
        room_id,
        world.human.user_id,
    )
    return sum('"is_direct":true' in row["json"] for row in rows)


async def test_rooms_are_seen_entered_and_left(world: World) -> None:
    card = await world.card("is ready", "!newbot roomy")
    assert "is in no room" in str((await world.ask("!rooms roomy")).body)
    ops = await a_room(world, card, name="Ops `night`")
    alerts = await a_room(world, card, name="Alerts", room_alias_name="alerts")
    said = str((await world.ask("!rooms roomy")).body)
    assert "Invited (2)" in said
    assert f"Ops night {ops}, by {world.human.user_id}" in said
    assert "✅" in str((await world.ask("!join roomy")).body)
    assert sorted(await joined(world, card)) == sorted([ops, alerts])
    said = str((await world.ask("!rooms roomy")).body)
    assert "Rooms of roomy (2)" in said
    assert "Alerts #alerts:example.test: 2 in it, not encrypted" in said

    for bad, why in (
        ("", "needs a room"),
        ("nowhere", "names no room"),
        ("#nowhere:example.test", "There is no room"),
        (world.room, "is not in that room"),
    ):
        assert why in str((await world.ask(f"!leave roomy {bad}")).body)
    assert "out of Alerts" in str((await world.ask("!leave roomy #alerts:example.test")).body)
    assert "is out of" in str((await world.ask("roomy")).body)
    assert await joined(world, card) == [ops]
    await world.ask("!leave roomy ops night")
    assert "is out of" in str((await world.ask("@roomy:example.test")).body)
    assert await joined(world, card) == []
    assert puppets(world, card.values["MATRIX_USER_ID"]) == 0
    for command in ("rooms", "join", "chat", "leave"):
        words = f"nobody-here {ops}" if command == "leave" else "nobody-here"
        assert "not one of my bots" in str((await world.ask(f"!{command} {words}")).body)


async def test_a_chat_is_encrypted_direct_and_without_us(world: World) -> None:
    card = await world.card("is ready", "!newbot parlour")
    bot = card.values["MATRIX_USER_ID"]
    assert "has invited you to a private chat" in str((await world.ask("!chat parlour")).body)
    await world.human.wait_for(lambda h: list(h.invites()) or None, what="the invitation")
    [room_id] = world.human.invites()
    assert direct_invitations(world, room_id) == 1
    assert "private chat already: accept" in str((await world.ask("!chat parlour")).body)
    await world.human.join(room_id)
    members = f"/_matrix/client/v3/rooms/{room_id}/joined_members"
    answer = await call(world.homeserver, card.token, "GET", members)
    assert set(answer.json()["joined"]) == {bot, world.human.user_id}
    state = f"/_matrix/client/v3/rooms/{room_id}/state/m.room.encryption"
    assert (await call(world.homeserver, card.token, "GET", state)).status_code == 200
    direct = f"/_matrix/client/v3/user/{bot}/account_data/m.direct"
    noted = (await call(world.homeserver, card.token, "GET", direct)).json()
    assert noted == {world.human.user_id: [room_id]}

    assert "have a private chat already" in str((await world.ask("!chat parlour")).body)
    await world.human.raw("POST", f"/_matrix/client/v3/rooms/{room_id}/leave", {})
    assert "to your private chat again" in str((await world.ask("!chat parlour")).body)
    await world.human.wait_for(lambda h: list(h.invites()) == [room_id] or None, what="again")
    assert direct_invitations(world, room_id) == 2
    await call(world.homeserver, card.token, "PUT", direct, {})  # its program forgets the chat
    assert "private chat already" in str((await world.ask("!chat parlour")).body)
    assert await joined(world, card) == [room_id]
    noted = (await call(world.homeserver, card.token, "GET", direct)).json()
    assert noted == {world.human.user_id: [room_id]}
    assert puppets(world, bot) == 0


async def test_nobody_acts_as_a_paused_bot(world: World) -> None:
    card = await world.card("is ready", "!newbot sleepy")
    bot = card.values["MATRIX_USER_ID"]
    await a_room(world, card)
    await set_account(world, bot, locked=True)
    said = str((await world.ask("!rooms sleepy")).body)
    assert "Paused, so its invitations are not seen: !resume sleepy" in said
    for line in ("join sleepy", f"leave sleepy {world.room}", "chat sleepy"):
        assert "is paused" in str((await world.ask(f"!{line}")).body)
    await set_account(world, bot, locked=False)
    await set_account(world, bot, deactivated=True)
    for line in ("rooms sleepy", "join sleepy", f"leave sleepy {world.room}", "chat sleepy"):
        assert "not on the server any more" in str((await world.ask(f"!{line}")).body)
    assert puppets(world, bot) == 0
