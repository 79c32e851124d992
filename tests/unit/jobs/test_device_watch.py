"""What is signed once it shows up, and what is not: over the real store. No server."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from adminbot.accounts.device_keys import keys_of
from adminbot.accounts.identities import Identities
from adminbot.accounts.signing import Kept, Signer
from adminbot.chat.chat import Chat
from adminbot.chat.direct_chats import DirectChats
from adminbot.chat.room_view import RoomView
from adminbot.crypto.crosssigning import Identity
from adminbot.errors import ForeignIdentity
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs.device_watch import DeviceWatch, pause
from adminbot.store import Bot, ShownKeys, Store, open_store
from adminbot.trust.lockdown import Lockdown
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.render import Message, plain
from adminbot.values.secret import Sealer
from tests.fakes import ended
from tests.unit.crypto.test_crosssigning import answer_of, device_of, identity, signed_by

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]
YOU, NANO = UserId("you", "example.org"), UserId("nano", "example.org")
ID = str(NANO)
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, now(), now())
OURS, THEIRS = identity(), identity()


class FakeAccount(ClientApi):
    """The server's answer to /keys/query."""

    def __init__(self) -> None:
        self.answer: JSON = {"device_keys": {}}
        self.asked = 0

    async def query_keys(self, *user_ids: UserId) -> JSON:
        assert user_ids == (NANO,)
        self.asked += 1
        return self.answer


class FakeSigner(Signer):
    """Notes what is made and signed. `foreign`: the account has another identity."""

    def __init__(self) -> None:
        self.out: Kept | None = None
        self.made: list[UserId] = []
        self.signed: list[JSON] = []
        self.foreign = False

    async def kept(self, user_id: UserId) -> Kept | None:
        return self.out

    async def ensure(self, user_id: UserId) -> Kept:
        self.made.append(user_id)
        if self.foreign:
            raise ForeignIdentity(user_id)
        self.out = Kept("", OURS.master.public, None, None)
        return self.out

    async def sign(self, user_id: UserId, device_keys: JSON) -> None:
        self.signed.append(device_keys)


class FakeChat(Chat):
    """Notes what is said. `reachable`: whether its reader has a trusted device."""

    def __init__(self) -> None:
        self.rooms = cast(RoomView, self)
        self.direct_chats = cast(DirectChats, self)
        self.said: list[str] = []
        self.reachable = True

    def trusted_devices(self, user_id: UserId) -> list[Any]:
        return ["PHONE"] if self.reachable else []

    def shares_encrypted_room(self, user_id: UserId) -> bool:
        return False

    async def ready(self, user_id: UserId) -> str:
        assert user_id == YOU
        return "!dm"

    async def send(self, room_id: str, message: Message, *, txn: str) -> str:
        self.said.append(plain(message.text))
        return "$e"


class Place:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.account, self.signer, self.chat = FakeAccount(), FakeSigner(), FakeChat()
        self.lockdown = Lockdown(store)
        self.rung: list[str] = []
        self.identities = Identities(store, self.signer, self.ring)

    def ring(self, bot: Bot, counting: str, seen: str) -> None:
        assert (bot.user_id, counting) == (NANO, OURS.master.public)
        self.rung.append(seen)

    async def work(self) -> None:
        """Look for arrivals, a few rounds long."""
        arrivals = DeviceWatch(
            *(self.chat, self.store, self.account, self.signer, self.lockdown, self.identities)
        )
        task = asyncio.create_task(arrivals.run())
        asked = self.account.asked + 3
        for turn in range(500):
            await asyncio.sleep(0.01)
            arrivals.wake([ID])
            nothing_happens = turn > 20 and await self.lockdown.locked()
            # One more: what came of the last of the three is done by then, however busy we are.
            if self.account.asked > asked or not await self.awaited() or nothing_happens:
                break
        await ended(task)

    async def awaited(self) -> list[str]:
        return [it.device_id for it in await self.store.awaited.all()]


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


async def a_place(
    store: Store, *, own_identity: bool = False, device_id: str | None = "NANO1"
) -> Place:
    bot = replace(BOT, own_identity=own_identity, device_id=device_id)
    await store.hand_over(bot, event_id="$a", reader=YOU, card="x")
    return Place(store)


def shown(by: Identity, *devices: JSON) -> JSON:
    return answer_of(by, *devices, user_id=ID)


MINE_NOW, OTHER = device_of(ID, "NANO1"), device_of(ID, "OTHER")


async def test_before_the_device_is_there_an_identity_is_made_and_nothing_signed(
    store: Store,
) -> None:
    place = await a_place(store)
    await place.work()

    assert place.signer.made == [NANO], "once"
    assert (place.signer.signed, place.chat.said) == ([], [])
    assert await place.awaited() == ["NANO1"]


async def test_the_issued_device_is_signed_and_no_other(store: Store) -> None:
    place = await a_place(store)
    place.account.answer = shown(OURS, OTHER, MINE_NOW)
    await place.work()

    assert place.signer.signed == [MINE_NOW]
    assert place.chat.said == ["✅ nano is online and trusted."]
    assert await place.awaited() == []


async def test_another_device_alone_is_no_arrival(store: Store) -> None:
    place = await a_place(store)
    place.account.answer = shown(OURS, OTHER)
    await place.work()

    assert (place.signer.signed, place.chat.said) == ([], [])
    assert await place.awaited() == ["NANO1"]


async def test_keys_that_do_not_sign_themselves_are_not_signed(store: Store) -> None:
    place = await a_place(store)
    forged = MINE_NOW | {"signatures": OTHER["signatures"]}
    place.account.answer = shown(OURS, forged)
    await place.work()

    assert (place.signer.signed, place.chat.said) == ([], [])
    assert await place.awaited() == ["NANO1"]


