"""A plain matrix-nio program on a card's login, as anybody would write it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from ssl import SSLContext
from typing import Any

import vodozemac
from nio import RoomMessageText, RoomSendResponse, SyncResponse
from nio.client.async_client import AsyncClient

from adminbot.crypto.crosssigning import canonical
from tests.world import Card


@asynccontextmanager
async def a_program(
    card: Card, store: Path, tls: SSLContext | None = None
) -> AsyncIterator[AsyncClient]:
    """Log in as the card says, sync once, show its keys. `tls`: whom to trust, if not as ever."""
    values = card.values
    store.mkdir(exist_ok=True)  # noqa: ASYNC240  # a test may block for that long
    client = AsyncClient(
        values["MATRIX_HOMESERVER"],
        values["MATRIX_USER_ID"],
        device_id=values["MATRIX_DEVICE_ID"],
        store_path=str(store),
        ssl=tls,  # type: ignore[arg-type]  # it hands that to aiohttp
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


def fresh_keys(user_id: str, device_id: str) -> dict[str, Any]:
    """The device keys that a program with an empty store would upload, signed by themselves."""
    account = vodozemac.Account()
    keys: dict[str, Any] = {
        "user_id": user_id,
        "device_id": device_id,
        "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {
            f"ed25519:{device_id}": account.ed25519_key.to_base64(),
            f"curve25519:{device_id}": account.curve25519_key.to_base64(),
        },
    }
    signature = account.sign(canonical(keys)).to_base64()
    return keys | {"signatures": {user_id: {f"ed25519:{device_id}": signature}}}


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
