"""What comes from a server that lies: bodies without end, and text that is not what it seems.

The servers here are real ones on loopback, of the one kind that Synapse will not play.
"""

import asyncio
import gzip
import json
import shlex
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from nio import SyncResponse

from adminbot.accounts.handover import Purpose
from adminbot.accounts.inspection import DeviceDetail
from adminbot.apps import load_catalog
from adminbot.cards.text import CardText
from adminbot.chat import responses
from adminbot.chat.client import Client
from adminbot.chat.responses import expect
from adminbot.commands.bots import newbot
from adminbot.commands.trust import devices, trust
from adminbot.crypto.crosssigning import DeviceState
from adminbot.dispatch.grammar import Args
from adminbot.errors import HomeserverError, HomeserverUnreachable
from adminbot.homeserver import http
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient, open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session, session_of
from adminbot.store import Bot
from adminbot.values.ids import UserId, parse_url
from adminbot.values.secret import Secret
from adminbot.values.text import code_of, safe_to_quote, shown_id
from tests.fakes import NobodyTrusted

pytestmark = pytest.mark.anyio

MADE = datetime(2026, 1, 1, tzinfo=UTC)
YOU, NANO = UserId("you", "example.org"), UserId("nano", "example.org")
Play = Callable[["Loopback", asyncio.StreamWriter], Awaitable[None]]


