"""nanobot: a newcomer makes its settings from the block; a rotation merges the block into them."""

import json

from adminbot.demo.homeserver import free_port
from tests.apps.lab import Bot, says
from tests.apps.model import one_word
from tests.world import Card

_MERGE = (
    "umask 077; jq -s '.[0]*.[1]' config.json m.json > c.json "
    "&& mv c.json config.json && rm m.json"
)


class Nanobot(Bot):
    app = "nanobot"
    requirements = ("nanobot-ai==0.3.5",)
    begins, up = "{", "Successfully loaded from existing session"

    async def first(self, card: Card) -> None:
        says(card, "mkdir -m 700 ~/.nanobot, save the block there as config.json")
        home = self.place.directory / ".nanobot"
        home.mkdir(mode=0o700)
        (home / "config.json").write_text(card.text)
        says(card, "nanobot onboard --refresh", "nanobot plugins enable matrix")
        await self.place.run("nanobot", "onboard", "--refresh")
        await self.place.run("nanobot", "plugins", "enable", "matrix")
        says(card, "No model yet?", "nanobot gateway --foreground")
        await self._give_model()
        await self._start()

    async def again(self, card: Card) -> None:
        says(card, "Restart it. Keep matrix-store.")
        await self._merge(card)

    async def afresh(self, card: Card) -> None:
        says(card, "Restart it. Delete nothing")
        await self._merge(card)

    async def _merge(self, card: Card) -> None:
        says(card, _MERGE)
        await self.end()
        (self.place.directory / ".nanobot/m.json").write_text(card.text)
        await self.place.run("sh", "-c", f"cd .nanobot && {_MERGE}")
        await self._start()

    async def _start(self) -> None:
        await self.start("nanobot", "gateway", "--foreground", "-v")

    async def _give_model(self) -> None:
        """The answers to the wizard's questions, and quiet: what any nanobot has already."""
        path = self.place.directory / ".nanobot/config.json"
        config = json.loads(path.read_text())
        config["agents"]["defaults"] |= {"provider": "custom", "model": "one-word"}
        url = await self.stack.enter_async_context(one_word(self.word))
        config["providers"]["custom"] = {"apiKey": "none", "apiBase": url}
        quiet = {"port": free_port(), "heartbeat": {"enabled": False}}
        config["gateway"] |= {"host": "127.0.0.1", **quiet}  # another nanobot may run here
        config["channels"] |= {"sendProgress": False, "websocket": {"enabled": False}}
        path.write_text(json.dumps(config, indent=2))
