"""What strangers, odd clients and replays send, and a bot that goes on answering."""

import base64
import json
import secrets
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import vodozemac

from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Human
from tests.world import Bot, World, a_human, a_person, a_world, call, join_all, replies_to, whoami

pytestmark = pytest.mark.anyio

OLM = "m.olm.v1.curve25519-aes-sha2"
MEGOLM = "m.megolm.v1.aes-sha2"
PONG = "🏓 pong"
V3 = "/_matrix/client/v3"


@dataclass
class Stranger:
    """Somebody on the server who shares no room with the bot, and its device as they see it."""

    homeserver: Homeserver
    person: Person
    bot: str
    device: str
    curve25519: str
    ed25519: str

    def __post_init__(self) -> None:
        self.account = vodozemac.Account()
        self.own_key = self.account.curve25519_key.to_base64()

    async def _ask(self, method: str, path: str, body: Any) -> Any:
        answer = await call(self.homeserver, self.person.access_token, method, path, body)
        return answer.raise_for_status().json()

    async def claim(self) -> dict[str, Any]:
        """One of the bot's one-time keys; its fallback key when there are none."""
        wanted = {"one_time_keys": {self.bot: {self.device: "signed_curve25519"}}}
        answer = await self._ask("POST", f"{V3}/keys/claim", wanted)
        keys = answer["one_time_keys"].get(self.bot, {}).get(self.device, {})
        return next(iter(keys.values()), {})

    async def send(self, kind: str, content: dict[str, Any]) -> None:
        path = f"{V3}/sendToDevice/{kind}/{secrets.token_hex(8)}"
        await self._ask("PUT", path, {"messages": {self.bot: {self.device: content}}})

    def envelope(self, message: Any, *, sender_key: Any = None) -> dict[str, Any]:
        return {
            "algorithm": OLM,
            "sender_key": sender_key or self.own_key,
            "ciphertext": {self.curve25519: message},
        }

    def olm(self, one_time_key: str, text: str) -> dict[str, Any]:
        """A real pre-key message that the bot can decrypt, if it has the one-time key."""
        session = self.account.create_outbound_session(
            vodozemac.Curve25519PublicKey.from_base64(self.curve25519),
            vodozemac.Curve25519PublicKey.from_base64(one_time_key),
        )
        kind, body = session.encrypt(text.encode()).to_parts()
        return self.envelope({"type": kind, "body": unpadded(body)})

    async def in_olm(self, kind: str, content: Any, changed: dict[str, Any] | None = None) -> None:
        """Send a payload through a real Olm session, as a client would send a room key."""
        payload = {
            "sender": self.person.user_id,
            "sender_device": self.person.device_id,
            "keys": {"ed25519": self.account.ed25519_key.to_base64()},
            "recipient": self.bot,
            "recipient_keys": {"ed25519": self.ed25519},
            "type": kind,
            "content": content,
        }
        await self.in_olm_text(json.dumps(payload | (changed or {})))

    async def in_olm_text(self, text: str) -> None:
        key = await self.claim()
        await self.send("m.room.encrypted", self.olm(key["key"], text))


def unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode().rstrip("=")


async def stranger_to(homeserver: Homeserver, person: Person, bot: str) -> Stranger:
    query: dict[str, Any] = {"device_keys": {bot: []}}
    answer = await call(homeserver, person.access_token, "POST", f"{V3}/keys/query", query)
    [(device, keys)] = answer.json()["device_keys"][bot].items()
    of = keys["keys"]
    return Stranger(
        homeserver, person, bot, device, of[f"curve25519:{device}"], of[f"ed25519:{device}"]
    )


@pytest.fixture
async def stranger(world: World, root: Person) -> Stranger:
    person = await a_person(world.homeserver, root, f"stranger-{secrets.token_hex(4)}")
    return await stranger_to(world.homeserver, person, bot_id(world))


@pytest.fixture
async def insider(world: World) -> Stranger:
    """Somebody with the admin's account, and no more: the bot listens to what that sends."""
    human = world.human
    person = Person(human.user_id, human.access_token, human.device_id, "")
    return await stranger_to(world.homeserver, person, bot_id(world))


def bot_id(world: World) -> str:
    return f"@{world.bot.directory.name}:example.test"


