"""OpenClaw, on a Node of its own, with a language model that says one word."""

import asyncio
import json
from contextlib import suppress

from adminbot.demo.homeserver import free_port
from tests.apps.lab import Bot, Unexpected, says
from tests.apps.model import one_word
from tests.world import Card

_PATCH = "openclaw config patch --stdin"
_ON_LAN = "openclaw config set channels.matrix.network.dangerouslyAllowPrivateNetwork true"
_STATUS, _TRIES = ("openclaw", "matrix", "verify", "status"), 15
_VERIFIED = "Verified by owner: yes"
_MODEL = {"id": "one-word", "name": "one-word", "contextWindow": 200_000, "maxTokens": 8192}


class OpenClaw(Bot):
    """Its package's scripts are not run: one fetches a library for encrypted attachments."""

    app = "openclaw"
    node = ("node@26.10.0",)
    node_without_scripts = ("openclaw@2026.9.6",)
    begins, up = "{", "startup outcomes:"

    async def first(self, card: Card) -> None:
        says(card, "openclaw plugins install @openclaw/matrix", _PATCH, _ON_LAN)
        await self.place.run("openclaw", "plugins", "install", "@openclaw/matrix")
        await self._patch(card.text)
        await self.place.run(*_ON_LAN.split())
        await self._give_model()
        says(card, "openclaw gateway run", " ".join(_STATUS), _VERIFIED)
        await self._start()
        await self._wait_until_verified()

    async def again(self, card: Card) -> None:
        says(card, _PATCH, "Then restart it, and keep its state")
        await self._patch(card.text)
        await self.end()
        await self._start()

    async def afresh(self, card: Card) -> None:
        says(card, _PATCH, "Then restart it", "openclaw matrix devices prune-stale")
        await self._patch(card.text)
        await self.end()
        await self._start()
        await self._wait_until_verified()
        await self.place.run("openclaw", "matrix", "devices", "prune-stale")

    async def _wait_until_verified(self) -> None:
        said = ""
        for _ in range(_TRIES):
            with suppress(Unexpected):  # while it starts
                said = await self.place.run(*_STATUS)
            if _VERIFIED in said:
                return
            await asyncio.sleep(2)
        raise Unexpected(f"not verified: {said[-300:]}")

    async def _patch(self, block: str) -> None:
        await self.place.run(*_PATCH.split(), stdin=block)

    async def _start(self) -> None:
        await self.start("openclaw", "gateway", "run")

    async def _give_model(self) -> None:
        """What any OpenClaw has already."""
        url = await self.stack.enter_async_context(one_word(self.word))
        model = {"baseUrl": url, "apiKey": "none", "api": "openai-completions", "models": [_MODEL]}
        local = {"mode": "local", "bind": "loopback", "port": free_port()}
        config = {
            "gateway": {**local, "auth": {"mode": "token", "token": "x"}},
            "models": {"providers": {"own": model}},
            "agents": {"defaults": {"model": {"primary": "own/one-word"}}},
        }
        await self._patch(json.dumps(config))
