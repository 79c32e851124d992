"""nanobot, with a language model that says one word."""

import json

from aiohttp import web

from tests.apps.lab import Program, says
from tests.world import Card

_ANSWER = "polo"
_MERGE = "jq -s '.[0]*.[1]' config.json m.json > c.json && mv c.json config.json && rm m.json"


class Nanobot(Program):
    app = "nanobot"
    requirements = (
        *("nanobot-ai==0.3.5", "matrix-nio[e2e]==0.26.0", "aiohttp>=3.9,<4"),
        *("mistune>=3,<4", "nh3>=0.2.17,<1"),
    )
    begins = "{"
    _model: web.AppRunner | None = None

    async def first(self, card: Card) -> None:
        says(card, "nanobot onboard", "nanobot plugins enable matrix", _MERGE)
        await self.place.run("nanobot", "onboard")
        await self.place.run("nanobot", "plugins", "enable", "matrix")
        await self._give_model()
        await self.again(card)

    async def again(self, card: Card) -> None:
        says(card, "~/.nanobot/config.json")
        await self.end()
        (self.place.directory / ".nanobot/m.json").write_text(card.text)
        await self.place.run("sh", "-c", f"cd .nanobot && {_MERGE}")
        self.process = await self.place.start("nanobot", "gateway", "--foreground", "-v")

    async def _give_model(self) -> None:
        """What any nanobot wants before: a model. This one is on loopback and knows one word."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", _complete)
        self._model = web.AppRunner(app)
        await self._model.setup()
        site = web.TCPSite(self._model, "127.0.0.1", 0)
        await site.start()
        port = self._model.addresses[0][1]
        path = self.place.directory / ".nanobot/config.json"
        config = json.loads(path.read_text())
        config["agents"]["defaults"] |= {"provider": "custom", "model": "one-word"}
        config["providers"]["custom"] = {
            "apiKey": "none",
            "apiBase": f"http://127.0.0.1:{port}/v1",
        }
        config["gateway"] |= {"host": "127.0.0.1", "heartbeat": {"enabled": False}}
        config["channels"] |= {"sendProgress": False, "sendToolHints": False}
        path.write_text(json.dumps(config, indent=2))


async def _complete(request: web.Request) -> web.StreamResponse:
    asked = await request.json()
    told = {"id": "1", "created": 0, "model": "one-word"}
    if not asked.get("stream"):
        message = {"role": "assistant", "content": _ANSWER}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return web.json_response(told | {"object": "chat.completion", "choices": [choice]})
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    for delta, end in (({"role": "assistant", "content": _ANSWER}, None), ({}, "stop")):
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        chunk = told | {"object": "chat.completion.chunk", "choices": [choice]}
        await answer.write(f"data: {json.dumps(chunk)}\n\n".encode())
    await answer.write(b"data: [DONE]\n\n")
    return answer
