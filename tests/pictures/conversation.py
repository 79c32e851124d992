"""The conversations that are drawn: a throw-away server, our bot, a person with Element's library.

Nothing here knows the bot's words: what was said is told apart by who said it, and by the token.
"""

import asyncio
import copy
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from adminbot.demo.homeserver import running
from tests.human import Seen
from tests.pictures.page import Chat
from tests.program import a_program
from tests.world import MANY_LOGINS, Bot, Card, World, a_human, a_person, join_all, whoami

SERVER, PUBLIC_URL = "example.org", "https://matrix.example.org"
_TOKEN = re.compile(r"syt_\w+")
_QUIET_S, _PATIENCE_S = 2.0, 60


@dataclass(frozen=True, slots=True)
class Play:
    """One conversation. `take` keeps what the person has on the screen."""

    world: World

    async def all(self) -> AsyncIterator[tuple[str, Chat]]:
        """Each picture's name, and the chat to be drawn."""
        world, human = self.world, self.world.human
        await self.quiet()
        intro, block = await self.card("!newbot nanobot", world.room)
        yield "newbot", await self.take(world.room)
        async with self.program(block):
            await self.told_after(block)
            yield "card", await self.take(world.dm)
            for sign in human.reactions(intro.event_id):  # what the bot offers there
                await human.react(world.dm, intro.event_id, sign)
            await self.quiet()
            await self.card("!rotate nanobot", world.dm)
            yield "rotate", await self.take(world.dm, since=intro)
        for line, name in (("!help", "help"), ("!revoke nanobot", "question")):
            yield name, await self.take(world.room, since=await self.ask(line))

    async def ask(self, line: str) -> Seen:
        """Type a line in the admin room; returns it once it is answered."""
        event_id = await self.world.say(line)
        await self.world.answer_to(event_id)
        await self.quiet()
        return next(
            seen
            for seen in self.world.human.messages(self.world.room)
            if seen.event_id == event_id
        )

    async def card(self, line: str, room: str) -> tuple[Seen, Seen]:
        """Type a line that ends in a card: its two messages."""
        human, dm = self.world.human, self.world.dm
        before = len(human.messages(dm))
        await self.world.say(line, room=room)
        block = await human.wait_message(
            dm, lambda seen: _TOKEN.search(seen.body or ""), after=before, timeout=_PATIENCE_S
        )
        await self.quiet()
        said = [seen for seen in human.messages(dm) if seen.type == "m.room.message"]
        return said[said.index(block) - 1], block

    @asynccontextmanager
    async def program(self, block: Seen) -> AsyncIterator[None]:
        """A program that logs in with what is on the card, whatever form that has."""
        server = self.world.homeserver
        found = _TOKEN.search(str(block.body))
        assert found
        status, login = await whoami(server, found[0])
        assert status == 200, status
        values = {
            "MATRIX_HOMESERVER": server.url,  # the address on the card is the reader's own
            "MATRIX_USER_ID": login["user_id"],
            "MATRIX_DEVICE_ID": login["device_id"],
            "MATRIX_ACCESS_TOKEN": found[0],
        }
        text = "\n".join(f"{name}={value}" for name, value in values.items())
        async with a_program(Card(block, block, text), self.world.bot.directory / "program"):
            yield

    async def told_after(self, seen: Seen) -> None:
        """Wait until the bot says something more in the private chat."""
        await self.world.human.wait_message(
            self.world.dm,
            lambda it: it.type == "m.room.message",
            after=seen.event_id,
            timeout=_PATIENCE_S,
        )
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until nothing more comes: reactions and edits come after an answer."""
        before = ""
        while before != (seen := self.on_screen()):
            before = seen
            await asyncio.sleep(_QUIET_S)

    def on_screen(self) -> str:
        human = self.world.human
        rooms = (self.world.room, self.world.dm)
        return json.dumps([asdict(seen) for room in rooms for seen in human.messages(room)])

    async def take(self, room: str, *, since: Seen | None = None) -> Chat:
        """The room as it is now, from a message on."""
        human = self.world.human
        events = copy.deepcopy(human.messages(room))
        first = [seen.event_id for seen in events].index(since.event_id) if since else 0
        state = await human.raw("GET", f"/_matrix/client/v3/rooms/{room}/state")
        titles = [it["content"]["name"] for it in state if it["type"] == "m.room.name"]
        names = {
            it["state_key"]: it["content"].get("displayname", "")
            for it in state
            if it["type"] == "m.room.member"
        }
        others = [name for user_id, name in names.items() if user_id != human.user_id]
        return Chat(next(iter(titles), ", ".join(others)), human.user_id, names, events[first:])


@asynccontextmanager
async def a_play(directory: Path, synapse: Path) -> AsyncIterator[Play]:
    """A server and a bot as a reader would have them, and a person who joined its two rooms."""
    home = directory / "adminbot"
    home.mkdir()
    with running(
        directory / "synapse", synapse, extra=MANY_LOGINS, server_name=SERVER
    ) as homeserver:
        root = homeserver.register("root", admin=True)
        person = await a_person(homeserver, root, "you")
        async with a_human(homeserver, person, password=person.password) as human:
            bot = Bot(homeserver, home, {"PUBLIC_URL": PUBLIC_URL})
            await bot.set_up(person.user_id)
            try:
                await bot.start()
                room, dm = await join_all(human, bot)
                yield Play(World(homeserver, bot, human, room, dm))
            finally:
                if bot.process:
                    await bot.stop()
