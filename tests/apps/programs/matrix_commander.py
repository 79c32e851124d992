"""matrix-commander, by the credentials on the card."""

from tests.apps.lab import Program, says
from tests.world import Card


class MatrixCommander(Program):
    app = "matrix-commander"
    requirements = ("matrix-commander==8.0.6",)
    begins = "{"
    wants_room = by_alias = is_invited_first = True

    async def first(self, card: Card) -> None:
        says(card, "mkdir store", "chmod 600 credentials.json", "matrix-commander --listen once")
        (self.place.directory / "store").mkdir()
        await self.again(card)
        await self.place.run("matrix-commander", "--listen", "once")

    async def again(self, card: Card) -> None:
        path = self.place.directory / "credentials.json"
        path.write_text(card.text)
        path.chmod(0o600)

    async def afresh(self, card: Card) -> None:
        says(card, "delete what is in store", "matrix-commander --listen once before the first")
        for path in (self.place.directory / "store").iterdir():
            path.unlink()
        await self.again(card)
        await self.place.run("matrix-commander", "--listen", "once")

    async def send(self, text: str) -> None:
        await self.place.run("matrix-commander", "-m", text)
