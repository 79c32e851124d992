"""An adminbot that was set up, with its own Synapse, and does not run: to be hurt and mended."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from adminbot.config import Settings, sources
from adminbot.demo.homeserver import Homeserver, Person
from adminbot.doctor import examine
from adminbot.doctor.finding import Finding
from adminbot.doctor.local import look_at_settings
from adminbot.doctor.subject import from_outside
from adminbot.store import Store, open_store
from tests.human import Human
from tests.world import Bot, a_human, a_person, adminbot, call


@dataclass
class Patient:
    """A bot with one admin. `root`: another server admin. `human`: the admin's client, if any."""

    homeserver: Homeserver
    root: Person
    bot: Bot
    human: Human | None = None

    @property
    def settings(self) -> Settings:
        return sources.load(self.bot.env_file)

    async def asks(self, method: str, path: str, body: Any = None, *, own: bool = False) -> Any:
        """A request as the other server admin, or as the bot itself; returns the answer."""
        token = self.settings.access_token.reveal() if own else self.root.access_token
        answer = await call(self.homeserver, token, method, path, body)
        answer.raise_for_status()
        return answer.json()

    @asynccontextmanager
    async def state(self) -> AsyncIterator[Store]:
        settings = self.settings
        async with open_store(settings.data_dir, settings.sealer) as store:
            yield store

    async def findings(self, **changed: Any) -> dict[str, Finding]:
        """What the checks say of the bot, with some settings changed; by check."""
        first, settings = look_at_settings(self.bot.env_file)
        if settings is None:
            return {first.check: first}
        async with from_outside(replace(settings, **changed)) as subject:
            return {first.check: first} | {it.check: it async for it in examine(subject)}

    async def shell(self, *more: object) -> tuple[int, str, str]:
        return await adminbot("doctor", "--env-file", self.bot.env_file, *more)


async def alone(homeserver: Homeserver, root: Person, directory: Path) -> Patient:
    """A bot whose admin has an account, and no client that has accepted anything."""
    person = await a_person(homeserver, root, f"you-{directory.name}")
    bot = Bot(homeserver, directory)
    await bot.set_up(person.user_id)
    return Patient(homeserver, root, bot)


@asynccontextmanager
async def a_patient(
    homeserver: Homeserver, root: Person, directory: Path
) -> AsyncIterator[Patient]:
    directory.mkdir(exist_ok=True)  # noqa: ASYNC240  # a test may block for that long
    person = await a_person(homeserver, root, f"you-{directory.name}")
    async with a_human(homeserver, person, password=person.password) as human:
        bot = Bot(homeserver, directory)
        await bot.set_up(person.user_id)
        await human.wait_for(lambda h: len(h.invites()) == 2 or None, what="two invitations")
        for room_id in list(human.invites()):
            await human.join(room_id)
        yield Patient(homeserver, root, bot, human)
