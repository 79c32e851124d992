"""A stranger who floods: invitations, to-device garbage, verification requests, commands.

Bounded: so many requests a second, on loopback, for as long as the block lasts.
"""

import asyncio
import itertools
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from adminbot.demo.homeserver import Homeserver, Person
from tests.world import World

V3 = "/_matrix/client/v3"
PER_SECOND = 30


@dataclass
class Flood:
    """What one stranger sends to the bot; `sent` counts it by kind."""

    http: httpx.AsyncClient
    person: Person
    bot: str
    device: str
    room: str
    sent: Counter[str] = field(default_factory=Counter)

    async def _ask(self, kind: str, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.person.access_token}"}
        answer = await self.http.request(method, path, json=body, headers=headers)
        self.sent[f"{kind} {answer.status_code}"] += 1
        return answer.json()

    async def _to_device(self, kind: str, content: dict[str, Any]) -> None:
        path = f"{V3}/sendToDevice/{kind}/{secrets.token_hex(8)}"
        await self._ask("to-device", "PUT", path, {"messages": {self.bot: {self.device: content}}})

    async def garbage(self) -> None:
        ciphertext = {secrets.token_hex(8): {"type": 0, "body": "A" * 2000}}
        content = {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": secrets.token_hex(8)}
        await self._to_device("m.room.encrypted", content | {"ciphertext": ciphertext})

    async def key_request(self) -> None:
        await self._to_device(
            "m.room_key_request",
            {
                "action": "request",
                "request_id": secrets.token_hex(8),
                "requesting_device_id": "X",
                "body": {
                    "algorithm": "m.megolm.v1.aes-sha2",
                    "room_id": self.room,
                    "session_id": secrets.token_hex(16),
                    "sender_key": secrets.token_hex(16),
                },
            },
        )

    async def verification(self) -> None:
        content = {"from_device": "X", "methods": ["m.sas.v1"], "timestamp": time.time() * 1000}
        await self._to_device(
            "m.key.verification.request", content | {"transaction_id": secrets.token_hex(8)}
        )

    async def invitation(self) -> None:
        await self._ask("invitation", "POST", f"{V3}/createRoom", {"invite": [self.bot]})

    async def command(self) -> None:
        path = f"{V3}/rooms/{self.room}/send/m.room.message/{secrets.token_hex(8)}"
        body = {"msgtype": "m.text", "body": f"!newbot flood{secrets.token_hex(4)}"}
        await self._ask("message", "PUT", path, body)

    async def run(self) -> None:
        """One after the other, each kind in turn."""
        kinds: list[Callable[[], Awaitable[None]]] = [
            *(self.garbage, self.command, self.key_request, self.command),
            *(self.verification, self.invitation, self.command, self.garbage),
        ]
        begin = time.monotonic()
        for number, send in enumerate(itertools.cycle(kinds)):
            await send()
            await asyncio.sleep(begin + number / PER_SECOND - time.monotonic())


@asynccontextmanager
async def a_flood(homeserver: Homeserver, world: World, person: Person) -> AsyncIterator[Flood]:
    """Somebody whom an admin let into a room with the bot, at full speed until the block ends."""
    bot = world.bot.setting("USER_ID")
    room = await world.human.create_room(invite=[bot, person.user_id])
    await world.human.wait_membership(room, bot, "join")
    query: dict[str, Any] = {"device_keys": {bot: []}}
    keys = await world.human.raw("POST", f"{V3}/keys/query", query)
    [device] = keys["device_keys"][bot]
    async with httpx.AsyncClient(base_url=homeserver.url, trust_env=False, timeout=60) as http:
        flood = Flood(http, person, bot, device, room)
        await flood._ask("join", "POST", f"{V3}/rooms/{room}/join", {})
        flood.sent.clear()
        sending = asyncio.create_task(flood.run())
        try:
            yield flood
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
