"""At which bots' identities is looked, and when: over the real store. No server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adminbot.accounts.device_keys import DeviceKeyMemory
from adminbot.accounts.identities import Identities
from adminbot.errors import HomeserverUnreachable
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs import identity_watch
from adminbot.jobs.identity_watch import IdentityWatch
from adminbot.store import Bot, Store, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer
from tests.fakes import ended
from tests.unit.jobs.test_alarm import YOU, settled, until

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]


class FakeAccount(ClientApi):
    """Notes who is asked for."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []
        self.breaks: list[Exception] = []

    async def query_keys(self, *user_ids: UserId) -> JSON:
        if self.breaks:
            raise self.breaks.pop(0)
        self.asked.append([user_id.localpart for user_id in user_ids])
        return {"device_keys": {}}


class FakeIdentities(Identities):
    """Notes which bots are compared."""

    def __init__(self) -> None:
        self.compared: list[str] = []

    async def counts(self, bot: Bot, answer: JSON) -> str:
        self.compared.append(bot.user_id.localpart)
        return ""


class Place:
    def __init__(self, store: Store) -> None:
        self.store, self.account, self.identities = store, FakeAccount(), FakeIdentities()
        self.watch = IdentityWatch(
            self.account, store, self.identities, DeviceKeyMemory(store, lambda bot, key: None)
        )
        self.watch.retry_s = 0.2

    async def add(self, *names: str) -> None:
        for name in names:
            bot = Bot(UserId(name, "example.org"), name, "D1", False, YOU, now(), now())
            await self.store.bots.add(bot)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.watch.run())
        try:
            yield
        finally:
            await ended(task)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def test_at_the_start_all_are_looked_at_then_those_that_changed(place: Place) -> None:
    await place.add("a", "b", "c")
    async with place.at_work():
        await until(lambda: place.identities.compared == ["a", "b", "c"])
        place.watch.wake(["@b:example.org", "@stranger:example.org"])
        await until(lambda: place.identities.compared == ["a", "b", "c", "b"])
        await settled()
    assert place.account.asked == [["a", "b", "c"], ["b"]]


async def test_now_and_then_all_are_looked_at_also_where_much_changes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_watch, "_LOOK_S", 0.3)
    await place.add("a", "b")
    async with place.at_work():
        for _ in range(10):
            await asyncio.sleep(0.05)
            place.watch.wake(["@b:example.org"])
    assert place.account.asked.count(["a", "b"]) == 2
    assert place.account.asked.count(["b"]) > 5


async def test_many_are_asked_for_in_parts(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_watch, "_AT_ONCE", 2)
    await place.add("a", "b", "c")
    async with place.at_work():
        await until(lambda: len(place.identities.compared) == 3)
    assert place.account.asked == [["a", "b"], ["c"]]


async def test_what_could_not_be_looked_at_is_looked_at_later(place: Place) -> None:
    await place.add("a", "b")
    place.account.breaks = [HomeserverUnreachable("HTTP 502")]
    async with place.at_work():
        await until(lambda: place.account.asked == [["a", "b"]])
        place.account.breaks = [HomeserverUnreachable("HTTP 502")]
        place.watch.wake(["@b:example.org"])
        await until(lambda: place.account.asked == [["a", "b"], ["b"]])
