"""The chat client's own judgement of devices and sessions: real keys, no Synapse.

matrix-nio, vodozemac and its store on disk are real; a few lines on loopback answer /keys/query
with what a server might say.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import vodozemac
from nio import KeysQueryResponse, SyncResponse
from nio.crypto.sessions import InboundGroupSession

from adminbot.chat.client import Client
from adminbot.config import Trust
from adminbot.crypto.crosssigning import Identity, canonical
from adminbot.errors import HomeserverError, HomeserverUnreachable
from adminbot.homeserver.values import Session
from adminbot.store import Store, open_store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.counting import counting
from tests.fakes import NobodyTrusted
from tests.unit.crypto.test_crosssigning import JSON, answer_of, identity, signed_by

pytestmark = pytest.mark.anyio

ME, SHE = UserId("you", "example.org"), UserId("she", "example.org")
YOU, HER, MALLORY = str(ME), str(SHE), "@mallory:example.org"
ROOM = "!room"
OWN = Session(UserId("adminbot", "example.org"), "OWN", Secret("syt_own"))
MINE, OTHER, HERS = identity(), identity(), identity()


class Device:
    """A device with keys of its own."""

    def __init__(self, name: str, owner: str = YOU) -> None:
        self.name, self.owner = name, owner
        self._account = vodozemac.Account()
        self.ed25519 = self._account.ed25519_key.to_base64()
        self.curve25519 = self._account.curve25519_key.to_base64()

    def keys(self) -> JSON:
        """As it publishes them."""
        keys: JSON = {
            "user_id": self.owner,
            "device_id": self.name,
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "keys": {
                f"ed25519:{self.name}": self.ed25519,
                f"curve25519:{self.name}": self.curve25519,
            },
        }
        signature = self._account.sign(canonical(keys)).to_base64()
        return keys | {"signatures": {self.owner: {f"ed25519:{self.name}": signature}}}

    def signed(self, by: Identity) -> JSON:
        return signed_by(by, self.keys(), self.owner)


PHONE, ROGUE, TABLET = Device("PHONE"), Device("ROGUE"), Device("TABLET")
HER_PHONE = Device("PHONE", HER)


def people(*answers: JSON) -> JSON:
    """Several people's answers as one."""
    joined: JSON = {"device_keys": {}, "failures": {}}
    for answer in answers:
        for part, users in answer.items():
            joined.setdefault(part, {}).update(users)
    return joined


SHOWN = people(
    answer_of(MINE, PHONE.signed(MINE), ROGUE.keys()),
    answer_of(HERS, HER_PHONE.signed(HERS), user_id=HER),
)


class Server:
    """Answers /keys/query by `shown`; None is a proxy's page. `asked`: for whom it was asked."""

    def __init__(self) -> None:
        self.shown: JSON | None = SHOWN
        self.asked: list[set[str]] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        body = json.loads(await reader.readexactly(length))
        self.asked.append(set(body["device_keys"]))
        status, text = 502, "<html>Bad gateway</html>"
        if self.shown is not None:
            wanted = body["device_keys"]
            found = {
                part: {user: value for user, value in users.items() if user in wanted}
                for part, users in self.shown.items()
            }
            status, text = 200, json.dumps(found)
        kind = "application/json" if status == 200 else "text/html"
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(text)}\r\n"
            f"Connection: close\r\n\r\n{text}".encode()
        )
        await writer.drain()
        writer.close()


Judge = Callable[[str, dict[str, Any]], Coroutine[Any, Any, dict[str, Any]]]


class Place:
    """A server, the state, and as many clients in a row as there are runs."""

    def __init__(self, url: str, server: Server, directory: Path, store: Store) -> None:
        self.server, self.store = server, store
        self._url, self._directory = url, directory

    @asynccontextmanager
    async def run(self, judge: Judge | None = None) -> AsyncIterator[Client]:
        """One run of the service: what it knew of devices before is on disk."""
        policy = TrustPolicy(Trust.PINNED, (ME, SHE), self.store)
        if judge:
            policy.trusted = judge  # type: ignore[method-assign, assignment]
        client = Client(self._url, OWN, self._directory / "crypto", "pickle", policy)
        try:
            yield client
        finally:
            await client.close()  # type: ignore[no-untyped-call]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    server = Server()
    async with (
        open_store(tmp_path / "data", Sealer(bytes(32))) as store,
        await asyncio.start_server(server.answer, "127.0.0.1", 0) as listening,
    ):
        port = listening.sockets[0].getsockname()[1]
        yield Place(f"http://127.0.0.1:{port}", server, tmp_path, store)


def hear(
    client: Client, *, curve25519: str, ed25519: str, via: list[str] | None = None
) -> tuple[str, str]:
    """A megolm session as matrix-nio keeps one whose key came; (sender key, session id)."""
    key = vodozemac.GroupSession().session_key.to_base64()
    session = InboundGroupSession(key, ed25519, curve25519, ROOM, via)
    client.olm.inbound_group_store.add(session)
    return curve25519, session.id


