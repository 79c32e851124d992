"""Who is sent the key of a room's session, and when a new one is made. No server, no crypto."""

from collections.abc import Callable
from typing import cast

import pytest
from nio.crypto.device import OlmDevice

from adminbot.chat.client import Client
from adminbot.chat.keys import RoomKeys
from adminbot.errors import HomeserverUnreachable
from tests.fakes import JSON, FakeAccount, FakeClient, FakeDevice, room_of

pytestmark = pytest.mark.anyio

ROOM, YOU, HER = "!room", "@you:example.org", "@her:example.org"
PHONE, TABLET = FakeDevice(YOU, "PHONE"), FakeDevice(YOU, "TABLET")
HER_PHONE = FakeDevice(HER, "PHONE")
ROGUE = FakeDevice(YOU, "ROGUE")
TEXT: JSON = {"body": "x"}


class Place:
    """A room with two people in it; `PHONE` and `HER_PHONE` are trusted, `ROGUE` is not."""

    def __init__(self) -> None:
        self.client = FakeClient()
        self.client.rooms[ROOM] = room_of(ROOM, YOU, HER)
        self.client.trusted, self.client.others = [PHONE, HER_PHONE], [ROGUE]
        self.account = FakeAccount(self.client)
        self.keys = RoomKeys(cast(Client, self.client), self.account)

    def she_leaves(self) -> None:
        self.client.rooms[ROOM].remove_member(HER)

    def she_loses_trust(self) -> None:
        self.client.trusted.remove(HER_PHONE)
        self.client.others.append(HER_PHONE)

    def tablet_comes(self) -> None:
        self.client.trusted.append(TABLET)

    async def say(self) -> set[FakeDevice]:
        """Prepare and encrypt; which devices can read that."""
        await self.keys.prepare(ROOM)
        return self.readers(self.keys.encrypt(ROOM, "m.room.message", TEXT))

    async def say_widely(self) -> tuple[str, JSON]:
        """What also the untrusted device can read."""
        more = [cast(OlmDevice, ROGUE)]
        return await self.keys.encrypt_once(ROOM, more, "m.room.message", TEXT)

    def readers(self, sealed: tuple[str, JSON]) -> set[FakeDevice]:
        kind, content = sealed
        assert kind == "m.room.encrypted"
        given = (devices for it, devices in self.account.keys if it == content["session_id"])
        return set().union(*given)


LOST = [
    pytest.param(Place.she_leaves, id="left"),
    pytest.param(Place.she_loses_trust, id="lost trust"),
]
CHANGES = [*LOST, pytest.param(Place.tablet_comes, id="new device")]


async def test_the_trusted_devices_in_the_room_get_the_key_once() -> None:
    place = Place()

    assert await place.say() == {PHONE, HER_PHONE}
    assert place.keys.readers(ROOM) == {(YOU, "PHONE"), (HER, "PHONE")}
    assert await place.say() == {PHONE, HER_PHONE}
    assert len(place.account.keys) == 2, "the same session goes on"


@pytest.mark.parametrize("she_is_lost", LOST)
async def test_who_left_or_lost_trust_reads_nothing_more(
    she_is_lost: Callable[[Place], None],
) -> None:
    """The session that such a device has is not used again: another one is made."""
    place = Place()
    await place.say()
    she_is_lost(place)

    assert await place.say() == {PHONE}
    assert place.keys.readers(ROOM) == {(YOU, "PHONE")}


async def test_a_new_device_reads_what_is_said_from_then_on() -> None:
    place = Place()
    await place.say()
    place.tablet_comes()

    assert await place.say() == {PHONE, TABLET, HER_PHONE}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_after_the_keys_went_out_is_seen_before_encrypting(
    change: Callable[[Place], None],
) -> None:
    place = Place()
    await place.keys.prepare(ROOM)
    change(place)

    with pytest.raises(HomeserverUnreachable, match="changing just now"):
        place.keys.encrypt(ROOM, "m.room.message", TEXT)


@pytest.mark.parametrize("change", CHANGES)
async def test_what_changes_while_the_keys_go_out_is_seen_too(
    change: Callable[[Place], None],
) -> None:
    place = Place()
    place.account.meanwhile = lambda: change(place)
    await place.keys.prepare(ROOM)

    with pytest.raises(HomeserverUnreachable, match="changing just now"):
        place.keys.encrypt(ROOM, "m.room.message", TEXT)


async def test_nothing_is_encrypted_that_was_not_prepared() -> None:
    place = Place()
    with pytest.raises(HomeserverUnreachable):
        place.keys.encrypt(ROOM, "m.room.message", TEXT)


async def test_a_device_without_a_way_is_no_reader_and_gets_the_next_one() -> None:
    place = Place()
    place.client.mute = [HER_PHONE]
    assert await place.say() == {PHONE}
    assert place.keys.readers(ROOM) == {(YOU, "PHONE")}
    assert await place.say() == {PHONE}
    assert len(place.account.keys) == 1, "the others need no new session for it"

    place.client.olm.session_store[HER_PHONE.curve25519] = "she wrote to us"
    assert await place.say() == {PHONE, HER_PHONE}


async def test_a_key_that_may_not_have_arrived_is_not_used() -> None:
    """A proxy's page is no delivery."""
    place = Place()
    place.account.breaks_with = HomeserverUnreachable("HTTP 502")
    with pytest.raises(HomeserverUnreachable):
        await place.keys.prepare(ROOM)
    assert place.client.olm.outbound_group_sessions == {}
    assert place.keys.readers(ROOM) == set()

    place.account.breaks_with = None
    assert await place.say() == {PHONE, HER_PHONE}


@pytest.mark.parametrize("how", ["replaced", "dropped", "expired", "not shared"])
async def test_a_session_that_matrix_nio_replaced_or_that_is_used_up_is_made_anew(
    how: str,
) -> None:
    place = Place()
    await place.say()
    olm = place.client.olm
    match how:
        case "replaced":
            olm.create_outbound_group_session(ROOM)
            olm.outbound_group_sessions[ROOM].shared = True
        case "dropped":
            del olm.outbound_group_sessions[ROOM]
        case "expired":
            olm.outbound_group_sessions[ROOM].expired = True
        case "not shared":
            olm.outbound_group_sessions[ROOM].shared = False
    assert place.keys.readers(ROOM) == set()

    assert await place.say() == {PHONE, HER_PHONE}
    assert len(place.account.keys) == 4


async def test_what_an_untrusted_device_may_read_is_one_message_and_no_more() -> None:
    place = Place()
    await place.say()
    sealed = await place.say_widely()

    assert place.readers(sealed) == {PHONE, HER_PHONE, ROGUE}
    assert place.keys.readers(ROOM) == set()
    assert await place.say() == {PHONE, HER_PHONE}


async def test_not_even_when_that_one_message_failed() -> None:
    place = Place()

    def it_is_replaced() -> None:
        place.client.olm.create_outbound_group_session(ROOM)

    place.account.meanwhile = it_is_replaced
    with pytest.raises(HomeserverUnreachable):
        await place.say_widely()
    assert place.client.olm.outbound_group_sessions == {}


async def test_many_devices_all_get_the_key() -> None:
    place = Place()
    many = {FakeDevice(YOU, f"D{number}") for number in range(45)}
    place.client.trusted = sorted(many, key=lambda it: it.id)

    assert await place.say() == many
