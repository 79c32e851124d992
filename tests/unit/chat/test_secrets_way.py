"""What is seen before a secret is sent, and what is not sent then. No server, no crypto."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import cast

import pytest

from adminbot.chat import Chat
from adminbot.chat.client import Client
from adminbot.config import Trust
from adminbot.errors import HomeserverError, HomeserverUnreachable, NotDeliverable
from adminbot.store import Store, open_store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.render import block, notice
from adminbot.values.secret import Sealer
from tests.fakes import JSON, OWN, FakeAccount, FakeClient, FakeDevice, room_of

pytestmark = pytest.mark.anyio

DM, HALL = "!dm", "!hall"
YOU, HER = UserId("you", "example.org"), UserId("her", "example.org")
PHONE, ROGUE = FakeDevice(str(YOU), "PHONE"), FakeDevice(str(YOU), "ROGUE")
TABLET = FakeDevice(str(YOU), "TABLET")
HER_PHONE = FakeDevice(str(HER), "PHONE")
SECRET = block("MATRIX_ACCESS_TOKEN=syt_x")


async def no_objection() -> None:
    """Nothing keeps it back."""


class Policy(TrustPolicy):
    """Says of everybody what it is told to."""

    def __init__(self, store: Store) -> None:
        super().__init__(Trust.PINNED, (YOU, HER), store)
        self.may = True

    def may_receive(self, user_id: str) -> bool:
        return self.may


class Place:
    """A private chat with one person, and a hall with two; `ROGUE` is not trusted."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.client = FakeClient()
        self.client.rooms[DM] = room_of(DM, YOU)
        self.client.rooms[HALL] = room_of(HALL, YOU, HER)
        self.client.trusted, self.client.others = [PHONE, HER_PHONE], [ROGUE]
        self.account = FakeAccount(self.client)
        self.policy = Policy(store)
        client = cast(Client, self.client)
        self.chat = Chat(client, self.account, store, self.policy, asyncio.Condition(), HALL, "!")

    async def send_secret(self) -> set[FakeDevice]:
        """Which devices can read it."""

        await self.chat.send_secret(DM, SECRET, reader=YOU, txn="t", check=no_objection)
        return self.account.readers_of(self.account.events[-1])

    async def send(self, room_id: str = HALL) -> set[FakeDevice]:
        await self.chat.send(room_id, notice("hello"), txn="t")
        return self.account.readers_of(self.account.events[-1])

    def phone_is_lost(self) -> None:
        if PHONE in self.client.trusted:
            self.client.trusted.remove(PHONE)
            self.client.others.append(PHONE)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def test_a_secret_goes_to_the_trusted_devices_of_its_reader(place: Place) -> None:
    assert await place.send_secret() == {PHONE}
    [event] = place.account.events
    assert (event.room_id, event.kind, event.txn) == (DM, "m.room.encrypted", "t")


def history(place: Place) -> None:
    place.client.rooms[DM].history_visibility = "world_readable"


def in_clear(place: Place) -> None:
    place.client.rooms[DM].encrypted = False


def open_door(place: Place) -> None:
    place.client.rooms[DM].join_rule = "public"


def a_third(place: Place) -> None:
    place.client.rooms[DM].add_member(str(HER), None, None)


def a_third_shows_up(place: Place) -> None:
    """Not known of until the members are asked for."""
    place.client.rooms[DM].members_synced = False
    place.client.members = lambda room_id: a_third(place)


def not_in_it(place: Place) -> None:
    del place.client.rooms[DM]


def emoji(place: Place) -> None:
    place.policy.may = False


def no_device(place: Place) -> None:
    place.client.trusted = []


def no_way(place: Place) -> None:
    place.client.mute = [PHONE]


def lost_at_the_lookup(place: Place) -> None:
    place.client.meanwhile = place.phone_is_lost


