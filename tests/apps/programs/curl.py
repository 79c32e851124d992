"""curl, by the shell function on the card."""

from tests.apps.lab import Program, Unexpected, says
from tests.world import Card


class Curl(Program):
    app = "curl"
    begins = "HOMESERVER="
    in_clear = wants_room = is_invited_first = True

    async def first(self, card: Card) -> None:
        says(card, "chmod 600 matrix.sh", ". ./matrix.sh")
        await self.again(card)

    async def again(self, card: Card) -> None:
        path = self.place.directory / "matrix.sh"
        path.write_text(card.text)
        path.chmod(0o600)

    async def send(self, text: str) -> None:
        out = await self.place.run("sh", "-c", f". ./matrix.sh; say '{text} \"$(id)\"'")
        if "event_id" not in out:
            raise Unexpected(f"curl: {out[:200]}")