def trusted(client: Client, user_id: str = YOU) -> set[str]:
    return {device.id for device in client.trusted_devices(user_id)}


async def test_a_session_straight_from_a_trusted_device_counts(place: Place) -> None:
    async with place.run() as client:
        await client.refresh_keys(YOU, HER)
        heard = hear(client, curve25519=PHONE.curve25519, ed25519=PHONE.ed25519)

        assert client.trusted_device_of(YOU, ROOM, *heard)
        assert not client.trusted_device_of(HER, ROOM, *heard), "another admin's device"
        assert not client.trusted_device_of(YOU, "!another", *heard)
        assert not client.trusted_device_of(YOU, ROOM, heard[0], "another session")


@pytest.mark.parametrize(
    ("curve25519", "ed25519", "via"),
    [
        pytest.param(PHONE.curve25519, PHONE.ed25519, [ROGUE.curve25519], id="forwarded"),
        pytest.param(ROGUE.curve25519, PHONE.ed25519, None, id="foreign curve25519"),
        pytest.param(PHONE.curve25519, ROGUE.ed25519, None, id="foreign ed25519"),
        pytest.param(ROGUE.curve25519, ROGUE.ed25519, None, id="unsigned device"),
        pytest.param(HER_PHONE.curve25519, HER_PHONE.ed25519, None, id="another admin's device"),
    ],
)
async def test_a_session_that_does_not_count(
    curve25519: str, ed25519: str, via: list[str] | None, place: Place
) -> None:
    async with place.run() as client:
        await client.refresh_keys(YOU, HER)
        heard = hear(client, curve25519=curve25519, ed25519=ed25519, via=via)

        assert not client.trusted_device_of(YOU, ROOM, *heard)


async def test_only_what_the_judge_names_is_trusted(place: Place) -> None:
    async with place.run() as client:
        await client.refresh_keys(YOU, HER)

        assert trusted(client) == {"PHONE"}
        assert trusted(client, HER) == {"PHONE"}
        assert trusted(client, MALLORY) == set()


async def test_what_is_remembered_of_a_device_counts_only_once_it_is_judged(place: Place) -> None:
    """The pin may have changed while the service was down."""
    async with place.run() as client:
        await client.refresh_keys(YOU)
    async with place.run() as client:
        heard = hear(client, curve25519=PHONE.curve25519, ed25519=PHONE.ed25519)
        assert trusted(client) == set()
        assert not client.trusted_device_of(YOU, ROOM, *heard)
        await client.refresh_keys(YOU)
        assert client.trusted_device_of(YOU, ROOM, *heard)


@pytest.mark.parametrize("signs_phone", [True, False])
async def test_a_device_that_was_trusted_is_no_more_once_the_identity_changed(
    signs_phone: bool, place: Place
) -> None:
    async with place.run() as client:
        await client.refresh_keys(YOU)
        heard = hear(client, curve25519=PHONE.curve25519, ed25519=PHONE.ed25519)
        phone = PHONE.signed(OTHER if signs_phone else MINE)
        place.server.shown = answer_of(OTHER, phone, TABLET.signed(OTHER))
        await client.refresh_keys(YOU)

        assert trusted(client) == set()
        assert not client.trusted_device_of(YOU, ROOM, *heard)


async def test_nor_after_the_operator_accepted_the_new_identity(place: Place) -> None:
    async with place.run() as client:
        await client.refresh_keys(YOU)
        heard = hear(client, curve25519=PHONE.curve25519, ed25519=PHONE.ed25519)
        await place.store.pins.pin(ME, OTHER.master.public)
        place.server.shown = answer_of(OTHER, PHONE.signed(MINE), TABLET.signed(OTHER))
        await client.refresh_keys(YOU)

        assert trusted(client) == {"TABLET"}
        assert not client.trusted_device_of(YOU, ROOM, *heard)


async def test_a_device_that_is_gone_is_not_trusted(place: Place) -> None:
    async with place.run() as client:
        await client.refresh_keys(YOU)
        place.server.shown = answer_of(MINE, TABLET.signed(MINE))
        await client.refresh_keys(YOU)

        assert trusted(client) == {"TABLET"}


@pytest.mark.parametrize("wrong", ["ed25519", "curve25519"])
async def test_other_keys_than_those_that_were_signed_are_not_trusted(
    wrong: str, place: Place
) -> None:
    """matrix-nio keeps the first ed25519 that it saw of a device, whatever comes later."""

    async def judge(user_id: str, answer: JSON) -> JSON:
        keys: JSON = PHONE.keys()
        return {"PHONE": keys | {"keys": keys["keys"] | {f"{wrong}:PHONE": "x" * 43}}}

    async with place.run(judge) as client:
        await client.refresh_keys(YOU)
        assert trusted(client) == set()