def lost_while_keys_go_out(place: Place) -> None:
    """A second device stays, so that only the question who else has the key can tell."""
    place.client.trusted.append(TABLET)
    place.account.meanwhile = place.phone_is_lost


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (history, "history is open"),
        (in_clear, "not encrypted"),
        (open_door, "without an invitation"),
        (a_third, "@her:example.org` is in it"),
        (a_third_shows_up, "@her:example.org` is in it"),
        (not_in_it, "not in"),
        (emoji, "compare emoji"),
        (no_device, "None of your trusted devices"),
        (no_way, "None of your trusted devices"),
        (lost_at_the_lookup, "None of your trusted devices"),
        (lost_while_keys_go_out, "None of your trusted devices"),
    ],
)
async def test_a_secret_is_not_sent_and_the_reason_said(
    spoil: Callable[[Place], None], why: str, place: Place
) -> None:
    spoil(place)
    with pytest.raises(NotDeliverable, match=why):
        await place.send_secret()
    assert place.account.events == []


async def test_what_is_said_in_an_encrypted_room_is_encrypted(place: Place) -> None:
    assert await place.send() == {PHONE, HER_PHONE}
    assert place.account.events[-1].kind == "m.room.encrypted"


async def test_who_lost_trust_while_the_keys_went_out_reads_nothing(place: Place) -> None:
    place.account.meanwhile = place.phone_is_lost
    assert await place.send() == {HER_PHONE}


async def test_devices_are_looked_up_before_something_is_said(place: Place) -> None:
    await place.send()
    place.client.meanwhile = place.phone_is_lost
    assert await place.send() == {HER_PHONE}


async def test_a_lost_answer_is_sent_again_as_the_same_event(place: Place) -> None:
    once, sent = place.account.send_event, []

    async def lost(room_id: str, kind: str, content: JSON, *, txn: str) -> str:
        sent.append(txn)
        if len(sent) == 1:
            raise HomeserverUnreachable("HTTP 502")
        return await once(room_id, kind, content, txn=txn)

    place.account.send_event = lost  # type: ignore[method-assign]
    await place.chat.send(HALL, notice("hello"), txn="mine")
    assert sent == ["mine", "mine"]


async def test_an_untrusted_device_reads_the_one_sentence_that_is_for_it(place: Place) -> None:
    await place.chat.tell_untrusted(HALL, str(YOU), notice("verify this device"), txn="t")
    assert place.account.readers_of(place.account.events[-1]) == {PHONE, HER_PHONE, ROGUE}
    assert await place.send() == {PHONE, HER_PHONE}


async def test_whatever_is_said_has_the_prefix_of_commands_in_it(place: Place) -> None:
    place.chat._prefix = "?"
    text, pasted = notice("Type: `!verify`"), block("`!verify`")
    await place.chat.send(HALL, text, txn="a")
    await place.chat.tell_untrusted(HALL, str(YOU), text, txn="b")
    await place.chat.send_secret(DM, pasted, reader=YOU, txn="c", check=no_objection)
    said, told, secret = (str(event.content) for event in place.account.events)
    assert "Type: ?verify" in said
    assert "Type: ?verify" in told
    assert "`!verify`" in secret


async def test_a_reaction_is_in_clear_and_shares_no_key(place: Place) -> None:
    await place.chat.react(DM, "$e", "✅", txn="t")
    [event] = place.account.events
    assert event.kind == "m.reaction"
    assert place.account.keys == []


async def test_reach_is_a_question_of_the_identity_and_of_devices(place: Place) -> None:
    assert place.chat.can_reach(YOU)
    place.policy.may = False
    assert not place.chat.can_reach(YOU)
    place.policy.may = True
    place.client.trusted = [HER_PHONE]
    assert not place.chat.can_reach(YOU)


# -- the private chat


async def test_a_fit_chat_is_used_again(place: Place) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    assert await place.chat.ready_dm(YOU) == DM
    assert place.account.rooms_made == []


