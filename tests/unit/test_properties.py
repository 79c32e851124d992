"""What must hold whatever comes in: lines, names, events, answers, settings. No I/O."""

import asyncio
import copy
import inspect
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import is_dataclass
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from io import StringIO
from types import NoneType, SimpleNamespace, UnionType
from typing import Any, cast, get_args, get_origin, get_type_hints

import httpx
import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, example, given, settings, strategies as st
from nio import BadEvent, Event, ToDeviceEvent, UnknownBadEvent

from adminbot.accounts.handover import Purpose
from adminbot.apps import load_catalog
from adminbot.cards.text import CardText
from adminbot.chat import incoming
from adminbot.chat.event_reader import EventReader
from adminbot.chat.listener import NobodyListens
from adminbot.chat.unread import Unread
from adminbot.commands import ROUTER
from adminbot.commands.looking import bots
from adminbot.config import KNOWN, ROWS, Settings
from adminbot.config.row import PREFIX
from adminbot.crypto import crosssigning as xs
from adminbot.dispatch.chat_rules import command_line
from adminbot.dispatch.grammar import Args
from adminbot.errors import AdminbotError, ConfigError, UsageError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import HttpClient
from adminbot.homeserver.probe import check_server
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import Bot
from adminbot.values.ids import BotName, UserId, parse_device_id
from adminbot.values.render import as_html, block, notice, plain, ringing
from adminbot.values.secret import Secret
from adminbot.verification import events, sas

# The same examples in each run: what fails here fails everywhere.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("adminbot", deadline=None, derandomize=True, suppress_health_check=_SLOW)
settings.load_profile("adminbot")

APPS = load_catalog(None)
SERVER, URL, MADE = "example.org", "https://matrix.example.org", datetime(2026, 1, 1, tzinfo=UTC)
YOU = UserId("you", SERVER)
MARK = "§‡§"  # nothing of it is a letter that an errcode may have
SIGNS = ["`", "**", "*", "• ", "--", "—", "=", "#", "; |", '"', "'", "<script>", "</code>", "&lt;"]
SIGNS += ["$(id)", "${A}", "\\", "İ", "K", "a1", "A=b", "{}", "- a: [b]", "\n• Server: ", "\ud800"]
SIGNS += ["\n", " ", "\x00", "\x1b[2J", "\r", "\u2028", "\x85", "\u202e"]
HALVES_TOO = st.characters(exclude_categories=())
TEXT = st.text(HALVES_TOO) | st.lists(st.sampled_from(SIGNS)).map("".join)
LEAF = st.none() | st.booleans() | st.integers() | st.floats() | TEXT
JSON = st.recursive(LEAF, lambda it: st.lists(it) | st.dictionaries(TEXT, it), max_leaves=6)


