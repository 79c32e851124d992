"""A private chat and a hall, over a real store and a fake server. Nothing is encrypted."""

import asyncio
from typing import cast

from adminbot.chat.chat import Chat
from adminbot.chat.client import Client
from adminbot.chat.room_view import RoomView
from adminbot.config import Trust
from adminbot.store import Store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.render import block, notice
from tests.fakes import FakeAccount, FakeClient, FakeDevice, room_of

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
        rooms = RoomView(client, self.policy, asyncio.Condition(), HALL)
        self.chat = Chat(rooms, client, self.account, store, self.policy, "!")

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
