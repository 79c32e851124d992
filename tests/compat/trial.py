"""A trial: the main job, from the shell's setup to a bot that is deleted, as a person does it."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from nio.client.async_client import AsyncClient

from tests.program import a_program, reads, say, sync
from tests.world import Card, World, trusted, whoami

COLUMNS = ("setup", "ready", "!newbot", "program", "!rotate", "!pause", "!revoke", "!deletebot")
NAME = "worker"
Step = Callable[[], Awaitable[None]]


@dataclass
class Trial:
    """A person with a running bot; what is tried builds upon what was tried before."""

    world: World
    store: Path
    tls: ssl.SSLContext | None
    room: str = ""
    card: Card | None = None
    said: str = ""  # in answer to the last command

    async def newbot(self) -> None:
        self.card = await self.world.card("is ready", f"!newbot {NAME}")

    async def a_program(self) -> None:
        """On nothing but the card it is invited, and its first message has no shield."""
        assert self.card
        human, user_id = self.world.human, self.card.values["MATRIX_USER_ID"]
        self.room = await human.create_room(invite=[user_id])
        async with a_program(self.card, self.store, self.tls) as program:
            await human.wait_message(self.world.dm, f"{NAME} is online and trusted", timeout=30)
            await program.join(self.room)
            await sync(program)
            await human.wait_membership(self.room, user_id, "join")
            await self._talk(program, "marco", "polo")

    async def rotate(self) -> None:
        """The new token works with the same device and keys; the old one is dead."""
        assert self.card
        old = self.card
        self.card = await self.world.card("New token", f"!rotate {NAME}")
        assert await self._status(old.token) == (401, "M_UNKNOWN_TOKEN")
        assert self.card.values["MATRIX_DEVICE_ID"] == old.values["MATRIX_DEVICE_ID"]
        async with a_program(self.card, self.store, self.tls) as program:
            await self._talk(program, "marco again", "still me")

    async def pause(self) -> None:
        assert self.card
        await self._confirmed(f"!pause {NAME}")
        status, errcode = await self._status(self.card.token)
        assert (status, errcode.endswith("USER_LOCKED")) == (401, True)  # ORG_MATRIX_ in 1.110
        self.said = str((await self.world.ask(f"!resume {NAME}")).body)
        assert (await self._status(self.card.token))[0] == 200

    async def revoke(self) -> None:
        assert self.card
        await self._confirmed(f"!revoke {NAME}")
        assert await self._status(self.card.token) == (401, "M_UNKNOWN_TOKEN")

    async def deletebot(self) -> None:
        """With its messages, as far as this Synapse removes them: what is said of that is kept."""
        await self._confirmed(f"!deletebot {NAME} --erase")
        assert "is deleted" in self.said

    async def _talk(self, program: AsyncClient, question: str, answer: str) -> None:
        """Both ways encrypted, and neither with a shield."""
        human = self.world.human
        await human.send(self.room, question)
        assert await reads(program, self.room, question), "the program reads nothing"
        await say(program, self.room, answer)
        trusted(await human.wait_message(self.room, answer, sender=program.user_id))

    async def _confirmed(self, line: str) -> None:
        await self.world.ask(line)
        self.said = str((await self.world.ask(NAME)).body)

    async def _status(self, token: str) -> tuple[int, str]:
        status, answer = await whoami(self.world.homeserver, token)
        return status, str(answer.get("errcode", ""))

    @property
    def steps(self) -> tuple[tuple[str, Step], ...]:
        """What comes after setup and start."""
        done = (self.newbot, self.a_program, self.rotate, self.pause, self.revoke, self.deletebot)
        return tuple(zip(COLUMNS[2:], done, strict=True))
