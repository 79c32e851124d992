"""maubot, standalone, with a plugin of a few lines."""

from tests.apps.lab import Bot, says
from tests.world import Card

_META = """
maubot: 0.1.0
id: test.polo
version: 0.1.0
license: Apache-2.0
modules: [polo]
main_class: Polo
"""
_PLUGIN = """
from maubot import MessageEvent, Plugin
from maubot.handlers import command


class Polo(Plugin):
    @command.passive("^marco")
    async def polo(self, event: MessageEvent, match) -> None:
        await event.respond("polo")
"""


class Maubot(Bot):
    app = "maubot"
    requirements = ("maubot[encryption]==0.6.0", "setuptools<81")
    begins, up = "user:", "Startup completed, running forever"

    async def first(self, card: Card) -> None:
        says(card, "pip install 'maubot[encryption]' setuptools", "only then invite")
        (self.place.directory / "maubot.yaml").write_text(_META)
        (self.place.directory / "polo.py").write_text(_PLUGIN)
        await self._start(card)

    async def again(self, card: Card) -> None:
        says(card, "Put the new access_token into config.yaml and restart it. Keep bot.db.")
        await self.end()
        await self._start(card)

    async def afresh(self, card: Card) -> None:
        says(card, "Put the new access_token and device_id into config.yaml", "Delete bot.db")
        await self.end()
        (self.place.directory / "bot.db").unlink()
        await self._start(card)

    async def _start(self, card: Card) -> None:
        says(card, "config.yaml")
        (self.place.directory / "config.yaml").write_text(card.text)
        words = ("-m", "maubot.standalone", "-m", "maubot.yaml", "-c", "config.yaml")
        await self.start("python", *words)