async def test_what_is_signed_already_is_told_and_not_signed_again(store: Store) -> None:
    place = await a_place(store)
    place.account.answer = shown(OURS, signed_by(OURS, MINE_NOW, ID))
    await place.work()

    assert place.signer.signed == []
    assert place.chat.said == ["✅ nano is online and trusted."]


@pytest.mark.parametrize("signed", [True, False])
async def test_an_identity_made_elsewhere_is_told_and_left_alone(
    signed: bool, store: Store
) -> None:
    place = await a_place(store)
    place.signer.foreign = True
    device = signed_by(THEIRS, MINE_NOW, ID) if signed else MINE_NOW
    place.account.answer = shown(THEIRS, device)
    await place.work()

    assert place.signer.signed == []
    assert [said for said in place.chat.said if "that I did not make" in said]
    assert (f"✅ {NANO.localpart} is online and trusted." in place.chat.said) is signed
    bot = await store.bots.find(NANO)
    assert bot
    assert bot.own_identity, "from now on it signs itself"


@pytest.mark.parametrize("signed", [True, False])
async def test_an_identity_that_took_the_place_of_ours_is_alarmed_and_nothing_signed(
    signed: bool, store: Store
) -> None:
    place = await a_place(store)
    await place.work()
    device = signed_by(THEIRS, MINE_NOW, ID) if signed else MINE_NOW
    place.account.answer = shown(THEIRS, device)
    await place.work()

    assert set(place.rung) == {THEIRS.master.public}
    assert (place.signer.signed, place.chat.said) == ([], [])
    assert await place.awaited() == ["NANO1"]


async def test_one_that_was_faster_with_an_identity_is_told_and_waited_for(store: Store) -> None:
    place = await a_place(store)
    place.signer.foreign = True
    await place.work()

    assert "that I did not make" in place.chat.said[0]
    bot = await store.bots.find(NANO)
    assert bot
    assert bot.own_identity, "from now on it signs itself"
    assert place.signer.made == [NANO]


async def test_no_identity_is_made_for_one_that_brings_its_own(store: Store) -> None:
    place = await a_place(store, own_identity=True)
    await place.work()
    place.account.answer = shown(THEIRS, MINE_NOW)
    await place.work()
    assert (place.signer.made, place.signer.signed, place.chat.said) == ([], [], [])

    place.account.answer = shown(THEIRS, signed_by(THEIRS, MINE_NOW, ID))
    await place.work()
    assert (place.signer.made, place.signer.signed) == ([], [])
    assert place.chat.said == ["✅ nano is online and trusted."]
    assert await place.awaited() == []


async def test_during_a_lockdown_nothing_is_asked_made_or_signed(store: Store) -> None:
    place = await a_place(store)
    place.account.answer = shown(OURS, MINE_NOW)
    await place.lockdown.lock(YOU)
    await place.work()
    assert (place.account.asked, place.signer.made, place.signer.signed) == (0, [], [])
    assert await place.awaited() == ["NANO1"]

    await place.lockdown.unlock()
    await place.work()
    assert place.signer.signed == [MINE_NOW]


async def test_it_is_said_only_where_a_trusted_device_can_read_it(store: Store) -> None:
    place = await a_place(store)
    place.chat.reachable = False
    place.account.answer = shown(OURS, MINE_NOW)
    await place.work()

    assert place.signer.signed == [MINE_NOW]
    assert place.chat.said == []


async def test_keys_are_remembered_as_soon_as_they_are_signed(store: Store) -> None:
    place = await a_place(store)
    place.account.answer = shown(OURS, MINE_NOW)
    await place.work()

    known = await store.device_keys.find(NANO, "NANO1")
    assert known
    assert known.keys == keys_of(MINE_NOW)


async def test_other_keys_than_were_signed_before_a_crash_are_not_signed(store: Store) -> None:
    """The crash came after the signature, before the device was awaited no more."""
    place = await a_place(store)
    await store.device_keys.remember(NANO, "NANO1", ShownKeys("signed", "before"))
    place.account.answer = shown(OURS, MINE_NOW)
    await place.work()

    assert (place.signer.signed, place.chat.said) == ([], [])


async def test_the_device_that_a_program_picks_is_the_bots_and_signed(store: Store) -> None:
    place = await a_place(store, device_id=None)
    await place.work()
    assert await place.awaited() == [""]
    place.account.answer = shown(OURS, OTHER)
    await place.work()

    assert place.signer.signed == [OTHER]
    assert place.chat.said == ["✅ nano is online and trusted."]
    bot = await store.bots.find(NANO)
    assert bot
    assert bot.device_id == "OTHER"
    assert await place.awaited() == []


async def test_of_several_devices_a_person_is_to_choose_told_once(store: Store) -> None:
    place = await a_place(store, device_id=None)
    place.account.answer = shown(OURS, OTHER, MINE_NOW)
    await place.work()

    assert place.signer.signed == []
    assert place.chat.said == [
        "⚠️ nano shows 2 devices, so I cannot tell which is its program's. "
        "Look: !devices nano. Then: !trust nano DEVICE"
    ]
    assert await place.awaited() == [""]
    bot = await store.bots.find(NANO)
    assert bot
    assert bot.device_id is None


def test_looks_become_rarer_the_longer_nothing_comes() -> None:
    hour, day = 3600, 86_400
    ages = (-5, 5, 20, 60, 2 * hour - 1, 2 * hour, day, 7 * day, 365 * day)
    waits = [pause(timedelta(seconds=age)) for age in ages]
    assert waits == [1, 1, 2, 4, 4, 12, 144, hour, hour]