@asynccontextmanager
async def undisturbed(world: World) -> AsyncIterator[None]:
    """What happens inside neither ends the bot nor costs it a sync response."""
    begin = len(world.bot.log)
    yield
    assert (await world.ask("!ping")).body == PONG
    assert world.bot.process
    assert world.bot.process.returncode is None
    said = world.bot.log[begin:]
    assert "not processed" not in said
    assert "Traceback" not in said


# -- to-device events


GARBAGE = [
    {"type": 0, "body": "AAAA"},
    {"type": 1, "body": "AAAA"},
    {"type": 0, "body": "***"},
    {"type": 0, "body": "ÄÖÜ"},
    {"type": 0, "body": ""},
    {"type": 7, "body": "AAAA"},
    {"type": "0", "body": 5},
    {"type": 0},
    {},
    [],
    "AAAA",
    None,
]


@pytest.mark.parametrize("message", GARBAGE, ids=json.dumps)
async def test_a_garbled_olm_message_is_dropped(
    world: World, insider: Stranger, message: Any
) -> None:
    async with undisturbed(world):
        await insider.send("m.room.encrypted", insider.envelope(message))


@pytest.mark.parametrize("sender_key", ["bad", "A" * 43, "***", 5, [], {"a": 1}], ids=json.dumps)
async def test_a_bad_sender_key_is_dropped(
    world: World, insider: Stranger, sender_key: Any
) -> None:
    unknown = vodozemac.Account().curve25519_key.to_base64()
    message = insider.olm(unknown, "x")["ciphertext"][insider.curve25519]
    async with undisturbed(world):
        content = insider.envelope(message, sender_key=sender_key)
        await insider.send("m.room.encrypted", content)


async def test_a_one_time_key_that_nobody_has_is_dropped(
    world: World, insider: Stranger, stranger: Stranger
) -> None:
    """What a stranger sends is not even looked into: it costs nothing and is not kept."""
    unknown = vodozemac.Account().curve25519_key.to_base64()
    begin = world.bot.log.count("malformed to-device")
    async with undisturbed(world):
        await stranger.send("m.room.encrypted", stranger.olm(unknown, "x"))
        await insider.send("m.room.encrypted", insider.olm(unknown, "x"))
    assert world.bot.log.count("malformed to-device") == begin + 1, "it did reach the bot"


@pytest.mark.parametrize(
    "content",
    [
        {"algorithm": MEGOLM, "room_id": "!r", "session_id": "s", "session_key": "bad"},
        {"algorithm": MEGOLM, "room_id": "!r", "session_id": "s", "session_key": "A" * 300},
        {"algorithm": MEGOLM, "room_id": "!r", "session_id": "s", "session_key": "ÄÖ"},
        {"algorithm": MEGOLM, "room_id": 5, "session_id": [], "session_key": None},
        {"algorithm": [], "room_id": "!r", "session_id": "s", "session_key": "bad"},
        {},
        [],
        None,
    ],
    ids=json.dumps,
)
@pytest.mark.parametrize("kind", ["m.room_key", "m.forwarded_room_key"])
async def test_a_bad_room_key_through_a_real_olm_session_is_dropped(
    world: World, insider: Stranger, kind: str, content: Any
) -> None:
    async with undisturbed(world):
        await insider.in_olm(kind, content)


@pytest.mark.parametrize(
    "changed",
    [
        *({"keys": 5}, {"keys": {}}, {"recipient_keys": []}, {"recipient": None}, {"type": []}),
        *({"type": "m.dummy", "content": 5}, {"sender": "@you:example.test"}, {"type": "m.x"}),
    ],
    ids=json.dumps,
)
async def test_a_bad_payload_in_a_real_olm_session_is_dropped(
    world: World, insider: Stranger, changed: dict[str, Any]
) -> None:
    content = {"algorithm": MEGOLM, "room_id": "!r", "session_id": "s", "session_key": "bad"}
    async with undisturbed(world):
        await insider.in_olm("m.room_key", content, changed)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("{", id="cut off"),
        pytest.param("[1]", id="list"),
        pytest.param('"x"', id="string"),
        pytest.param("\x00", id="nul"),
        pytest.param("[" * 20_000, id="deep"),
        pytest.param('{"sender":"\\ud800"}', id="surrogate"),
    ],
)
async def test_a_payload_that_is_no_object_is_dropped(
    world: World, insider: Stranger, text: str
) -> None:
    async with undisturbed(world):
        await insider.in_olm_text(text)