async def test_nobody_asks_for_the_keys_of_strangers(place: Place) -> None:
    async with place.run() as client:
        client.olm.users_for_key_query = {YOU, MALLORY}
        await client.keys_query()
        assert place.server.asked == [{YOU}]
        client.olm.users_for_key_query = {MALLORY}
        await client.keys_query()
        assert place.server.asked == [{YOU}]


async def test_keys_that_did_not_come_are_asked_for_again(place: Place) -> None:
    async with place.run() as client:

        async def breaks(user_id: str, answer: JSON) -> JSON:
            raise HomeserverUnreachable("the judge")

        judge = client._judge
        client._judge = TrustPolicy(Trust.PINNED, (ME, SHE), place.store)
        client._judge.trusted = breaks  # type: ignore[method-assign]
        with pytest.raises(HomeserverError):
            await client.refresh_keys(YOU)
        client._judge = judge
        assert client.should_query_keys, "not judged yet"
        await client.keys_query()
        assert trusted(client) == {"PHONE"}


async def test_a_proxys_page_is_no_answer(place: Place) -> None:
    async with place.run() as client:
        await client.refresh_keys(YOU)
        place.server.shown = None
        with pytest.raises(HomeserverUnreachable):
            await client.refresh_keys(YOU)


def to_device(sender: str, kind: str, content: JSON) -> SyncResponse:
    event = {"sender": sender, "type": kind, "content": content}
    body = {"next_batch": sender + kind, "to_device": {"events": [event]}}
    response = SyncResponse.from_dict(body)
    assert isinstance(response, SyncResponse)
    return response


async def test_what_strangers_send_to_the_device_is_not_looked_into(place: Place) -> None:
    async with place.run() as client:
        kept: list[str] = []
        client.olm.handle_to_device_event = lambda event: kept.append(event.sender)
        for sender in (MALLORY, YOU):
            await client.receive_response(
                to_device(
                    sender,
                    "m.room_key_request",
                    {
                        "action": "request",
                        "request_id": "1",
                        "requesting_device_id": "PHONE",
                        "body": {
                            "algorithm": "m.megolm.v1.aes-sha2",
                            "room_id": ROOM,
                            "sender_key": "x",
                            "session_id": "y",
                        },
                    },
                )
            )
        assert kept == [YOU]


async def test_matrix_nios_own_comparison_of_emoji_never_answers(place: Place) -> None:
    async with place.run() as client:
        kept: list[str] = []
        client.olm.handle_to_device_event = lambda event: kept.append(event.sender)
        start = {
            "from_device": "PHONE",
            "method": "m.sas.v1",
            "transaction_id": "t",
            "key_agreement_protocols": ["curve25519-hkdf-sha256"],
            "hashes": ["sha256"],
            "message_authentication_codes": ["hkdf-hmac-sha256.v2"],
            "short_authentication_string": ["emoji"],
        }
        await client.receive_response(to_device(YOU, "m.key.verification.start", start))
        assert kept == []


def one_time_keys(client: Client) -> set[str]:
    """Those that would be uploaded now."""
    return {key["key"] for key in client.olm.share_keys()["one_time_keys"].values()}


async def test_one_time_keys_are_on_disk_before_they_go_out(place: Place) -> None:
    """Else a crash in between leaves the server with keys that open nothing, for good."""
    async with place.run() as client:
        sent = one_time_keys(client)
    async with place.run() as client:
        again = one_time_keys(client)
    assert sent == again


async def test_keys_that_may_not_be_out_are_sent_again_and_no_more_are_made(place: Place) -> None:
    async with place.run() as client:
        first = one_time_keys(client)
        assert one_time_keys(client) == first


async def test_a_key_query_that_another_one_has_answered_is_no_error(tmp_path: Path) -> None:
    """Two of them cross now and then; the answer that the loser was about to give got lost."""

    session = Session(UserId("x", "example.test"), "X", Secret("syt_x"))
    client = Client("http://127.0.0.1:9", session, tmp_path, "pickle", NobodyTrusted())
    try:
        assert not client.should_query_keys
        assert isinstance(await client.keys_query(), KeysQueryResponse)
    finally:
        await client.close()  # type: ignore[no-untyped-call]


async def test_matrix_nios_requests_are_counted_too(place: Place) -> None:
    async with place.run() as client:
        with counting() as counted:
            await client.refresh_keys(YOU)
            place.server.shown = None
            with pytest.raises(HomeserverUnreachable):
                await client.refresh_keys(YOU)
            client.homeserver = "http://127.0.0.1:1"
            with pytest.raises(HomeserverUnreachable):
                await client.refresh_keys(YOU)
    assert counted.risen() == {
        f"adminbot_homeserver_requests_total{{endpoint=keys,status={status}}}": 1
        for status in ("2xx", "5xx", "none")
    }
