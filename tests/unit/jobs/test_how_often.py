"""How often awaited devices are asked for, and how little it costs to wait for them."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from adminbot.accounts.identities import Identities
from adminbot.accounts.signing import Signer
from adminbot.chat.chat import Chat
from adminbot.errors import HomeserverUnreachable
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs import device_watch
from adminbot.jobs.device_watch import DeviceWatch
from adminbot.store import Bot, Store, open_store
from adminbot.trust.lockdown import Lockdown
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret

pytestmark = pytest.mark.anyio
_INSERT = (
    "INSERT INTO bot (user_id, display_name, device_id, has_password, made_by, made_at, token_at) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)

YOU = UserId("you", "example.org")


@dataclass
class FakeAccount:
    """Notes who is asked for; `here`: whose device shows its keys."""

    asked: list[list[UserId]] = field(default_factory=list)
    breaks_with: Exception | None = None

    async def query_keys(self, *user_ids: UserId) -> dict[str, Any]:
        self.asked.append(list(user_ids))
        if self.breaks_with:
            raise self.breaks_with
        return {"device_keys": {str(it): {} for it in user_ids}}

    def names(self) -> set[str]:
        return {user_id.localpart for some in self.asked for user_id in some}

    def times(self, name: str) -> int:
        return sum(UserId(name, "example.org") in some for some in self.asked)


class FakeChat:
    def __init__(self) -> None:
        self.rooms = self
        self.shared: set[UserId] = set()

    def shares_encrypted_room(self, user_id: UserId) -> bool:
        return user_id in self.shared


class FakeSigner:
    """An identity is there; of one bot, none can be made."""

    async def kept(self, user_id: UserId) -> None:
        """None of ours."""

    async def ensure(self, user_id: UserId) -> None:
        if user_id.localpart == "broken":
            raise HomeserverUnreachable("HTTP 502")
        if user_id.localpart == "bug":
            raise RuntimeError("a bug")


@dataclass
class Waiting:
    device_watch: DeviceWatch
    account: FakeAccount
    chat: FakeChat
    store: Store
    directory: Path

    async def add(self, name: str, age: timedelta = timedelta()) -> None:
        await self.add_all({name: age})

    async def add_all(self, ages: dict[str, timedelta]) -> None:
        with closing(sqlite3.connect(self.directory / "data" / "adminbot.db")) as db, db:
            for name, age in ages.items():
                user_id, at = f"@{name}:example.org", (now() - age).isoformat()
                bot = (user_id, name, "D1", 0, str(YOU), at, at)
                db.execute(_INSERT, bot)
                db.execute(
                    "INSERT INTO awaited VALUES (?, ?, ?, ?)", (user_id, "D1", str(YOU), at)
                )


@asynccontextmanager
async def waiting(directory: Path) -> AsyncIterator[Waiting]:
    account, chat = FakeAccount(), FakeChat()
    async with open_store(directory / "data", Sealer.from_base64(Secret("A" * 43 + "="))) as store:
        asked, signer = cast(ClientApi, account), cast(Signer, FakeSigner())
        watch = DeviceWatch(
            cast(Chat, chat),
            store,
            asked,
            signer,
            Lockdown(store),
            Identities(store, signer, lambda bot, counting, seen: None),
        )
        yield Waiting(watch, account, chat, store, directory)


@asynccontextmanager
async def looking(it: Waiting) -> AsyncIterator[None]:
    loop = asyncio.create_task(it.device_watch.run())
    try:
        yield
    finally:
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


@dataclass
class Clock:
    """The time as a test sets it: an hour passes at once."""

    began: datetime = field(default_factory=now)
    at_s: float = 1000.0

    def monotonic(self) -> float:
        return self.at_s

    def now(self) -> datetime:
        return self.began + timedelta(seconds=self.at_s - 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(device_watch, "time", made)
    monkeypatch.setattr(device_watch, "now", made.now)
    return made


async def look_for(it: Waiting, clock: Clock, seconds: float) -> None:
    """So long, or one round more: as `Job.run` does, with the pauses that each round asks for."""
    until_s = clock.at_s + seconds
    while clock.at_s <= until_s:
        clock.at_s += await it.device_watch.round()


async def test_two_thousand_that_never_start_are_asked_for_once_an_hour(
    directory: Path, clock: Clock
) -> None:
    """In parts, and one that is new does not wait for all of them."""
    async with waiting(directory) as it:
        await it.add_all({f"old{number}": timedelta(days=30) for number in range(2000)})
        while len(it.account.asked) < 2:
            await look_for(it, clock, 0)
        await it.add("fresh")
        it.device_watch.wake()
        while it.account.times("fresh") < 2:
            await look_for(it, clock, 0)
        assert sum(map(len, it.account.asked)) < 1500
        it.device_watch.wake(["@old0:example.org", "@nobody:example.org"])
        await look_for(it, clock, 0)
        assert it.account.times("old0") == 1
        await look_for(it, clock, 40)
        assert len(it.account.names()) == 2001
        assert it.account.times("old0") == 1
        it.account.asked.clear()
        await look_for(it, clock, 5)
        assert it.account.names() == {"fresh"}
        assert max(map(len, it.account.asked)) <= 200
        every = await it.store.awaited.all()
        [fresh] = [found for found in every if found.user_id.localpart == "fresh"]
        await it.store.awaited.arrived(fresh)
        it.device_watch.wake()
        it.account.asked.clear()
        await look_for(it, clock, 3600)
        assert len(it.account.names()) == sum(map(len, it.account.asked)) == 2000
        assert max(map(len, it.account.asked)) <= 200


async def test_fresh_ones_are_asked_for_together(directory: Path, clock: Clock) -> None:
    async with waiting(directory) as it:
        await it.add_all({f"new{number}": timedelta(seconds=50 + number) for number in range(50)})
        await look_for(it, clock, 10)
    assert 3 <= len(it.account.asked) <= 5
    assert {len(some) for some in it.account.asked} == {50}


async def test_who_shares_a_room_is_not_polled(directory: Path, clock: Clock) -> None:
    async with waiting(directory) as it:
        it.chat.shared.add(UserId.parse("@shared:example.org"))
        await it.add_all({"shared": timedelta(), "alone": timedelta()})
        await look_for(it, clock, 4)
        assert it.account.times("shared") == 1
        assert it.account.times("alone") > 2
        it.device_watch.wake(["@shared:example.org"])
        await look_for(it, clock, 0)
        assert it.account.times("shared") == 2


async def test_one_that_fails_does_not_stand_in_the_way(directory: Path) -> None:
    """Neither what the server refuses nor what nobody foresaw; and a lost request is repeated."""
    async with waiting(directory) as it:
        it.device_watch.broken_s, it.device_watch.retry_s = 1, 0.1
        it.account.breaks_with = HomeserverUnreachable("HTTP 502")
        await it.add_all({name: timedelta(days=1) for name in ("bug", "broken", "good")})
        async with looking(it):
            await until(lambda: len(it.account.asked) > 2)
            it.account.breaks_with = None
            await until(lambda: UserId("good", "example.org") in it.device_watch._published)


async def test_one_that_is_not_awaited_any_more_is_left_alone(directory: Path) -> None:
    async with waiting(directory) as it:
        await it.add("gone")
        [awaited] = await it.store.awaited.all()
        bot = Bot(awaited.user_id, "gone", "D1", False, YOU, now(), now())
        await it.store.signed_out(bot.user_id, event_id="$none")
        answer: dict[str, Any] = {"device_keys": {"@gone:example.org": {"D1": {}}}}
        assert await it.device_watch._look(awaited, answer)
        assert awaited.user_id not in it.device_watch._published


async def until(holds: Any, *, within_s: float = 10) -> None:
    async with asyncio.timeout(within_s):
        while not holds():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.02)