class Loopback:
    """A server that plays one part for each request; what was asked, and how much was sent."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self.asked: list[str] = []
        self.sent = 0
        self.url = ""

    async def attend(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.asked.append((await reader.readuntil(b"\r\n\r\n")).decode())
            await self._play(self, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()

    async def say(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(data)
        await writer.drain()
        self.sent += len(data)


@asynccontextmanager
async def playing(play: Play) -> AsyncIterator[Loopback]:
    loopback = Loopback(play)
    server = await asyncio.start_server(loopback.attend, "127.0.0.1", 0)
    loopback.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield loopback
    finally:
        server.close()


@asynccontextmanager
async def wire_at(url: str, *, patience_s: float = 0) -> AsyncIterator[HttpClient]:
    async with open_http(url, Secret("syt_x"), patience=timedelta(seconds=patience_s)) as opened:
        yield opened


@asynccontextmanager
async def nio_at(url: str, directory: Path) -> AsyncIterator[Client]:
    session = Session(NANO, "X", Secret("syt_x"))
    client = Client(url, session, directory, "pickle", NobodyTrusted())
    try:
        yield client
    finally:
        await client.close()  # type: ignore[no-untyped-call]


def head(*headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


# -- how much, and how long


async def flood(server: Loopback, writer: asyncio.StreamWriter) -> None:
    """Half a gigabyte, if anybody takes it."""
    await server.say(writer, head())
    for _ in range(512):
        await server.say(writer, b" " * 2**20)


async def bomb(server: Loopback, writer: asyncio.StreamWriter) -> None:
    """64 MiB in 64 kB, though nobody said that it may be compressed."""
    packed = gzip.compress(b" " * 2**26)
    await server.say(writer, head("Content-Encoding: gzip", f"Content-Length: {len(packed)}"))
    await server.say(writer, packed)


async def drip(server: Loopback, writer: asyncio.StreamWriter) -> None:
    """A byte, now and then: no time-out of a single read ever ends."""
    await server.say(writer, head("Content-Length: 1000000"))
    while True:
        await server.say(writer, b" ")
        await asyncio.sleep(0.1)


async def plain(server: Loopback, writer: asyncio.StreamWriter) -> None:
    await server.say(writer, head("Content-Length: 12") + b'{"pong": {}}')


@pytest.mark.parametrize(
    ("play", "told"), [(flood, "longer than 8 MiB"), (bomb, "compressed")], ids=["flood", "bomb"]
)
async def test_a_body_without_end_is_not_read_to_its_end(play: Play, told: str) -> None:
    async with playing(play) as server, wire_at(server.url) as opened:
        with pytest.raises(HomeserverUnreachable, match=told):
            await opened.ask("GET", "/x")

    assert server.sent < 2 * http._MOST_BYTES
    assert "accept-encoding: identity" in server.asked[0].lower()


@pytest.mark.parametrize(
    ("play", "told"), [(flood, "longer than 4 MiB"), (bomb, "compressed")], ids=["flood", "bomb"]
)
async def test_nor_is_one_that_matrix_nio_asked_for(
    play: Play, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(responses, "_MOST_BYTES", 4 * 2**20)
    async with playing(play) as server, nio_at(server.url, tmp_path) as client:
        with pytest.raises(HomeserverUnreachable, match=told):
            await expect(SyncResponse, client.sync(timeout=0))

    assert server.sent < 4 * 4 * 2**20
    assert "accept-encoding: identity" in server.asked[0].lower()


async def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "_DEADLINE", timedelta(seconds=0.5))
    async with playing(drip) as server, wire_at(server.url) as opened:
        async with asyncio.timeout(2):
            with pytest.raises(HomeserverUnreachable, match=r"no answer within 0\.5 s"):
                await opened.ask("GET", "/x", once=True)
        assert len(server.asked) == 1


async def test_patience_ends_though_each_try_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    """A try that begins late ends with the patience, and not a whole deadline after it."""
    monkeypatch.setattr(http, "_DEADLINE", timedelta(seconds=1))
    async with playing(drip) as server, wire_at(server.url, patience_s=1.6) as opened:
        began = asyncio.get_running_loop().time()
        with pytest.raises(HomeserverUnreachable):
            await opened.ask("GET", "/x")
        assert asyncio.get_running_loop().time() - began < 2.2
        assert len(server.asked) == 2


@pytest.mark.parametrize("once", [True, False])
async def test_who_is_in_a_hurry_names_the_time_for_all_tries(*, once: bool) -> None:
    async with playing(drip) as server, wire_at(server.url, patience_s=60) as opened:
        async with asyncio.timeout(2):
            with pytest.raises(HomeserverUnreachable):
                await opened.ask("GET", "/x", once=once, within=timedelta(seconds=0.7))


# -- where


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
async def test_nobody_is_followed_to_another_address(status: str, tmp_path: Path) -> None:
    async def elsewhere(server: Loopback, writer: asyncio.StreamWriter) -> None:
        lines = (f"Location: {other.url}/y", "Content-Length: 2")
        await server.say(writer, head(*lines, status=status) + b"{}")

    async with playing(plain) as other, playing(elsewhere) as server:
        async with wire_at(server.url) as opened:
            with pytest.raises(HomeserverError):
                await opened.ask("GET", "/x")
        async with nio_at(server.url, tmp_path) as client:
            with pytest.raises(HomeserverError):
                await expect(SyncResponse, client.sync(timeout=0))
        assert len(server.asked) == 2
        assert other.asked == []


# -- what goes on a card

TOKENS = [
    "syt_bmFubw_tzDKwsdkEpVGmzCTkAXM_0B9F5s",
    "syt_w7bDvC8rPz4_tzDKwsdkEpVGmzCTkAXM_0B9F5s",  # base64 as it is, of a localpart of old
    "syt_+/8_tzDKwsdkEpVGmzCTkAXM_0B9F5s",
    "mct_ZIDdGVRVUDFlVQkpm6nHMBbVYsgvEn_7bnEr1",
    "mpt_ZIDdGVRVUDFlVQkpm6nHMBbVYsgvEn_7bnEr1",
    "MDAxOGxvY2F0aW9uIGV4YW1wbGUub3JnCjAwMTNpZGVudGlmaWVyIGtleQ",
]
# Each of them means something in a shell, in an env file, or to an eye.
SIGNS = [*"$`;&|<>()#'\"\\*?!{}~^% \t\n\r", "\x00", "\u2028", "\u202e", "\u200b", "ä", "\ud800"]


def answer(**changed: Any) -> dict[str, Any]:
    return {"user_id": str(NANO), "device_id": "NANO1", "access_token": TOKENS[0]} | changed


@pytest.mark.parametrize("token", TOKENS)
def test_every_token_that_is_given_out_is_one(token: str) -> None:
    assert session_of(answer(access_token=token)).token.reveal() == token


@pytest.mark.parametrize("sign", SIGNS, ids=ascii)
@pytest.mark.parametrize("name", ["access_token", "device_id", "user_id"])
def test_what_means_something_to_a_shell_is_no_login(name: str, sign: str) -> None:
    whole = answer()[name]
    lies = [f"{whole[:2]}{sign}{whole[2:]}", f"{whole}{sign}"]
    for lie in lies if name != "access_token" else [*lies, f"{sign}{whole}"]:
        with pytest.raises(HomeserverUnreachable):
            session_of(answer(**{name: lie}))


@pytest.mark.parametrize("lie", ["", "x" * 1025, "D" * 65])
def test_what_is_empty_or_endless_is_no_login(lie: str) -> None:
    with pytest.raises(HomeserverUnreachable):
        session_of(answer(device_id=lie))
    if len(lie) != 65:
        with pytest.raises(HomeserverUnreachable):
            session_of(answer(access_token=lie))


@pytest.mark.parametrize(
    "sign", ["$(id)", "`id`", ";id", "&id", "a|b", "<x>", "#", "?a", "ä", "\\"]
)
@pytest.mark.parametrize("where", ["https://x{}.org", "https://x.org{}", "https://x.org/a{}"])
async def test_an_address_that_a_shell_would_run_is_none(sign: str, where: str) -> None:
    lie = where.format(sign)
    with pytest.raises(ValueError, match="not a base URL"):
        parse_url(lie)

    def say(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"m.homeserver": {"base_url": lie}})

    async with open_http("http://x", transport=httpx.MockTransport(say)) as opened:
        assert await ClientApi(opened).well_known_base_url() is None


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("https://matrix.example.org", "https://matrix.example.org"),
        ("https://matrix.example.org/", "https://matrix.example.org"),
        ("http://matrix_synapse:8008", "http://matrix_synapse:8008"),
        ("http://[::1]:8008/matrix/v%201/~me", "http://[::1]:8008/matrix/v%201/~me"),
        ("HTTPS://Matrix.example.org", "https://Matrix.example.org"),  # and checked as https
    ],
)
def test_an_address_is_taken_as_it_is(typed: str, url: str) -> None:
    assert parse_url(typed) == url


def test_a_card_that_a_shell_reads_sets_its_names_and_does_nothing_else(
    tmp_path: Path,
) -> None:
    session = session_of(answer(access_token=TOKENS[2]))
    bot = Bot(NANO, "$(touch ran)", "NANO1", False, YOU, MADE, MADE)
    text = CardText(parse_url("https://x.org:8448/a%20b"), timedelta(hours=1), load_catalog(None))
    card = json.loads(text.phrase(bot, {"access_token": session.token}, Purpose.NEW, YOU))
    (tmp_path / "env").write_text(card["block"])
    script = "set -a; . ./env; unset PWD OLDPWD SHLVL _; env"
    found = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, env={}, capture_output=True, check=True, text=True
    )

    assert sorted(found.stdout.split()) == sorted(card["block"].split())
    assert [file.name for file in tmp_path.iterdir()] == ["env"]
    assert all(shlex.split(line) == [line] for line in card["block"].splitlines())


# -- what is said

LIES: list[Any] = [
    *("10.0.0.1\n• Trust: trusted", "x" * 15_000, "`1.2.3.4`", "fe80::1%eth0", 5, None, ["::1"]),
    *("fe80::1%\n• Trust: trusted", "curl/8.0", "999.1.1.1", ""),
]


async def test_only_an_ip_address_is_said_to_be_one() -> None:
    async def found(*ips: Any) -> list[str]:
        connections = [{"ip": ip, "user_agent": "x\ny", "last_seen": 1} for ip in ips]
        body = {
            "user_id": str(NANO),
            "devices": {"": {"sessions": [{"connections": connections}]}},
        }
        transport = httpx.MockTransport(lambda _: httpx.Response(200, json=body))
        async with open_http("http://x", transport=transport) as opened:
            return await SynapseAdmin(opened).whois(NANO)

    assert await found(*LIES) == []
    good = ["10.0.0.1", "2001:DB8:0::1", "2001:db8::1", "10.0.0.1"]
    assert await found(*LIES, *good) == ["10.0.0.1", "2001:db8::1"]
    assert len(await found(*(f"10.0.0.{n}" for n in range(200)))) == 10


TWINS = [
    *("NANO1", "NANO1\u200b", "NANO1\u202e", "\u2066NANO1\u2069", "NANO1\ufe0f", "NANO1\u3164"),
    *("NANO1 ", "NANO1\xa0", "NАNO1", "NANО1", "NANO1\U000e0041", "NANO1\ue000", "NANO1\n"),
    *("NANO1`", "NANO1**", "NANO1\\u200b", "NANO1\u0338", "NANO1\x00", "NANO1\ud800"),
    *("!rotate", "rotate", "?rotate", "N" * 600, "N" * 601, "N" * 600 + "\u200b"),
]


def test_no_two_ids_look_the_same() -> None:
    shown = [shown_id(it) for it in TWINS]

    assert len(set(shown)) == len(TWINS)
    assert shown[0] == "NANO1"
    assert "NANO1\\u200b" in shown
    assert "N\\u0410NO1" in shown, "a Cyrillic letter is seen"
    for text in shown:
        assert len(text) <= 64
        assert text.isprintable()
        assert text.replace("…", "").isascii()
        assert not set(text) & set("`* \"'")
        assert not text.startswith("!"), "a prefix would take its place"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Nano\u200b\u200d\u2060\ufeffbot", "Nanobot"),
        ("\u202etob\u202c \u2067x\u2069", "tob x"),
        ("a\xa0\u2003\u2028\r\n b", "a b"),
        ("a\u3164\u2800\uffa0b", "a b"),
        ("a\ufe0f\U000e0101\u034fb\U000e0041\ue000\u0378\ud83e", "ab"),
        ("**a** `b`\x1b[2J", "a b [2J"),
        ("Ä 🤖 नमस्ते é", "Ä 🤖 नमस्ते é"),
        ("\u200b\u3164\u202e", ""),
    ],
)
def test_what_is_repeated_of_a_text_is_all_seen(text: str, seen: str) -> None:
    assert safe_to_quote(text) == seen


def test_a_bot_whose_display_name_shows_nothing_is_called_by_its_name() -> None:
    assert Bot(NANO, "\u3164\u200b", "NANO1", False, YOU, MADE, MADE).called == "nano"


@pytest.mark.parametrize("code", ["m.user", "M_FORBIDDEN"])
def test_a_code_is_said_without_what_no_code_has(code: str) -> None:
    assert code_of(f"`{code}{{}}\n\u202e<b>"[:-3]) == code
    assert code_of(None) == "None"
    assert len(code_of("x" * 60_000)) == 60


async def test_devices_that_look_alike_are_told_apart_and_signed_by_what_is_shown() -> None:
    """Somebody with the bot's token makes a device whose id looks like the issued one's."""
    details = [DeviceDetail(it, None, DeviceState.UNSIGNED, "") for it in TWINS[:8]]
    bot = Bot(NANO, "Nano", "NANO1", False, YOU, MADE, MADE)
    signed: list[str] = []

    async def of(*_: Any) -> Any:
        return details

    async def get(_: str) -> Bot:
        return bot

    async def sign(_: str, device_id: str, *__: Any) -> None:
        signed.append(device_id)

    look, registry = SimpleNamespace(devices=of), SimpleNamespace(get=get)
    accounts = SimpleNamespace(registry=registry, device_trust=SimpleNamespace(trust=sign))
    services = SimpleNamespace(look=look, accounts=accounts)
    ctx = cast(Any, SimpleNamespace(services=services, order=None))
    ctx.confirm = lambda text, about, *, if_so: about
    listed = [
        line
        for line in (await devices(ctx, Args({"NAME": "nano"}))).text.split("\n")
        if "•" in line
    ]
    ids = [line.split("`")[1] for line in listed]

    assert ids == [shown_id(it) for it in TWINS[:8]]
    assert len(set(ids)) == 8
    for shown in ids:
        await trust(ctx, Args({"NAME": "nano", "DEVICE": shown}))
    assert signed == TWINS[:8]


async def test_the_name_that_was_typed_forges_no_line() -> None:
    bot = Bot(NANO, "Nano", "NANO1", False, YOU, MADE, MADE)

    async def create(*_: Any) -> tuple[Bot, int]:
        return bot, 1

    registry = SimpleNamespace(server="example.org")
    card_text = SimpleNamespace(apps=load_catalog(None))
    accounts = SimpleNamespace(registry=registry, creation=SimpleNamespace(create=create))
    services = SimpleNamespace(accounts=accounts, card_text=card_text)
    ctx = cast(Any, SimpleNamespace(services=services, order=None))
    said = await newbot(ctx, Args({"NAME": "A\nB\u2028C"}))

    assert len(said.text.splitlines()) == 3
    assert "“A B C”" in said.text
