"""Who is in the admin room, and that it is gone: over the real store. No server."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from nio import MatrixRoom

from adminbot.config import Trust
from adminbot.errors import HomeserverError, HomeserverUnreachable
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs.admin_room import AdminRoom
from adminbot.jobs.alarm import Alarm
from adminbot.store import Store, open_store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer
from tests.counting import counting
from tests.fakes import OWN, ended, room_of
from tests.unit.jobs import test_alarm as alarms
from tests.unit.jobs.test_alarm import HER, HIM, ROOM, YOU, settled, until

pytestmark = pytest.mark.anyio

STRANGER = UserId("stranger", "example.org")


class FakeChat(alarms.FakeChat):
    """We are in `rooms_of_ours`; `changed` is notified after a sync."""

    user_id = str(OWN)

    def __init__(self) -> None:
        super().__init__()
        self.rooms_of_ours: dict[str, MatrixRoom] = {}
        self.changed = asyncio.Condition()
        self.made: list[UserId] = []

    def room(self, room_id: str) -> MatrixRoom | None:
        return self.rooms_of_ours.get(room_id)

    async def wait_until_left(self, room_id: str) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: self.room(room_id) is None)

    async def lose(self, room_id: str) -> None:
        """As a sync says."""
        async with self.changed:
            del self.rooms_of_ours[room_id]
            self.changed.notify_all()

    async def ready(self, user_id: UserId) -> str:
        self.made.append(user_id)
        return await super().ready(user_id)


class FakeAccount(ClientApi):
    """Notes who is invited and who goes. `made_by`: who made the room."""

    def __init__(self) -> None:
        self.invited: list[UserId] = []
        self.kicked: list[str] = []
        self.made_by = OWN
        self.refuses = False

    async def room_state(self, room_id: str) -> list[dict[str, Any]]:
        assert room_id == ROOM
        create = {"type": "m.room.create", "state_key": "", "content": {"room_version": "11"}}
        return [create | {"sender": str(self.made_by)}]

    async def kick(self, room_id: str, user_id: str, *, reason: str) -> None:
        if self.refuses:
            raise HomeserverError("no", status=403)
        self.kicked.append(user_id)

    async def invite(self, room_id: str, user_id: UserId) -> None:
        if self.refuses:
            raise HomeserverError("no", status=403)
        self.invited.append(user_id)


class Place:
    def __init__(self, store: Store) -> None:
        self.store, self.chat, self.account = store, FakeChat(), FakeAccount()
        self.policy = TrustPolicy(Trust.PINNED, (YOU, HER, HIM), store)

    def in_it(self, *people: UserId) -> None:
        self.chat.rooms_of_ours[ROOM] = room_of(ROOM, *people)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        alarm = Alarm(self.chat, self.store, self.policy, ROOM)
        room = AdminRoom(
            ROOM,
            chat=self.chat,
            account=self.account,
            store=self.store,
            policy=self.policy,
            alarm=alarm,
        )
        room.retry_s = 0.1
        tasks = [asyncio.create_task(job.run()) for job in (alarm, room)]
        try:
            yield
        finally:
            for task in tasks:
                await ended(task)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def test_who_is_missing_is_invited_and_has_a_private_chat(place: Place) -> None:
    place.in_it(YOU, HER)
    await place.store.rooms.set_dm(YOU, "!you")
    async with place.at_work():
        await until(lambda: place.chat.made == [HER, HIM])
        await asyncio.sleep(0.2)
    assert place.account.invited == [HIM], "once a start"
    assert not place.account.kicked


async def test_who_is_no_admin_is_removed_and_that_is_said(place: Place) -> None:
    place.in_it(YOU, HER, HIM, STRANGER)
    with counting() as counted:
        async with place.at_work():
            await until(lambda: place.chat.said)
    assert counted.risen() == {"adminbot_alarms_total{about=stranger}": 1}
    assert place.account.kicked == [str(STRANGER)]
    assert "I removed `@stranger:example.org`" in place.chat.said[0][1]


async def test_who_cannot_be_removed_is_named(place: Place) -> None:
    place.in_it(YOU, HER, HIM, STRANGER)
    place.account.refuses = True
    async with place.at_work():
        await until(lambda: place.chat.said)
    assert "is no admin of mine and sits in this room" in place.chat.said[0][1]


async def test_from_a_room_that_another_made_nobody_is_removed(place: Place) -> None:
    place.in_it(YOU, HER, HIM, STRANGER)
    place.account.made_by = YOU
    async with place.at_work():
        await asyncio.sleep(0.15)
    assert not place.account.kicked
    assert not place.chat.said


async def test_that_the_room_is_gone_is_told_in_the_private_chats_once(place: Place) -> None:
    place.in_it(YOU, HER, HIM)
    with counting() as counted:
        async with place.at_work():
            await asyncio.sleep(0.1)
            assert not place.chat.said
            await place.chat.lose(ROOM)
            await until(lambda: len(place.chat.said) == 3)
            await settled()
    assert counted.risen() == {"adminbot_alarms_total{about=room_gone}": 1}
    assert place.chat.spoken_to() == ["!her", "!him", "!you"]
    assert "`adminbot room --new`" in place.chat.said[0][1]
    async with place.at_work():
        await asyncio.sleep(0.15)
    assert len(place.chat.txns) == 3, "across a restart, too"


async def test_who_cannot_be_reached_is_told_later_and_who_refuses_is_not(place: Place) -> None:
    place.chat.breaks = {
        "!her": HomeserverUnreachable("HTTP 502"),
        "!him": HomeserverError("no", status=403),
    }
    async with place.at_work():
        await until(lambda: place.chat.spoken_to() == ["!you"])
        del place.chat.breaks["!her"]
        await until(lambda: place.chat.spoken_to() == ["!her", "!you"])
        tried = len(place.chat.txns)
        await asyncio.sleep(0.25)
    assert len(place.chat.txns) == tried
