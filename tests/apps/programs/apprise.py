"""Apprise, by the URL on the card, over https."""

from tests.apps.lab import Program, says
from tests.world import Card


class Apprise(Program):
    app = "apprise"
    requirements = ("apprise==2.3.0", "cryptography==46.0.3")
    begins = "matrixs://"
    wants_room = by_https = is_invited_first = True

    async def first(self, card: Card) -> None:
        says(card, "pip install cryptography", "it enters with its first message")
        (self.place.directory / "urls").write_text(card.text)
        await self.send("the first message")

    async def again(self, card: Card) -> None:
        says(card, "Put the new URL in place of the old one and send a message")
        (self.place.directory / "urls").write_text(card.text)
        await self.send("a message")

    async def send(self, text: str) -> None:
        await self.place.run("apprise", "-vv", "-b", text, "--config=urls")
