"""The file of a message: found, fetched, decrypted, or a sentence about why not. No server."""

from types import SimpleNamespace
from typing import Any, TypeVar, cast

import pytest
from nio import Event
from nio.crypto.attachments import encrypt_attachment
from nio.exceptions import EncryptionError

from adminbot.chat.client import Client
from adminbot.chat.pictures import Pictures
from adminbot.errors import HomeserverError, HomeserverUnreachable, TooLarge, UsageError
from adminbot.homeserver.client_api import ClientApi

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]
T = TypeVar("T", JSON, bytes)
ROOM, DATA = "!r:example.org", b"what a picture is made of"
PNG: JSON = {"msgtype": "m.image", "body": "a.png", "url": "mxc://x.org/a"}
SEALED, KEYS = encrypt_attachment(DATA)
FILE = KEYS | {"url": "mxc://x.org/sealed"}
IN_A_FILE: JSON = {"msgtype": "m.image", "body": "a.png", "file": FILE}


def event(kind: str, content: JSON) -> JSON:
    return {
        "event_id": "$e",
        "sender": "@you:example.org",
        "origin_server_ts": 1,
        "type": kind,
        "content": content,
    }


CIPHER = event(
    "m.room.encrypted",
    {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "x",
        "session_id": "s",
        "sender_key": "k",
        "device_id": "PHONE",
    },
)


class Place:
    """One message, `there`; `inside`: what it decrypts to; `files`, by their address."""

    def __init__(self, content: JSON) -> None:
        self.there: JSON | Exception = event("m.room.message", content)
        self.inside: JSON | Exception = EncryptionError("no key")
        self.files: dict[str, bytes | Exception] = {
            "mxc://x.org/a": DATA,
            "mxc://x.org/sealed": SEALED,
        }
        self.rooms: list[str] = []

    async def read(self) -> bytes:
        account = SimpleNamespace(event=self._event, media=SimpleNamespace(download=self._file))
        client = SimpleNamespace(decrypt_event=self._decrypted)
        pictures = Pictures(cast(Client, client), cast(ClientApi, account))
        return await pictures.read(ROOM, "$e", most=2**20)

    async def _event(self, room_id: str, event_id: str) -> JSON:
        assert (room_id, event_id) == (ROOM, "$e")
        return _or_raised(self.there)

    async def _file(self, address: str, *, most: int) -> bytes:
        assert most == 2**20
        return _or_raised(self.files[address])

    def _decrypted(self, found: Any) -> Any:
        self.rooms.append(found.room_id)
        return Event.parse_event(_or_raised(self.inside))


def _or_raised(what: T | Exception) -> T:
    if isinstance(what, Exception):
        raise what
    return what


@pytest.mark.parametrize("content", [PNG, IN_A_FILE], ids=["plain", "encrypted file"])
@pytest.mark.parametrize("is_encrypted", [True, False])
async def test_a_picture_is_read(content: JSON, *, is_encrypted: bool) -> None:
    place = Place(content)
    if is_encrypted:
        place.there, place.inside = CIPHER, event("m.room.message", content)
    assert await place.read() == DATA
    assert place.rooms == ([ROOM] if is_encrypted else []), "a message of this room"


async def test_a_message_without_its_key_is_a_sentence() -> None:
    place = Place(PNG)
    place.there = CIPHER
    with pytest.raises(UsageError, match="cannot decrypt that picture") as told:
        await place.read()
    assert "Send it once more" in told.value.hint


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"msgtype": "m.text", "body": "x"},
        {"msgtype": "m.video", "body": "x", "url": "mxc://x/a"},
    ],
    ids=["redacted", "words", "film"],
)
async def test_what_is_no_picture(content: JSON) -> None:
    with pytest.raises(UsageError, match="is no picture"):
        await Place(content).read()


@pytest.mark.parametrize(
    "wrong",
    [
        {"hashes": {"sha256": "A" * 43}},
        {"hashes": {}},
        {"hashes": None},
        {"key": {"k": "AAAA"}},
        {"key": {"k": 7}},
        {"hashes": {"sha256": 7}},
        {"key": {"k": "ä"}},
        {"key": "x"},
        {"iv": "AAAA"},
        {"iv": None},
        {"iv": "ä"},
        {"iv": "/" * 43},
    ],
    ids=str,
)
async def test_a_file_that_is_not_the_one_that_was_sent_is_damaged(wrong: JSON) -> None:
    with pytest.raises(UsageError, match="damaged"):
        await Place(IN_A_FILE | {"file": FILE | wrong}).read()


@pytest.mark.parametrize(
    ("failure", "why"),
    [
        (TooLarge(2**20), "larger than 1 MiB"),
        (HomeserverError("no", errcode="M_NOT_FOUND", status=404), "picture is gone"),
        (HomeserverError("no", errcode="M_FORBIDDEN", status=403), "picture is gone"),
    ],
)
async def test_a_file_that_cannot_be_had(failure: Exception, why: str) -> None:
    place = Place(PNG)
    place.files["mxc://x.org/a"] = failure
    with pytest.raises(UsageError, match=why) as told:
        await place.read()
    assert "mxc" not in str(told.value)


async def test_a_message_that_is_not_there() -> None:
    place = Place(PNG)
    place.there = HomeserverError("no", errcode="M_NOT_FOUND", status=404)
    with pytest.raises(UsageError, match="do not see that message"):
        await place.read()


@pytest.mark.parametrize("is_file", [True, False])
async def test_a_server_that_does_not_answer_is_told_as_such(*, is_file: bool) -> None:
    place = Place(PNG)
    if is_file:
        place.files["mxc://x.org/a"] = HomeserverUnreachable("HTTP 502")
    else:
        place.there = HomeserverUnreachable("HTTP 502")
    with pytest.raises(HomeserverUnreachable):
        await place.read()
