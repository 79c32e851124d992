"""A program lives on one card, is rotated under way, and goes on with its own store."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from nio import RoomMessageText, RoomSendResponse, SyncResponse
from nio.client.async_client import AsyncClient

from adminbot.demo.homeserver import Person
from tests.world import Card, World, a_human, a_person, whoami

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def a_program(card: Card, store: Path) -> AsyncIterator[AsyncClient]:
    """A plain matrix-nio program on a card's login, as anybody would write it."""
    values = card.values
    store.mkdir(exist_ok=True)  # noqa: ASYNC240  # a test may block for that long
    client = AsyncClient(
        values["MATRIX_HOMESERVER"],
        values["MATRIX_USER_ID"],
        device_id=values["MATRIX_DEVICE_ID"],
        store_path=str(store),
    )
    client.restore_login(
        values["MATRIX_USER_ID"], values["MATRIX_DEVICE_ID"], values["MATRIX_ACCESS_TOKEN"]
    )
    try:
        await sync(client)
        if client.should_upload_keys:
            await client.keys_upload()
        yield client
    finally:
        await client.close()  # type: ignore[no-untyped-call]


def identity_keys(client: AsyncClient) -> dict[str, str]:
    assert client.olm
    keys = client.olm.account.identity_keys
    return {"ed25519": keys["ed25519"], "curve25519": keys["curve25519"]}


async def sync(client: AsyncClient) -> SyncResponse:
    response = await client.sync(timeout=2000, full_state=not client.next_batch)
    assert isinstance(response, SyncResponse), type(response).__name__
    if client.should_query_keys:
        await client.keys_query()
    return response


async def say(client: AsyncClient, room: str, body: str) -> None:
    content = {"msgtype": "m.text", "body": body}
    sent = await client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
    assert isinstance(sent, RoomSendResponse)


async def reads(client: AsyncClient, room: str, body: str) -> bool:
    """Whether this text arrives, decrypted, in one of the next syncs."""
    for _ in range(5):
        joined = (await sync(client)).rooms.join.get(room)
        events = joined.timeline.events if joined else []
        if any(isinstance(event, RoomMessageText) and event.body == body for event in events):
            return True
    return False


async def test_a_running_program_survives_its_rotation(
    world: World, root: Person, tmp_path: Path
) -> None:
    """Same device, same keys, same store: it reads and writes on; the old token is dead."""
    first = await world.card("is ready", "!newbot prog")
    user_id, device_id = first.values["MATRIX_USER_ID"], first.values["MATRIX_DEVICE_ID"]
    person = await a_person(world.homeserver, root, "friend-of-prog")
    # Not strict: nobody has signed the program's device.
    async with a_human(world.homeserver, person, strict=False) as friend:
        async with a_program(first, tmp_path / "store") as program:
            keys = identity_keys(program)
            room = await friend.create_room(invite=[user_id], encrypted=True)
            await program.join(room)
            await sync(program)
            await friend.wait_membership(room, user_id, "join")
            await friend.send(room, "before")
            assert await reads(program, room, "before")

        second = await world.card("New token", "!rotate prog")

        assert second.values["MATRIX_DEVICE_ID"] == device_id
        assert second.token != first.token
        assert (await whoami(world.homeserver, first.token))[0] == 401
        async with a_program(second, tmp_path / "store") as program:
            assert identity_keys(program) == keys
            await friend.send(room, "after")
            assert await reads(program, room, "after")
            await say(program, room, "still me")
            await friend.wait_message(room, "still me", sender=user_id)
            found = await friend.raw(
                "POST", "/_matrix/client/v3/keys/query", {"device_keys": {user_id: []}}
            )
            device = found["device_keys"][user_id][device_id]
            assert device["keys"][f"ed25519:{device_id}"] == keys["ed25519"]
    assert "unsigned" in str((await world.ask("!bot prog")).body)


async def test_a_fresh_device_can_be_asked_for(world: World) -> None:
    first = await world.card("is ready", "!newbot fresh")
    second = await world.card("New token", "!rotate fresh --new-device")

    assert second.values["MATRIX_DEVICE_ID"] != first.values["MATRIX_DEVICE_ID"]
    assert (await whoami(world.homeserver, first.token))[0] == 401
    assert (await whoami(world.homeserver, second.token))[1]["device_id"] == second.values[
        "MATRIX_DEVICE_ID"
    ]


async def test_every_older_token_dies(world: World) -> None:
    """Also one that was opened beside the card's, on another device."""
    card = await world.card("is ready", "!newbot shared --password")
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "shared"},
        "password": card.values["MATRIX_PASSWORD"],
    }
    stolen = await world.human.raw("POST", "/_matrix/client/v3/login", login)
    renewed = await world.card("New token", "!rotate shared")

    assert (await whoami(world.homeserver, stolen["access_token"]))[0] == 401
    assert (await whoami(world.homeserver, card.token))[0] == 401
    assert (await whoami(world.homeserver, renewed.token))[0] == 200
    await world.human.wait_for(lambda h: card.block.redacted or None)
    assert not renewed.block.redacted
    assert renewed.values["MATRIX_PASSWORD"] != card.values["MATRIX_PASSWORD"]
