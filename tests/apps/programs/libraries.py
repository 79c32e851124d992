"""Bots on a library: the card's block, a person's own three lines, and the last line it names."""

import shutil

from tests.apps.lab import Bot, says
from tests.world import Card


class _OwnBot(Bot):
    own_code: str
    last_line: str

    async def first(self, card: Card) -> None:
        says(card, self.last_line)
        await self.again(card)

    async def again(self, card: Card) -> None:
        await self.end()
        path = self.place.directory / "bot.py"
        path.write_text(f"{card.text}\n{self.own_code}\n{self.last_line}\n")
        await self.start("python", "bot.py")


class SimpleMatrixBotLib(_OwnBot):
    app = "simplematrixbotlib"
    requirements = ("simplematrixbotlib==2.13.1", "matrix-nio[e2e]==0.26.0")
    begins, up = "import simplematrixbotlib", "Connected to"
    last_line = "bot.run()"
    own_code = """
@bot.listener.on_message_event
async def polo(room, message):
    if message.body == "marco":
        await bot.api.send_text_message(room.room_id, "polo")
"""

    async def afresh(self, card: Card) -> None:
        says(card, "delete its folder store")
        await self.end()
        shutil.rmtree(self.place.directory / "store")
        await self.again(card)


class NioBot(_OwnBot):
    app = "nio-bot"
    requirements = ("nio-bot[cli]==1.2.1", "matrix-nio[e2e]==0.26.0")
    begins, up = "import niobot", "ready"
    last_line = "bot.run(access_token=TOKEN)"
    own_code = """
@bot.command()
@niobot.is_owner()
async def marco(ctx):
    await ctx.respond("polo")

@bot.on_event("ready")
async def ready(_):
    print("ready")
"""

    async def send(self, text: str) -> None:
        await super().send(f".{text}")