def some(known: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Objects with any of these members: as given, or anything instead."""
    good = {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in known.items()}
    return st.fixed_dictionaries({}, optional={name: it | JSON for name, it in good.items()})


def tried(error: type[Exception], act: Callable[..., Any], *given: Any) -> Any:
    """What it returns, or the one error that it may raise."""
    try:
        return act(*given)
    except error as exc:
        return exc


class Page(HTMLParser):
    """Reads HTML of ours, and fails at whatever our own marks do not make."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert (tag in {"b", "code", "br", "ul", "li"}, attrs) == (True, [])
        self.tags.append(tag)
        self._open += [tag] if tag != "br" else []

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def fit_for_a_reply(found: object) -> bool:
    """Whether it is an error, which is then seen to be one short line with marks in pairs."""
    if not isinstance(found, UsageError):
        return False
    told = found.message()
    assert len(told) < 500
    assert len(told.splitlines()) == 1
    assert "`" not in plain(told)
    assert Page(as_html(told)).words == plain(told)
    return True


# -- what is typed

WORDS = st.sampled_from(["newbot", "rotate", "help", "bots", "--device", "--x=", "--password"])


@given(st.lists(WORDS | TEXT).map(" ".join), st.sampled_from(["!", "->", "🤖", "*"]))
@example("newbot --" + "x" * 60_000, "!")
@example('"' * 60_000, "!")
def test_any_line_is_a_command_or_is_refused_in_one_short_line(line: str, prefix: str) -> None:
    called = command_line(prefix + line, prefix, ["adminbot", str(YOU)])
    for text in (line, called or ""):
        found = tried(UsageError, ROUTER.resolve, text)
        if not fit_for_a_reply(found):
            command, args = found
            assert args.flags.keys() <= command.usage.flags.keys()
            places = command.usage.places
            needed = {place.name for place in places if not place.is_optional}
            assert needed <= args.words.keys() <= {place.name for place in places}


@given(
    st.lists(st.sampled_from(["--device", "--p=1", '"My pal"', "x", "-", '--device="D"'])),
    st.sampled_from("“”„«»"),
    st.sampled_from(["—", "–", "—-", "–-"]),
)
def test_a_phones_quotes_and_dashes_change_nothing(
    words: list[str], quote: str, dash: str
) -> None:
    words = ["newbot", *words]
    curled = [re.sub(r"^--(?=\w)", dash, word).replace('"', quote) for word in words]
    found, usual = (tried(UsageError, ROUTER.resolve, " ".join(it)) for it in (curled, words))
    assert str(found) == str(usual)


@given(TEXT, st.sampled_from(["", f":{SERVER}", ":x"]))
@example("`", "")
@example("0\x85\x08", "")
@example("`a`\n**b**", ":x")
def test_a_name_a_page_or_a_device_is_usable_or_is_refused(text: str, end: str) -> None:
    found = tried(UsageError, BotName.parse, text + end, SERVER)
    if not fit_for_a_reply(found):
        assert re.fullmatch(r"(?!_|\d+\Z)[a-z0-9=_.\-/+]{1,242}", found.localpart, re.ASCII)
        assert BotName.parse(found.localpart, SERVER) == BotName(found.localpart)
    registry = SimpleNamespace(worst_first=lambda word, most: asyncio.sleep(0, ([], 1)))
    accounts = SimpleNamespace(registry=registry)
    ctx: Any = SimpleNamespace(services=SimpleNamespace(accounts=accounts, look=None))
    args = Args({"WORD": text, "PAGE": f"{text}-"})
    assert fit_for_a_reply(tried(UsageError, asyncio.run, bots(ctx, args)))
    device_id = tried(UsageError, parse_device_id, text)
    assert fit_for_a_reply(device_id) or re.fullmatch(r"[A-Za-z0-9_-]{1,64}", device_id)


@given(TEXT)
@example("a\nb")
@example("\ud800")
def test_a_user_id_is_one_word_that_can_be_sent(typed: str) -> None:
    found = tried(ValueError, UserId.parse, text := f"@{typed}:{typed}")
    if isinstance(found, UserId):
        assert str(found) == text
        assert text.encode().decode().split() == [text]


# -- events

RELATION = {"event_id": "$e", "key": "✅", "m.in_reply_to": some({"event_id": "$e"})}
RELATION["rel_type"] = st.sampled_from(["m.annotation", "m.replace", "m.reference"])
CONTENT = some(
    {
        "msgtype": st.sampled_from(["m.text", "m.key.verification.request"]),
        "body": TEXT,
        "format": "org.matrix.custom.html",
        "formatted_body": '<a href="https://matrix.to/#/@a%ff?b">a</a>',
        "m.relates_to": some(RELATION),
    }
)
TYPES = ["m.room.message", "m.reaction", "m.key.verification.start", "m.room.encrypted"]
UNREAD = Unread(lambda event: None, lambda *what: None)


@given(st.sampled_from(TYPES), CONTENT, st.integers(0, 2**70), TEXT)
def test_any_event_is_a_value_or_nothing(
    kind: str, content: dict[str, Any], stamp_ms: int, event_id: str
) -> None:
    """Only a time that no calendar has may be an error, which the sync loop drops."""
    olm = SimpleNamespace(_decrypt_megolm_no_error=lambda event: None)
    client: Any = SimpleNamespace(user_id="@bot:example.org", positions={}, olm=olm)
    policy: Any = SimpleNamespace(is_admin=lambda user: True)
    reader = EventReader(client, policy, NobodyListens())
    source = {"type": kind, "content": content, "origin_server_ts": stamp_ms}
    event = Event.parse_event(source | {"event_id": event_id, "sender": str(YOU)})
    read = reader._read_unguarded if stamp_ms < 2**47 else reader.read
    if found := asyncio.run(read("!r", event, MADE)):
        assert incoming.Incoming.from_json(found.to_json()) == found
        assert found.age() >= timedelta()


@given(TEXT, TEXT | st.just('<a href="https://matrix.to/#/@a%ff?b">a</a>'), st.booleans())
@example("x", '<a href="https://matrix.to/#/@' + "a" * 60_000, False)
@example("x", '<a href="https://matrix.to/#/@x">' * 1800, False)
@example(">\n" * 30_000, "", True)
def test_what_was_typed_is_found_soon_and_can_be_sent(
    body: str, formatted: str, is_reply: bool
) -> None:
    began = time.process_time()
    assert incoming.plain(body, formatted, is_reply=is_reply).encode() is not None
    assert time.process_time() - began < 1


@given(some({"code": "m.unverified", "session_id": "S", "sender_key": "K"}) | JSON)
@example({"code": "m.unverified", "session_id": {"S": 1}})
def test_a_note_of_a_withheld_key_is_taken_or_left(content: Any) -> None:
    source = {"type": "m.room_key.withheld", "sender": str(YOU), "content": content}
    event = ToDeviceEvent.parse_event(source)
    if event is not None and not isinstance(event, BadEvent | UnknownBadEvent):
        UNREAD.note_withheld([event], lambda user: True)


# -- cards and other texts


def card_of(
    called: str,
    session: Session,
    extra: dict[str, str] | None = None,
    purpose: Purpose = Purpose.NEW,
) -> dict[str, str]:
    bot = Bot(session.user_id, called, session.device_id, False, YOU, MADE, MADE)
    secrets = {name: Secret(value) for name, value in (extra or {}).items()}
    secrets["access_token"] = session.token
    text = CardText(URL, timedelta(hours=1), APPS).phrase(bot, secrets, purpose, YOU)
    return cast(dict[str, str], json.loads(text))


@given(
    TEXT,
    st.from_regex(r"[A-Za-z0-9_\-]{1,64}", fullmatch=True),
    st.from_regex(r"[A-Za-z0-9._+/\-]+=*", fullmatch=True),  # as `is_token` has it
    st.sampled_from(Purpose),
    st.sampled_from([{}, {"password": "aZ-aA1"}, {"recovery_key": " ".join(["EsT1 x2Yz"] * 6)}]),
)
@example("a\n• Server: `https://evil.example`", "D", "t", Purpose.NEW, {})
@example("`", "D", "t", Purpose.NEW, {})
def test_a_display_name_changes_nothing_else_on_a_card(
    called: str, device_id: str, token: str, purpose: Purpose, more: dict[str, str]
) -> None:
    session = Session(YOU, device_id, Secret(token))
    card, usual = (card_of(it, session, more, purpose) for it in (called, "x"))
    expected = {"MATRIX_HOMESERVER": URL, "MATRIX_USER_ID": str(YOU)}
    expected |= {"MATRIX_DEVICE_ID": device_id, "MATRIX_ACCESS_TOKEN": token}
    expected |= {f"MATRIX_{name.upper()}": value for name, value in more.items()}
    pasted = block(card["block"]).content("!")["body"]
    assert pasted.split("\n") == [f"{name}={value}" for name, value in expected.items()]
    assert dotenv_values(stream=StringIO(pasted), interpolate=False) == expected
    assert card["intro"].splitlines()[1:] == usual["intro"].splitlines()[1:]
    shown, other = (
        Page(ringing(it["intro"], YOU).content("!")["formatted_body"]) for it in (card, usual)
    )
    assert shown.tags == other.tags


@given(TEXT)
def test_any_text_becomes_html_that_says_the_same_words(text: str) -> None:
    content, lines = notice(text).content("!"), [plain(line) for line in text.split("\n")]
    assert content["body"] == "\n".join(lines)
    assert Page(content["formatted_body"]).words == "".join(
        line.removeprefix("• ") if typed.startswith("• ") else line
        for typed, line in zip(text.split("\n"), lines, strict=True)
    )


# -- answers of the server

_IPS = st.lists(some({"connections": st.lists(some({"ip": TEXT}))}))
DEVICES = st.lists(some({"device_id": TEXT, "last_seen_ts": st.integers()}))
ANSWER = some(
    dict.fromkeys(("device_id", "access_token", "nonce", "name", "issuer", "error"), TEXT)
    | dict.fromkeys(("event_id", "room_id", "server_version"), TEXT)
    | dict.fromkeys(("device_keys", "one_time_key_counts"), st.dictionaries(TEXT, JSON))
    | {
        "errcode": st.sampled_from(["M_NOT_FOUND", "M_USER_IN_USE", "M_EXCLUSIVE", "M_FORBIDDEN"]),
        "retry_after_ms": st.integers() | st.floats(),
        "user_id": "@x:example.org",
        "devices": DEVICES | st.dictionaries(TEXT, some({"sessions": _IPS})),
        **{"failures": {}, "flows": [], "available": True, "joined_rooms": st.lists(TEXT)},
        "m.homeserver": some({"base_url": TEXT | st.just(URL)}),
    }
)
GIVEN: dict[Any, Any] = {UserId: YOU, Secret: Secret("s"), str: "x", int: 60, bool: True}
GIVEN[Sequence] = ()
GIVEN |= {Session: Session(YOU, "D", Secret("s"))}
GIVEN |= {dict: {"master_key": {"user_id": str(YOU)}}}
METHODS = [(kind, it) for kind in (SynapseAdmin, ClientApi) for it in vars(kind).values()]
METHODS = [it for it in METHODS if inspect.iscoroutinefunction(it[1]) and it[1].__name__[0] != "_"]
STATUS = st.sampled_from([200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 502])
HEADERS = ("Date", "Retry-After", "Location", "Content-Encoding")
HEADER = st.text(st.characters(codec="ascii", min_codepoint=32), max_size=40)


def marked(value: Any, name: str = "") -> Any:
    """With a mark in every string but errcodes and user ids."""
    if isinstance(value, dict):
        return {k: marked(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [marked(item) for item in value]
    keep = not isinstance(value, str) or name in ("errcode", "user_id")
    return value if keep else MARK + value


def fits(value: object, hint: Any) -> bool:
    """Whether a value is of the declared type, all the way down."""
    args, origin = get_args(hint), get_origin(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        members = get_type_hints(hint).items()
        return isinstance(value, hint) and all(fits(getattr(value, k), h) for k, h in members)
    if origin is UnionType:
        return any(fits(value, one) for one in args)
    if origin is list:
        return isinstance(value, list) and all(fits(item, args[0]) for item in value)
    if origin is tuple:
        return isinstance(value, tuple) and all(map(fits, value, args))
    return hint is Any or isinstance(value, origin or hint)


@given(
    STATUS,
    st.tuples(ANSWER | st.lists(ANSWER), st.booleans()).map(
        lambda it: json.dumps(marked(it[0]) if it[1] else it[0]).encode()
    )
    | st.binary(),
    st.fixed_dictionaries({}, optional=dict.fromkeys(HEADERS, HEADER)),
)
@example(200, b'{"devices": [{"device_id": "D", "last_seen_ts": 1e400}, {}]}', {})
@example(200, b'{"devices": [{"device_id": "D", "last_seen_ts": 9999999999999999}]}', {})
@example(200, b'{"user_id": "nobody", "device_id": 5}', {})
@example(200, b'{"user_id": "@x:y", "device_id": 5}', {})
@example(200, b'{"user_id": "@x:y", "device_id": "D\\nA=b", "access_token": "t"}', {})
@example(200, b'{"user_id": "@x\\u2028:y", "device_id": "D", "access_token": "t"}', {})
@example(200, b'{"user_id": "@x:y", "device_id": "D", "access_token": "t"}', {})
@example(200, b'{"m.homeserver": {"base_url": "https://x\\nA=b"}}', {})
@example(302, b"", {"Location": "A:0"})
def test_any_answer_is_a_value_of_its_type_or_our_error(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    async def ask(kind: Any, method: Any) -> object:
        words = list(inspect.signature(method, eval_str=True).parameters.values())[1:]
        value = {it: GIVEN[get_origin(it.annotation) or it.annotation] for it in words}
        named = {it.name: value[it] for it in words if it.kind is it.KEYWORD_ONLY}
        given = [value[it] for it in words if it.kind is not it.KEYWORD_ONLY]
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            wire = HttpClient(http, Secret("t"), patience=timedelta())
            try:
                return await method(kind(wire), *given, **named)
            except AdminbotError as exc:
                return exc

    async def ask_all() -> list[object]:
        return [await ask(*it) for it in METHODS]

    transport = httpx.MockTransport(
        lambda _: httpx.Response(status, content=body, headers=headers)
    )
    for (_, method), found in zip(METHODS, asyncio.run(ask_all()), strict=True):
        if isinstance(found, AdminbotError):
            assert MARK not in found.message() + repr(found)
            assert len(found.message()) < 300
            continue
        assert fits(found, get_type_hints(method)["return"] or NoneType), method
        if isinstance(found, Session):
            assert re.fullmatch(r"(MATRIX_[A-Z_]+=\S+(\n|\Z)){4}", card_of("x", found)["block"])
        if method is ClientApi.well_known_base_url and found is not None:
            assert re.fullmatch(r"https?://\S+", str(found))


# -- settings

GOOD = ["https://x.org", "@a:x", "!r:x", "pinned", "1h", "info", "text", "!", "A" * 43, "/", "٣h"]
BAD = ["https://[::1", "https://x\ny", "https://x:99999", "@a:x\n@b:x", "`", "/\x00", "\ud800"]
KEYS = list(KNOWN)
REST = {"HOMESERVER": URL, "USER_ID": "@bot:x", "DEVICE_ID": "D", "ACCESS_TOKEN": "t"}
REST |= {"STORE_KEY": "A" * 43, "ROOM": "!r:x", "ADMINS": "@you:x"}


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(KEYS, TEXT | st.sampled_from(GOOD + BAD))),
    st.booleans(),
)
@example({f"{PREFIX}STORE_KEY_FILE": "\x00"}, False)
@example({f"{PREFIX}STORE_KEY_FILE": "\ud800"}, False)
@example({f"{PREFIX}PUBLIC_URL": "https://x\nMATRIX_HOMESERVER=https://y"}, True)
@example({f"{PREFIX}PREFIX": "`"}, True)
def test_any_settings_are_usable_or_are_refused_without_a_secret(
    env: dict[str, str], with_the_rest: bool
) -> None:
    rest = {PREFIX + name: value for name, value in REST.items() if with_the_rest}
    secret = re.compile("|".join(row.name for row in ROWS.values() if row.secret))
    env = {name: f"{MARK}{v}" if secret.search(name) else v for name, v in env.items()}
    found = tried(ConfigError, Settings.from_mapping, rest | env)
    if isinstance(found, ConfigError):
        assert MARK not in found.message()
        return
    assert MARK not in repr(found)
    assert "`" not in found.prefix
    assert all(len(f"{url}.".split()) == 1 for url in (found.homeserver, found.public_url or "x"))


# -- identities and comparisons

ROLES = ("master", "self_signing", "user_signing")
US, THEM = (
    xs.Identity.from_seeds(json.dumps({role: f"{n}{whose}" * 32 for n, role in enumerate(ROLES)}))
    for whose in "12"
)
KEY = xs.SigningKey(b"3" * 32)


def good_answer(owner: xs.Identity = US) -> dict[str, Any]:
    """One device, signed by itself and by the owner's identity."""
    you, keys = str(YOU), owner.upload_body(str(YOU))
    own = KEY if owner is US else owner.user_signing
    device: dict[str, Any] = {"user_id": you, "device_id": "PHONE"}
    device["keys"] = {"ed25519:PHONE": own.public, "curve25519:PHONE": "c" * 43}
    by_owner = {f"ed25519:{owner.self_signing.public}": owner.self_signing.sign(device)}
    device["signatures"] = {you: {"ed25519:PHONE": own.sign(device)} | by_owner}
    answer = {f"{role}_keys": {you: keys[f"{role}_key"]} for role in ROLES}
    return {"device_keys": {you: {"PHONE": device}}} | answer


def places(value: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, member in value.items() if isinstance(value, dict) else ():
        yield (*at, name)
        yield from places(member, (*at, name))


@st.composite
def tampered(draw: st.DrawFn) -> dict[str, Any]:
    """Parts of two good answers, with up to two members taken out, replaced or renamed."""
    ours, theirs = good_answer(), good_answer(THEM)
    answer = {name: draw(st.sampled_from([part, theirs[name]])) for name, part in ours.items()}
    for _ in range(draw(st.integers(0, 2))):
        *way, name = draw(st.sampled_from(list(places(answer)) or [("x",)]))
        holder = answer
        for step in way:
            holder = holder[step]
        member = holder.pop(name, None)
        if how := draw(st.integers(0, 2)):
            holder[name if how == 1 else draw(TEXT)] = draw(JSON) if how == 1 else member
    return answer


ANSWERS = some(
    {f"{it}_keys": st.dictionaries(st.just(str(YOU)), JSON) for it in ("device", *ROLES)}
)


@given(tampered() | ANSWERS)
@example(good_answer())
def test_only_what_the_pinned_identity_signed_is_trusted(answer: dict[str, Any]) -> None:
    you, master = str(YOU), US.master.public
    [signed] = good_answer()["device_keys"][you].values()
    for keys in xs.trusted_devices(answer, you, master).values():
        assert xs.canonical(keys) == xs.canonical(signed)
        assert xs.master_key(answer, you) == master
        assert xs.is_signed(keys, you, *[US.self_signing.public] * 2)
    assert isinstance(xs.trusted_devices(answer, you, None), dict)
    assert fits(xs.master_key(answer, you), str | None)
    assert isinstance(xs.device_state(answer, you, "PHONE", master), xs.DeviceState)
    assert not xs.is_signed(answer, you, master, master)


ANN = events.Party("@ann:example.org", "ANNPHONE", "A" * 43, "M" * 43)
BOT = events.Party("@bot:example.org", "BOT1", "B" * 43, "N" * 43)
CHOSEN = {"key_agreement_protocol": "curve25519-hkdf-sha256", "hash": "sha256"}
CHOSEN |= {"message_authentication_code": "hkdf-hmac-sha256.v2"}
OFFER: dict[str, Any] = CHOSEN | {"method": events.METHOD, "from_device": "ANNPHONE"}
OFFER |= {f"{name}s": [value] for name, value in CHOSEN.items() if name != "hash"}
OFFER |= {"hashes": ["sha256"], "short_authentication_string": ["emoji"], "commitment": "c" * 43}
OFFER |= {"key": KEY.public, "mac": dict.fromkeys(ANN.keys, "x" * 43), "keys": "x" * 43}
MESSAGE = some(OFFER) | some(OFFER).map(lambda it: OFFER | it) | st.just(OFFER)
KINDS = st.sampled_from(["start", "accept", "key", "mac", "mac", "done"])
BEGINNING = [("start", OFFER), ("key", OFFER)]
MESSAGES = st.tuples(st.integers(0, 2), st.lists(st.tuples(KINDS, MESSAGE), max_size=4)).map(
    lambda it: BEGINNING[: it[0]] + it[1]
)


@given(st.booleans(), MESSAGES)
@example(False, [*BEGINNING, ("mac", OFFER)])
@example(False, [*BEGINNING, ("mac", {"mac": 5})])
@example(False, [("start", OFFER | {"x": "\ud800"})])
@example(True, [("accept", OFFER), ("key", OFFER)])
def test_a_comparison_of_nonsense_proves_nothing_and_is_broken(
    begun: bool, messages: list[tuple[str, dict[str, Any]]]
) -> None:
    comparison = sas.Comparison("$request", BOT, ANN)
    if begun:
        comparison.begin()
    for kind, content in messages:
        found = tried(events.Broken, comparison.take, kind, copy.deepcopy(content))
        assert isinstance(found, events.Broken) or json.dumps(found)
    assert not comparison.proven
    agreed = tried(events.Broken, comparison.agree)
    assert isinstance(agreed, events.Broken) == (comparison.shown is None)


def test_what_is_nested_too_deep_is_not_signed_and_breaks_a_comparison() -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    answer = good_answer()
    assert "PHONE" in xs.trusted_devices(answer, str(YOU), US.master.public)
    answer["device_keys"][str(YOU)]["PHONE"]["deep"] = deep
    assert xs.trusted_devices(answer, str(YOU), US.master.public) == {}
    with pytest.raises(events.Broken):
        sas.Comparison("$request", BOT, ANN).take("start", OFFER | {"deep": deep})


@given(
    st.sampled_from([200, 301, 302, 400, 401, 403, 404, 429, 500, 502]),
    st.dictionaries(TEXT, st.none() | TEXT).map(lambda body: json.dumps(body).encode())
    | st.just(b'{"versions": [], "server_version": "1.110.0", "m.homeserver": {"base_url": 5}}')
    | st.binary(),
    st.dictionaries(st.just("Location"), HEADER),
)
def test_whatever_answers_at_an_url_is_a_version_or_our_error(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    async def ask() -> str:
        transport = httpx.MockTransport(
            lambda _: httpx.Response(status, content=body, headers=headers)
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            try:
                return await check_server(HttpClient(http, patience=timedelta()), "http://x")
            except AdminbotError as exc:
                return exc.message()

    assert asyncio.run(ask()).isprintable()