@pytest.mark.parametrize(
    ("spoil", "why"), [(a_third, "is in it"), (in_clear, "not encrypted"), (open_door, "join")]
)
async def test_a_spoiled_chat_is_left_and_the_reason_said_in_the_new_one(
    spoil: Callable[[Place], None], why: str, place: Place
) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    spoil(place)
    fresh = await place.chat.ready_dm(YOU)

    assert fresh == "!made1"
    assert await place.store.rooms.dm(YOU) == fresh
    assert place.account.data["m.direct"] == {str(YOU): [fresh]}
    [told] = place.account.events
    assert told.room_id == fresh
    assert why in told.content["of"]["body"]


async def test_a_chat_is_made_once_and_remembered(place: Place) -> None:
    del place.client.rooms[DM]
    assert await place.chat.ready_dm(YOU) == "!made1"
    assert await place.chat.ready_dm(YOU) == "!made1"
    assert len(place.account.rooms_made) == 1
    assert await place.chat.ready_dm(HER) == "!made2"


def a_state(kind: str, content: JSON, *, key: str = "", sender: UserId = YOU) -> JSON:
    return {"type": kind, "state_key": key, "content": content, "sender": str(sender)}


THEIR_ROOM = [a_state("m.room.create", {"room_version": "10"})]
SILENCED = {"users": {str(YOU): 100}, "events_default": 50}


@pytest.mark.parametrize(
    ("state", "fits"),
    [
        ([*THEIR_ROOM, a_state("m.room.power_levels", {"users": {str(YOU): 100}})], True),
        ([*THEIR_ROOM, a_state("m.room.power_levels", SILENCED)], False),
        (
            [
                *(*THEIR_ROOM, a_state("m.room.power_levels", SILENCED)),
                a_state("m.room.power_levels", {}, key="another"),
            ],
            False,
        ),
    ],
)
async def test_a_chat_that_they_made_is_taken_if_a_card_can_be_taken_back_there(
    place: Place, state: list[JSON], fits: bool
) -> None:
    async def room_state(room_id: str) -> list[JSON]:
        assert room_id == DM, "no other room of the two of us"
        return state

    place.account.room_state = room_state  # type: ignore[method-assign]
    fresh = await place.chat.ready_dm(YOU)

    assert fresh == (DM if fits else "!made1")
    assert await place.store.rooms.dm(YOU) == fresh
    assert place.account.data["m.direct"] == {str(YOU): [fresh]}


async def test_one_who_left_is_invited_again_into_the_same_chat(place: Place) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    place.client.rooms[DM].remove_member(str(YOU))
    assert await place.chat.ready_dm(YOU) == DM
    assert place.account.invited == [(DM, str(YOU))]


async def test_a_chat_into_which_nobody_can_be_invited_any_more_is_replaced(
    place: Place,
) -> None:
    await place.store.rooms.set_dm(YOU, DM)
    place.client.rooms[DM].remove_member(str(YOU))

    async def refuse(room_id: str, user_id: UserId) -> None:
        raise HomeserverError("no", status=403, errcode="M_FORBIDDEN")

    place.account.invite = refuse  # type: ignore[method-assign]
    assert await place.chat.ready_dm(YOU) == "!made1"


async def test_whose_private_chat_a_room_is(place: Place) -> None:
    assert place.chat.is_own_dm(DM, str(YOU))
    assert not place.chat.is_own_dm(DM, str(HER))
    assert not place.chat.is_own_dm(HALL, str(YOU))
    assert place.chat.why_no_card_from(HALL) == ""
    place.client.rooms[HALL].add_member("@guest:example.org", None, None)
    assert place.chat.why_no_card_from(HALL) == "`@guest:example.org` is in it"
    place.client.rooms[DM].add_member("@guest:example.org", None, None)
    assert place.chat.why_no_card_from(DM) == "", (
        "the private chat is looked at as a card goes out"
    )
    assert place.chat.user_id == str(OWN)
