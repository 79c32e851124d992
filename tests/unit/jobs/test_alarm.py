"""What the admins are told unasked: once, each, until everybody was. Over the real store."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from adminbot.chat.chat import Chat
from adminbot.chat.direct_chats import DirectChats
from adminbot.chat.room_view import RoomView
from adminbot.config import Trust
from adminbot.errors import HomeserverError, HomeserverUnreachable, StateError
from adminbot.jobs.alarm import Alarm
from adminbot.store import Bot, Entry, ShownKeys, Store, open_store
from adminbot.trust.admins import LeftOut
from adminbot.trust.pins import TrustPolicy
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.render import Message
from adminbot.values.secret import Sealer
from tests.counting import counting
from tests.fakes import ended

pytestmark = pytest.mark.anyio

ROOM = "!admins"
YOU, HER, HIM = (UserId(name, "example.org") for name in ("you", "her", "him"))
NANO = UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, now(), now())


class FakeChat(Chat):
    """Notes what is said where. `breaks`: by room, what fails. `hangs`: in which rooms it does."""

    def __init__(self) -> None:
        self.rooms = cast(RoomView, self)
        self.direct_chats = cast(DirectChats, self)
        self.said: list[tuple[str, str]] = []  # room, text
        self.txns: list[str] = []
        self.rings: list[tuple[UserId, ...]] = []
        self.unreachable: set[UserId] = set()
        self.breaks: dict[str, Exception] = {}
        self.hangs: set[str] = set()

    def trusted_devices(self, user_id: UserId) -> list[Any]:
        return [] if user_id in self.unreachable else ["PHONE"]

    async def ready(self, user_id: UserId) -> str:
        return f"!{user_id.localpart}"

    async def send(self, room_id: str, message: Message, *, txn: str) -> str:
        if room_id in self.hangs:
            await asyncio.Event().wait()
        if problem := self.breaks.get(room_id):
            raise problem
        if txn not in self.txns:  # else the server takes it for the same event
            self.said.append((room_id, message.text))
            self.rings.append(message.rings)
        self.txns.append(txn)
        return "$e"

    async def react(self, room_id: str, event_id: str, key: str, *, txn: str) -> str:
        return "$r"

    def spoken_to(self) -> list[str]:
        return sorted(room_id for room_id, _ in self.said)


class Place:
    def __init__(self, store: Store) -> None:
        self.store, self.chat = store, FakeChat()
        self.policy = TrustPolicy(Trust.PINNED, (YOU, HER, HIM), store)
        self.alarm = self.made()

    def made(self) -> Alarm:
        """As after a start."""
        alarm = Alarm(self.chat, self.store, self.policy, ROOM)
        alarm.retry_s = alarm.broken_s = 0.1
        return alarm

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.alarm.run())
        try:
            yield
        finally:
            await ended(task)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def until(is_so: Callable[[], object]) -> None:
    async with asyncio.timeout(3):
        while not is_so():  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)


async def settled() -> None:
    await asyncio.sleep(0.05)


# -- an identity that changed


async def test_an_admins_new_identity_is_told_to_the_other_admins(place: Place) -> None:
    await place.store.pins.pin(YOU, "OLD")
    async with place.at_work():
        place.alarm.ring(YOU, "NEW")
        await until(lambda: len(place.chat.said) == 2)
        await settled()
    assert place.chat.spoken_to() == ["!her", "!him"]
    assert set(place.chat.rings) == {()}, "a private chat rings without a mention"
    assert "**@you:example.org** shows another cross-signing identity" in place.chat.said[0][1]
    pin = await place.store.pins.find(str(YOU))
    assert pin
    assert pin.alarmed == "NEW"


async def test_what_rings_again_while_it_is_told_is_told_once(place: Place) -> None:
    await place.store.pins.pin(YOU, "OLD")
    place.alarm.ring(YOU, "NEW")
    place.alarm.ring(YOU, "NEW")
    async with place.at_work():
        place.alarm.ring(YOU, "NEW")
        await until(lambda: len(place.chat.said) == 2)
        await settled()
        assert len(place.chat.txns) == 2
        place.alarm.ring(YOU, "NEWEST")
        await until(lambda: len(place.chat.said) == 4)


async def test_before_it_runs_nobody_is_told_and_nothing_is_lost(place: Place) -> None:
    """Before the first sync no device is known: everybody would count as told."""
    await place.store.pins.pin(YOU, "OLD")
    place.chat.unreachable = {HER, HIM}
    place.alarm.ring(YOU, "NEW")
    await settled()
    place.chat.unreachable = set()
    async with place.at_work():
        await until(lambda: len(place.chat.said) == 2)


@pytest.mark.parametrize(
    "problem", [HomeserverUnreachable("HTTP 502"), HomeserverError("no", status=403), StateError()]
)
async def test_one_who_cannot_be_told_keeps_no_other_waiting_and_is_tried_again(
    problem: Exception, place: Place
) -> None:
    await place.store.pins.pin(YOU, "OLD")
    place.chat.breaks["!her"] = problem
    async with place.at_work():
        place.alarm.ring(YOU, "NEW")
        await until(lambda: place.chat.spoken_to() == ["!him"])
        pin = await place.store.pins.find(str(YOU))
        assert pin
        assert pin.alarmed is None, "not everybody was told"
        del place.chat.breaks["!her"]
        await until(lambda: place.chat.spoken_to() == ["!her", "!him"])
        await until(lambda: not place.alarm._raised)
    pin = await place.store.pins.find(str(YOU))
    assert pin
    assert pin.alarmed == "NEW"


async def test_cut_off_and_told_again_it_is_the_same_event(place: Place) -> None:
    await place.store.pins.pin(YOU, "OLD")
    place.chat.breaks["!him"] = HomeserverUnreachable("killed")
    async with place.at_work():
        place.alarm.ring(YOU, "NEW")
        await until(lambda: place.chat.said)
    place.chat.breaks.clear()
    place.alarm = place.made()
    async with place.at_work():
        place.alarm.ring(YOU, "NEW")
        await until(lambda: len(place.chat.said) == 2)
        await settled()
    assert place.chat.spoken_to() == ["!her", "!him"]
    assert len(place.chat.txns) == 3


async def test_one_alarm_that_hangs_keeps_no_other_waiting(place: Place) -> None:
    await place.store.pins.pin(YOU, "OLD")
    place.chat.hangs = {"!her", "!him"}
    async with place.at_work():
        place.alarm.ring(YOU, "NEW")
        place.alarm.tell_room("Something else.")
        await until(lambda: place.chat.spoken_to() == [ROOM])


async def test_who_has_no_device_that_counts_is_passed_over(place: Place) -> None:
    await place.store.pins.pin(YOU, "OLD")
    place.chat.unreachable = {HER}
    async with place.at_work():
        place.alarm.ring(YOU, "NEW")
        await until(lambda: place.chat.spoken_to() == ["!him"])
        await settled()
    pin = await place.store.pins.find(str(YOU))
    assert pin
    assert pin.alarmed == "NEW"


@pytest.mark.parametrize("own", [True, False])
async def test_a_bots_new_identity_is_told_to_all(own: bool, place: Place) -> None:
    bot = replace(BOT, own_identity=own)
    await place.store.hand_over(bot, event_id="$a", reader=YOU, card="x")
    await place.store.bot_pins.pin(NANO, "OLD")
    async with place.at_work():
        place.alarm.ring_bot(bot, "OLD", "NEW")
        place.alarm.ring_bot(bot, "OLD", "NEW")
        await until(lambda: len(place.chat.said) == 3)
        await settled()
    text = place.chat.said[0][1]
    assert ("the one that it had before" if own else "the one that I made for it") in text
    assert "`adminbot trust @nano:example.org`" in text
    assert "`!revoke nano`" in text
    assert len(place.chat.txns) == 3
    pin = await place.store.bot_pins.find(NANO)
    assert pin
    assert pin.alarmed == "NEW"


# -- other keys on a bot's device

OTHER_KEYS = ShownKeys("ed", "curve")


async def a_bot(place: Place, bot: Bot = BOT) -> None:
    """A bot whose device was trusted with some keys."""
    await place.store.hand_over(bot, event_id="$a", reader=YOU, card="x")
    await place.store.device_keys.remember(NANO, "NANO1", ShownKeys("first", "first"))


@pytest.mark.parametrize("own", [True, False])
async def test_other_keys_are_told_to_whoever_made_the_bot_once(own: bool, place: Place) -> None:
    bot = replace(BOT, own_identity=own)
    await a_bot(place, bot)
    async with place.at_work():
        place.alarm.ring_keys(bot, OTHER_KEYS)
        place.alarm.ring_keys(bot, OTHER_KEYS)
        await until(lambda: place.chat.said)
        await settled()
    [(room_id, text)] = place.chat.said
    assert room_id == "!you"
    assert ("than before" if own else "than the ones I signed") in text
    assert "Nobody can read what it writes" in text
    assert "`!rotate nano --new-device`" in text
    assert len(place.chat.txns) == 1
    known = await place.store.device_keys.find(NANO, "NANO1")
    assert known
    assert known.told == str(OTHER_KEYS)


async def test_other_keys_told_again_after_a_crash_are_the_same_event(place: Place) -> None:
    await a_bot(place)
    for _ in range(2):
        place.alarm = place.made()
        sent = len(place.chat.txns)
        async with place.at_work():
            place.alarm.ring_keys(BOT, OTHER_KEYS)
            await until(lambda sent=sent: len(place.chat.txns) > sent)  # type: ignore[misc]
    assert len(place.chat.said) == 1


@pytest.mark.parametrize("is_admin", [True, False])
async def test_other_keys_are_told_to_all_where_the_maker_cannot_be_told(
    is_admin: bool, place: Place
) -> None:
    bot = BOT if is_admin else replace(BOT, made_by=UserId("gone", "example.org"))
    await a_bot(place, bot)
    place.chat.unreachable = {bot.made_by}
    async with place.at_work():
        place.alarm.ring_keys(bot, OTHER_KEYS)
        await until(lambda: len(place.chat.said) >= 2)
        await settled()
    others = ["!her", "!him"]
    assert place.chat.spoken_to() == (others if is_admin else [*others, "!you"])


async def test_other_keys_that_were_mended_meanwhile_are_not_told(place: Place) -> None:
    await a_bot(place)
    place.alarm.ring_keys(BOT, OTHER_KEYS)
    fresh = replace(BOT, device_id="NANO2")
    await place.store.hand_over(fresh, event_id="$b", reader=YOU, card="x")
    async with place.at_work():
        await settled()
    assert place.chat.said == []


# -- an admin who does not count, the admin room, our own state


async def test_the_others_hear_of_an_admin_who_is_left_out(place: Place) -> None:
    left_out = LeftOut(UserId("typo", "example.org"), "no account of that name is on this server")
    place.alarm.left_out(left_out)
    async with place.at_work():
        await until(lambda: len(place.chat.said) == 3)
    assert "I leave them out, because no account" in place.chat.said[0][1]
    assert "Correct ADMINBOT_ADMINS" in place.chat.said[0][1]
    place.alarm.left_out(left_out)  # as at the next start
    async with place.at_work():
        await until(lambda: not place.alarm._raised)
    [entry] = [it async for it in place.store.audit.since(None, "")]
    assert (entry.what, entry.target) == ("left out", "@typo:example.org")


async def test_what_the_admin_room_refuses_is_not_said_again(place: Place) -> None:
    place.chat.breaks[ROOM] = HomeserverError("no", status=403)
    async with place.at_work():
        place.alarm.tell_room("Hello")
        await settled()
        place.chat.breaks.clear()
        await asyncio.sleep(0.2)
        assert not place.chat.said
        place.alarm.tell_room("Hello")
        place.alarm.tell_room("Hello")
        await until(lambda: place.chat.said == [(ROOM, "Hello")] * 2)


async def test_that_our_state_cannot_be_written_is_said_once_and_its_end_when_it_is_so(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full() -> None:
        raise StateError

    async with place.at_work():
        place.alarm.stuck(is_stuck=False)  # each sync says so
        place.alarm.stuck(is_stuck=True)
        place.alarm.stuck(is_stuck=True)
        await until(lambda: place.chat.said)
        with monkeypatch.context() as patch:
            patch.setattr(place.store, "check_writable", full)
            place.alarm.stuck(is_stuck=False)
            await settled()
            assert len(place.chat.said) == 1
        place.alarm.stuck(is_stuck=False)
        place.alarm.stuck(is_stuck=False)
        await until(lambda: len(place.chat.said) == 2)
        await settled()
        place.alarm.stuck(is_stuck=False)
        await settled()
    assert [("I cannot write" in text, "I can write" in text) for _, text in place.chat.said] == [
        (True, False),
        (False, True),
    ]


async def test_an_alarm_is_in_the_audit_once_it_was_told(place: Place) -> None:
    place.chat.breaks["!her"] = HomeserverUnreachable("x")
    place.alarm.ring(YOU, "OTHER")
    async with place.at_work():
        await until(lambda: place.chat.said)
        assert [it async for it in place.store.audit.since(None, "")] == []
        del place.chat.breaks["!her"]
        await until(lambda: not place.alarm._raised)
    [entry] = [it async for it in place.store.audit.since(None, "")]
    assert (entry.kind.value, entry.what, entry.target) == ("alarm", "identity changed", str(YOU))


async def test_an_alarm_that_cannot_be_noted_rings_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Noted before it is marked as told: after a crash in between it is there twice, not never."""

    async def fails(entry: Entry) -> None:
        raise StateError

    with monkeypatch.context() as patch:
        patch.setattr(place.store.audit, "put", fails)
        place.alarm.ring(YOU, "OTHER")
        async with place.at_work():
            await until(lambda: place.chat.said)
            await settled()
    assert place.alarm._raised
    pin = await place.store.pins.find(str(YOU))
    assert pin is None or pin.alarmed is None


# -- for Prometheus


async def test_an_alarm_is_counted_when_it_is_raised_whether_it_is_told_or_not(
    place: Place,
) -> None:
    with counting() as counted:
        for _ in range(2):
            place.alarm.ring(YOU, "NEW")
            place.alarm.ring_bot(BOT, "OLD", "NEW")
            place.alarm.ring_keys(BOT, ShownKeys("ed", "curve"))
            place.alarm.stuck(is_stuck=True)
        place.alarm.left_out(LeftOut(HIM, "of some reason"))
        place.alarm.tell_room("Hello", rings=True)
    assert counted.risen() == {
        "adminbot_alarms_total{about=identity}": 2,  # a person's, a bot's
        "adminbot_alarms_total{about=device_keys}": 1,
        "adminbot_alarms_total{about=state}": 1,
        "adminbot_alarms_total{about=left_out}": 1,
    }