def verification(from_device: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """A verification by emoji, with keys and a check code that are none."""
    asked = {"from_device": from_device, "methods": ["m.sas.v1"], "timestamp": 1}
    agreed = {
        "key_agreement_protocol": "curve25519-hkdf-sha256",
        "hash": "sha256",
        "message_authentication_code": "hkdf-hmac-sha256",
        "short_authentication_string": ["decimal", "emoji"],
    }
    offered = {
        "from_device": from_device,
        "method": "m.sas.v1",
        "key_agreement_protocols": [agreed["key_agreement_protocol"], "curve25519"],
        "hashes": [agreed["hash"]],
        "message_authentication_codes": [agreed["message_authentication_code"]],
        "short_authentication_string": agreed["short_authentication_string"],
    }
    for kind, content in (
        ("request", asked),
        ("start", offered),
        ("accept", agreed | {"commitment": "x"}),
        ("key", {"key": "bad"}),
        ("key", {"key": "A" * 43}),
        ("mac", {"mac": {"ed25519:X": "x"}, "keys": "y"}),
        ("cancel", {"code": "m.user", "reason": "x"}),
    ):
        yield kind, content | {"transaction_id": "t1"}


@pytest.mark.parametrize(
    "steps",
    [["start", "key"], ["start", "key", "mac"], ["request", "start", "accept", "key"], ["mac"]],
    ids=" ".join,
)
async def test_a_mad_verification_from_the_admins_own_device_is_ignored(
    world: World, stranger: Stranger, steps: list[str]
) -> None:
    """Only a device that the bot tracks gets this far."""
    async with undisturbed(world):
        for kind, content in verification(world.human.device_id):
            if kind in steps:
                path = f"{V3}/sendToDevice/m.key.verification.{kind}/{secrets.token_hex(8)}"
                body = {"messages": {stranger.bot: {stranger.device: content}}}
                await world.human.raw("PUT", path, body)


@pytest.mark.parametrize(
    "kind",
    [
        *("m.room_key", "m.room_key_request", "m.forwarded_room_key", "m.room_key.withheld"),
        *("m.key.verification.start", "m.key.verification.mac", "m.secret.request", "m.dummy"),
        *("m.secret.send", "m.room_key_bundle", "org.example.anything", "m.room.message"),
    ],
)
@pytest.mark.parametrize(
    "content", [{}, {"action": 5}, {"algorithm": [], "body": {}}], ids=json.dumps
)
async def test_to_device_events_in_clear_change_nothing(
    world: World, stranger: Stranger, kind: str, content: dict[str, Any]
) -> None:
    async with undisturbed(world):
        await stranger.send(kind, content)


# -- one-time keys


@asynccontextmanager
async def running_for(bot: Bot, *admins: Person) -> AsyncIterator[Bot]:
    await bot.set_up(*(admin.user_id for admin in admins))
    await bot.start()
    try:
        yield bot
    finally:
        if bot.process:
            await bot.stop()


async def test_claiming_every_one_time_key_while_the_bot_is_down_locks_nobody_out(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """The last key falls back; a new admin reaches the bot by it, and new keys come at once."""
    person = await a_person(homeserver, root, f"you-{directory.name}")
    late = await a_person(homeserver, root, f"late-{directory.name}")
    thief = await a_person(homeserver, root, f"thief-{directory.name}")
    async with (
        a_human(homeserver, person) as human,
        running_for(Bot(homeserver, directory), person, late) as bot,
    ):
        room, dm = await join_all(human, bot)
        world = World(homeserver, bot, human, room, dm)
        assert (await world.ask("!ping")).body == PONG
        await bot.wait_log("fallback key published")
        await bot.stop()

        stranger = await stranger_to(homeserver, thief, bot_id(world))
        claimed = [await stranger.claim() for _ in range(100)]
        assert not claimed[0].get("fallback")
        assert claimed[-1].get("fallback"), "else nobody new could write while it is down"

        async with a_human(homeserver, late) as newcomer:
            late_room, late_dm = await join_all(newcomer, bot)
            beside = World(homeserver, bot, newcomer, late_room, late_dm)
            waiting = await beside.say("!ping")
            await bot.start()
            assert (await beside.answer_to(waiting)).body == PONG
            assert (await world.ask("!ping")).body == PONG
            assert (await beside.ask("!ping", room=late_dm)).body == PONG
            fresh = await stranger.claim()
            assert fresh
            assert not fresh.get("fallback"), "refilled"
            await bot.wait_log("fallback key published", count=2)


async def test_claiming_every_one_time_key_of_a_running_bot_locks_nobody_out(
    world: World, stranger: Stranger
) -> None:
    async with undisturbed(world):
        claimed = [await stranger.claim() for _ in range(120)]
        assert all(claimed)


async def test_what_strangers_send_is_not_kept(world: World, stranger: Stranger) -> None:
    """Real Olm sessions with real room keys: matrix-nio would store each of them."""

    def kept() -> list[int]:
        with closing(sqlite3.connect(world.bot.data_dir / "crypto" / "crypto.db")) as db:
            tables = ("olmsessions", "megolminboundsessions", "outgoingkeyrequests")
            counts = [f"SELECT count(*) FROM {name}" for name in tables]  # noqa: S608
            return [db.execute(count).fetchone()[0] for count in counts]

    await world.ask("!ping")
    before = kept()
    session = vodozemac.GroupSession()
    key = {
        "algorithm": MEGOLM,
        "room_id": world.room,
        "session_id": session.session_id,
        "session_key": session.session_key.to_base64(),
    }
    async with undisturbed(world):
        for _ in range(20):
            await stranger.in_olm("m.room_key", key)
    assert kept() == before


# -- replays


async def again(human: Human, room_id: str, event_id: str, *, to: str | None = None) -> str:
    """Send an event's ciphertext once more; returns the new event's id."""
    path = f"{V3}/rooms/{quote(room_id)}/event/{quote(event_id)}"
    content = (await human.raw("GET", path))["content"]
    assert content["algorithm"] == MEGOLM
    path = f"{V3}/rooms/{quote(to or room_id)}/send/m.room.encrypted/{secrets.token_hex(8)}"
    sent = await human.raw("PUT", path, content)
    return str(sent["event_id"])


def answers_to(world: World, event_id: str) -> list[str]:
    every = world.human.messages(world.room) + world.human.messages(world.dm)
    return [str(seen.body) for seen in every if replies_to(seen) == event_id]


async def test_a_replayed_command_is_not_run_twice(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """As the server's owner could try: at once, into another room, and after restarts."""
    async with a_world(homeserver, root, directory) as world:
        await world.card("is ready", "!newbot played")
        before = len(world.human.messages(world.dm))
        command = await world.say("!rotate played")
        await world.answer_to(command)
        card = await world.next_card(after=before)

        replays = [await again(world.human, world.room, command)]
        replays += [await again(world.human, world.room, command, to=world.dm)]
        assert (await world.ask("!ping")).body == PONG
        for _ in range(2):
            await world.bot.stop()
            replays += [await again(world.human, world.room, command)]
            await world.bot.start()
            assert (await world.ask("!ping")).body == PONG
            replays += [await again(world.human, world.room, command)]
            assert (await world.ask("!ping")).body == PONG

        assert (await whoami(homeserver, card.token))[0] == 200, "rotated by a replay"
        cards = [m for m in world.human.messages(world.dm)[before:] if "MATRIX_" in str(m.body)]
        assert len(cards) == 1
        for replay in replays:
            assert not [text for text in answers_to(world, replay) if "🙈" not in text]


async def test_a_room_key_that_comes_twice_does_nothing_twice(
    world: World, insider: Stranger
) -> None:
    """The same key again, and the same key from later on, before and after its message."""
    session = vodozemac.GroupSession()

    def key() -> dict[str, Any]:
        return {
            "algorithm": MEGOLM,
            "room_id": world.room,
            "session_id": session.session_id,
            "session_key": session.session_key.to_base64(),
        }

    early = key()
    text = {"type": "m.room.message", "room_id": world.room}
    text["content"] = {"msgtype": "m.text", "body": "!ping"}  # type: ignore[assignment]
    sealed = {
        "algorithm": MEGOLM,
        "ciphertext": session.encrypt(json.dumps(text).encode()).to_base64(),
        "device_id": "TWICE",
        "sender_key": insider.own_key,
        "session_id": session.session_id,
    }
    path = f"{V3}/rooms/{quote(world.room)}/send/m.room.encrypted/"
    async with undisturbed(world):
        for content in (early, early, key()):
            await insider.in_olm("m.room_key", content)
        sent = await world.human.raw("PUT", path + secrets.token_hex(8), sealed)
        event_id = sent["event_id"]
        await world.answer_to(event_id)
        for content in (early, key()):
            await insider.in_olm("m.room_key", content)
        again = await world.human.raw("PUT", path + secrets.token_hex(8), sealed)
    answered = [replies_to(m) for m in world.human.messages(world.room)]
    assert answered.count(event_id) == 1
    assert again["event_id"] not in answered


async def test_a_replayed_yes_confirms_nothing(world: World) -> None:
    card = await world.card("is ready", "!newbot guarded")
    await world.ask("!revoke guarded")
    yes = await world.say("guarded")
    await world.answer_to(yes)
    fresh = await world.card("New token", "!rotate guarded")
    assert fresh.token != card.token

    await world.ask("!revoke guarded")
    await again(world.human, world.room, yes)
    assert (await world.ask("!ping")).body == PONG
    assert (await whoami(world.homeserver, fresh.token))[0] == 200
    assert "Nothing was changed" in str((await world.ask("no")).body)


# -- odd events of an admin's own client


@pytest.fixture(scope="module")
async def world_with_a_bot(world: World) -> World:
    await world.card("is ready", "!newbot first")
    return world


NOVEL = 40_000  # encrypted, this is about what one event can hold


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("!newbot " + "x" * NOVEL, "255 characters at most"),
        ("!newbot " + "$" * NOVEL, "only a-z 0-9"),
        ("!newbot " + "".join(map(chr, range(4096, 14_000))), "only a-z 0-9"),
        ("!newbot " + "x" * NOVEL + ":y", "on example.test only"),
        ("!newbot x " + "y" * NOVEL, "100 characters at most"),
        ("!newbot x --device " + "y" * NOVEL, "A device id is"),
        ("!newbot x --" + "y" * NOVEL, "has no --yyy"),
        ("!" + "x" * NOVEL, "I know no !xxx"),
        ("!rotate " + "x" * NOVEL, "is not one of my bots"),
        ("!bots " + "x" * NOVEL, "No bot has"),
        ("!bots " + "9" * NOVEL, "There is no page"),
        ("!help " + "x" * NOVEL, "I know no !xxx"),
        ("!ping " * (NOVEL // 6), "more than !ping takes"),
        ("!newbot \x00", "only a-z 0-9"),
        ("!newbot a\x00b", "only a-z 0-9"),
        ("!rotate \x00", "is not one of my bots"),
        ("!newbot \u202egpj", "only a-z 0-9"),
        ("!newbot 🤖", "only a-z 0-9"),
        ("!newbot \u200b(", "only a-z 0-9"),
        ("!rotate 🤖", "is not one of my bots"),
        ("!rotate \ud83e", "is not one of my bots"),
        ("!newbot \ud83e", "only a-z 0-9"),
        ("!bots ²", "No bot has"),
        ("!bots -1", "No bot has"),
        ("!rotate @x:y:z", "is not one of my bots"),
        ("!newbot x'; DROP TABLE bot;--", "only a-z 0-9"),
        ("!rotate %00", "is not one of my bots"),
    ],
    ids=lambda value: ascii(value[:24]) + str(len(value)),
)
async def test_every_odd_command_is_answered(
    world_with_a_bot: World, typed: str, said: str
) -> None:
    async with undisturbed(world_with_a_bot):
        answer = str((await world_with_a_bot.ask(typed)).body)
        assert said in answer
        assert "Something broke" not in answer


async def test_a_name_with_slashes_and_dots_is_a_name_everywhere(world: World) -> None:
    """Synapse allows it; in a path it must not lead anywhere else."""
    made = await world.card("@../../etc:example.test is ready", "!newbot ../../etc")
    renewed = await world.card("New token", "!rotate ../../etc")

    assert (await whoami(world.homeserver, made.token))[0] == 401
    status, body = await whoami(world.homeserver, renewed.token)
    assert (status, body["user_id"]) == (200, "@../../etc:example.test")


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (1, "🤖 Emoji 👩‍👩‍👧"),
        (2, "\u202eevil\u202c"),
        (3, "<b>x</b> &amp; `code` **bold**"),
        (4, "a\x00b"),
        (5, "\u0000"),
        (6, "y" * 100),
        (7, "日本語 العربية"),
        (8, "half \ud83e pair"),
    ],
    ids=lambda value: ascii(value)[:20],
)
async def test_a_display_name_may_be_anything_or_is_refused_in_words(
    world: World, number: int, name: str
) -> None:
    async with undisturbed(world):
        answer = str((await world.ask(f"!newbot odd{number} {name}")).body)
        assert f"@odd{number}:example.test is ready" in answer or "Nothing was made" in answer
        if "is ready" in answer:
            await world.human.wait_message(
                world.dm, lambda seen: f"MATRIX_USER_ID=@odd{number}:" in str(seen.body)
            )
            assert f"@odd{number}:" in str((await world.ask(f"!bot odd{number}")).body)


ODD_CONTENT: list[dict[str, Any]] = [
    {},
    {"msgtype": "m.text"},
    {"body": "!ping"},
    {"msgtype": 5, "body": "!newbot odd"},
    {"msgtype": "m.text", "body": 5},
    {"msgtype": "m.text", "body": None},
    {"msgtype": "m.text", "body": ["!newbot odd"]},
    {"msgtype": "m.text", "body": {"a": "!newbot odd"}},
    {"msgtype": "m.text", "body": "!ping?", "format": 5, "formatted_body": 5},
    {"msgtype": "m.text", "body": "x", "format": "org.matrix.custom.html", "formatted_body": []},
    {"msgtype": "m.text", "body": "x", "m.mentions": 5},
    {"msgtype": "m.text", "body": "x", "m.relates_to": {"m.in_reply_to": 5}},
    {"msgtype": "m.text", "body": "x", "m.relates_to": {"rel_type": ["m.replace"]}},
    {"msgtype": "m.image", "body": "x", "url": 5},
    {"msgtype": "m.image", "body": "x", "file": {"url": 5}},
    {"msgtype": "m.key.verification.request", "body": "x", "methods": 5},
]


@pytest.mark.parametrize("content", ODD_CONTENT, ids=json.dumps)
async def test_an_odd_message_is_survived(world: World, content: dict[str, Any]) -> None:
    async with undisturbed(world):
        await world.human.send_event(world.room, "m.room.message", content)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("m.reaction", {}),
        ("m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "event_id": 5, "key": 7}}),
        ("m.room.encrypted", {"algorithm": MEGOLM}),
        ("m.room.encrypted", {"algorithm": 5}),
        ("m.room.encrypted", {}),
        ("m.room.encrypted", {"algorithm": MEGOLM, "ciphertext": "***", "sender_key": "x",
                              "session_id": "y", "device_id": "z"}),
        ("m.room.encrypted", {"algorithm": MEGOLM, "ciphertext": {}, "sender_key": [],
                              "session_id": 5, "device_id": None}),
        ("m.room.encrypted", {"algorithm": OLM, "ciphertext": {"x": {"type": 0, "body": "AA"}},
                              "sender_key": "x"}),
        ("m.sticker", {}),
        ("m.call.invite", {}),
        ("org.example", {"a": None}),
    ],
    ids=json.dumps,
)  # fmt: skip
async def test_an_odd_event_in_clear_is_survived(
    world: World, kind: str, content: dict[str, Any]
) -> None:
    path = f"{V3}/rooms/{quote(world.room)}/send/{kind}/{secrets.token_hex(8)}"
    async with undisturbed(world):
        await world.human.raw("PUT", path, content)


@contextmanager
def deep_json() -> Iterator[None]:
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


async def test_a_deeply_nested_message_costs_no_other_message(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """The server cannot see into it; what came with it in one response is answered, too."""
    deep: Any = "x"
    for _ in range(3000):
        deep = [deep]
    with deep_json():
        async with a_world(homeserver, root, directory) as world:
            await world.bot.stop()
            first = await world.say("!ping")
            content = {"msgtype": "m.text", "body": "x", "deep": deep}
            await world.human.send_event(world.room, "m.room.message", content)
            last = await world.say("!ping")
            await world.bot.start()
            assert (await world.answer_to(first)).body == PONG
            assert (await world.answer_to(last)).body == PONG


async def test_a_redacted_command_is_not_carried_out(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Taken back before the bot saw it, and the lines around it are answered."""
    async with a_world(homeserver, root, directory) as world:
        await world.bot.stop()
        first = await world.say("!ping")
        regretted = await world.say("!newbot regretted")
        await world.human.redact(world.room, regretted)
        last = await world.say("!bots")
        await world.bot.start()

        assert (await world.answer_to(first)).body == PONG
        assert "No bots yet" in str((await world.answer_to(last)).body)
        assert answers_to(world, regretted) == []
