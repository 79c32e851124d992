"""How a card goes out and is taken back: the rules, over the real store. No server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from adminbot.accounts.handover import Purpose
from adminbot.apps import load_catalog
from adminbot.cards.delivery import CardDelivery
from adminbot.cards.text import CardText
from adminbot.chat.chat import Chat
from adminbot.chat.direct_chats import DirectChats
from adminbot.chat.room_view import RoomView
from adminbot.errors import HomeserverError, HomeserverUnreachable, NotDeliverable
from adminbot.store import Bot, Store, open_store
from adminbot.trust.lockdown import Lockdown
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.render import Message
from adminbot.values.secret import Sealer, Secret

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]
YOU, HER = UserId("you", "example.org"), UserId("her", "example.org")
NANO = UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, now(), now())
TTL = timedelta(hours=1)
TEXT = CardText("https://matrix.example.org", TTL, load_catalog(None))
TOKEN = "syt_hunter2"


class FakeChat(Chat):
    """Notes what is said, to whom and in which room.

    `breaks`: what fails once, and how. `hangs_at`: events that it never ends to redact.
    """

    def __init__(self) -> None:
        self.direct_chats = cast(DirectChats, self)
        self.rooms = cast(RoomView, self)
        self.said: list[tuple[str, str, JSON]] = []  # how, room, content
        self.secret: list[tuple[str, str, str]] = []  # reader, room, transaction
        self.tried: list[str] = []  # to redact
        self.redacted: list[str] = []
        self.hangs_at: set[str] = set()
        self.breaks: dict[str, Exception] = {}
        self.home = "!dm"
        self.invitation_is_open = False
        self.reachable = True

    def _note(self, how: str, room_id: str, content: JSON) -> str:
        if problem := self.breaks.pop(how, None):
            raise problem
        self.said.append((how, room_id, content))
        return f"${how}{len(self.said)}"

    async def ready(self, user_id: UserId) -> str:
        if problem := self.breaks.pop("ready", None):
            raise problem
        return self.home

    async def is_open_invitation(self, user_id: UserId) -> bool:
        return self.invitation_is_open

    def can_reach(self, reader: UserId) -> bool:
        return self.reachable

    def why_no_card_from(self, room_id: str) -> str:
        return "a guest is in it" if room_id == "!hall" else ""

    async def send_secret(
        self,
        room_id: str,
        message: Message,
        *,
        reader: UserId,
        txn: str,
        check: Callable[[], Awaitable[None]],
    ) -> str:
        await check()
        self.secret.append((str(reader), room_id, txn))
        return self._note("intro" if message.has_marks else "block", room_id, message.content("!"))

    async def send(self, room_id: str, message: Message, *, txn: str) -> str:
        return self._note("send", room_id, message.content("!"))

    async def react(self, room_id: str, event_id: str, key: str, *, txn: str) -> str:
        return self._note("react", room_id, {"key": key, "to": event_id})

    async def redact(self, room_id: str, event_id: str, *, reason: str | None, txn: str) -> None:
        self.tried.append(event_id)
        if event_id in self.hangs_at:
            await asyncio.Event().wait()
        self._note("redact", room_id, {"of": event_id})
        self.redacted.append(event_id)


class Place:
    """A desk over a store, and one card for one reader."""

    def __init__(self, store: Store, card_id: int) -> None:
        self.store, self.card_id = store, card_id
        self.chat = FakeChat()
        self.tried: list[bool] = []
        self.lockdown = Lockdown(store)
        self.desk = CardDelivery(self.chat, store, TEXT, self.lockdown)
        self.desk.tried.connect(lambda: self.tried.append(True))


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        text = TEXT.phrase(BOT, {"access_token": Secret(TOKEN)}, Purpose.NEW, YOU)
        card_id = await store.hand_over(BOT, event_id="$act", reader=YOU, card=text)
        yield Place(store, card_id)


async def test_a_card_is_two_secrets_for_its_reader_and_is_forgotten(place: Place) -> None:
    await place.desk.deliver(place.card_id)

    assert [(who, room) for who, room, _ in place.chat.secret] == [(str(YOU), "!dm")] * 2
    (_, _, intro), (_, _, block), (how, _, button) = place.chat.said
    assert TOKEN not in json.dumps(intro)
    assert f"MATRIX_ACCESS_TOKEN={TOKEN}" in block["body"]
    assert (how, button) == ("react", {"key": "🗑️", "to": "$intro1"})
    card = await place.store.cards.find(place.card_id)
    assert card.content is None
    assert card.vanishes_at
    assert timedelta() < card.vanishes_at - now() <= TTL
    await place.desk.deliver(place.card_id)
    assert len(place.chat.secret) == 2, "once"


async def test_a_card_that_is_out_vanishes_during_a_lockdown_all_the_same(place: Place) -> None:
    await place.desk.deliver(place.card_id)
    await place.lockdown.lock(YOU)
    assert await place.desk.tapped(str(YOU), "$intro1")
    assert place.chat.redacted == ["$block2"]


@pytest.mark.parametrize("tapped", ["$intro1", "$block2"])
async def test_its_reader_takes_a_card_away(tapped: str, place: Place) -> None:
    await place.desk.deliver(place.card_id)

    assert await place.desk.tapped(str(YOU), tapped)
    assert place.chat.redacted == ["$block2"]
    assert await place.store.cards.open() == []
    edit = place.chat.said[-1][2]
    assert edit["m.relates_to"] == {"rel_type": "m.replace", "event_id": "$intro1"}
    assert "is removed" in edit["m.new_content"]["body"]
    assert not await place.desk.tapped(str(YOU), tapped), "it is gone"


@pytest.mark.parametrize("tapped", ["$intro1", "$block2"])
async def test_nobody_else_does(tapped: str, place: Place) -> None:
    await place.desk.deliver(place.card_id)

    assert not await place.desk.tapped(str(HER), tapped)
    assert not await place.desk.tapped(str(YOU), "$another")
    assert place.chat.redacted == []
    assert len(await place.store.cards.open()) == 1


async def test_killed_between_the_two_messages_it_is_the_same_card_in_the_same_room(
    place: Place,
) -> None:
    place.chat.breaks["block"] = HomeserverUnreachable("killed")
    with pytest.raises(HomeserverUnreachable):
        await place.desk.deliver(place.card_id)
    card = await place.store.cards.find(place.card_id)
    assert (card.room_id, bool(card.content)) == ("!dm", True)
    await place.desk.deliver(place.card_id)

    first, second = place.chat.secret[:2], place.chat.secret[2:]
    assert first == second, "the same transactions: to the server they are the same events"
    place.chat.home = "!elsewhere"
    assert len({txn for _, _, txn in place.chat.secret}) == 2


async def test_in_another_room_it_is_another_message(place: Place) -> None:
    """A transaction id of a message that nobody can reach any more would send nothing."""
    place.chat.breaks["block"] = HomeserverUnreachable("killed")
    with pytest.raises(HomeserverUnreachable):
        await place.desk.deliver(place.card_id)
    place.chat.home = "!elsewhere"
    await place.desk.deliver(place.card_id)
    assert len({txn for _, _, txn in place.chat.secret}) == 4


async def test_a_card_that_could_not_be_redacted_is_not_called_gone(place: Place) -> None:
    await place.desk.deliver(place.card_id)
    place.chat.breaks["redact"] = HomeserverError("no", status=500)
    with pytest.raises(HomeserverError):
        await place.desk.tapped(str(YOU), "$intro1")
    assert len(await place.store.cards.open()) == 1

    place.chat.breaks["redact"] = HomeserverError("gone", status=404)
    assert await place.desk.tapped(str(YOU), "$intro1")
    assert await place.store.cards.open() == []


# -- asked for by a command


def test_nothing_is_made_that_nobody_could_read(place: Place) -> None:
    place.desk.check_way(YOU, typed_in="!dm")
    with pytest.raises(NotDeliverable, match="because a guest is in it") as told:
        place.desk.check_way(YOU, typed_in="!hall")
    assert told.value.hint == "Type it in our private chat."
    place.chat.reachable = False
    with pytest.raises(NotDeliverable, match="None of your devices may read a card") as told:
        place.desk.check_way(YOU, typed_in="!dm")
    assert "verify this device" in told.value.hint


async def test_a_new_card_that_goes_out_needs_no_word_more(place: Place) -> None:
    assert await place.desk.hand_out(place.card_id, YOU) == ""
    assert (await place.store.cards.find(place.card_id)).content is None
    assert place.tried == [True], "now the program's device may be looked for"


async def test_an_invitation_that_is_still_open_is_said(place: Place) -> None:
    place.chat.invitation_is_open = True
    more = await place.desk.hand_out(place.card_id, YOU)
    assert more == "Accept my invitation to our private chat first."


async def test_a_card_that_a_brake_ended_is_said_to_stay_here(place: Place) -> None:
    await place.store.signed_out(NANO, event_id="$other")
    more = await place.desk.hand_out(place.card_id, YOU)
    assert more == "A later command ended that login again, so its card does not go out."
    assert place.chat.said == []


async def test_the_way_is_made_ready_beside_the_work(place: Place) -> None:
    began, goes_on = asyncio.Event(), asyncio.Event()

    async def ready(user_id: UserId) -> str:
        began.set()
        await goes_on.wait()
        raise HomeserverUnreachable("it does not matter yet")

    place.chat.ready = ready  # type: ignore[method-assign]
    async with place.desk.way_made_ready(YOU):
        await began.wait()
        goes_on.set()
    goes_on.clear()
    with pytest.raises(ValueError, match="whatever"):
        async with place.desk.way_made_ready(YOU):
            raise ValueError("whatever")
