"""Which events become a message to us, and what is claimed of them. No server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from nio import Event, ReactionEvent, RoomMessageText

from adminbot.chat import incoming
from adminbot.chat.incoming import (
    PICTURE,
    REACTION,
    TEXT,
    Incoming,
    picture_of,
    plain,
    reaction_of,
    step_of,
    text_of,
)
from adminbot.values.clock import now

JSON = dict[str, Any]
YOU = "@you:example.org"
AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(kind: str, content: JSON, *, age_s: float = 0) -> Any:
    sent_ms = round((AT.timestamp() - age_s) * 1000)
    return Event.parse_event(
        {
            "event_id": "$e",
            "sender": YOU,
            "origin_server_ts": sent_ms,
            "type": kind,
            "content": content,
        }
    )


def text(
    body: str, content: JSON | None = None, *, encrypted: bool = True, age_s: float = 0
) -> Any:
    found = event(
        "m.room.message", {"msgtype": "m.text", "body": body, **(content or {})}, age_s=age_s
    )
    assert isinstance(found, RoomMessageText)
    found.decrypted = encrypted
    return found


def read(found: RoomMessageText, *, trusted: bool = True, megolm: str | None = None) -> Incoming:
    message = text_of(found, "!r", AT, device="PHONE" if trusted else "", megolm=megolm)
    assert message
    return message


def test_a_text_is_what_was_typed_by_whom_and_where() -> None:
    message = read(text("!ping"))
    assert (message.kind, message.body, message.sender) == (TEXT, "!ping", YOU)
    assert (message.event_id, message.room_id, message.relates_to) == ("$e", "!r", "")


@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("trusted", [True, False])
def test_encryption_and_trust_are_those_of_the_event(encrypted: bool, trusted: bool) -> None:
    message = read(text("!ping", encrypted=encrypted), trusted=trusted)
    assert (message.encrypted, message.trusted) == (encrypted, trusted)
    assert not message.confirmed


@pytest.mark.parametrize("body", ["!newbot edited", "* !newbot edited"])
def test_an_edit_is_no_message(body: str) -> None:
    """Whatever its body begins with: an app may leave the `* ` out."""
    edit = text(
        body,
        {
            "m.new_content": {"msgtype": "m.text", "body": "!newbot edited"},
            "m.relates_to": {"rel_type": "m.replace", "event_id": "$before"},
        },
    )
    assert text_of(edit, "!r", AT, device="PHONE", megolm=None) is None


def test_what_a_reply_quotes_is_not_what_was_typed() -> None:
    relation = {"m.in_reply_to": {"event_id": "$question"}}
    message = read(text("> <@she:x> !deletebot nano\n> really\n\nno", {"m.relates_to": relation}))
    assert (message.body, message.relates_to) == ("no", "$question")
    assert plain("> !deletebot nano", None, is_reply=False) == "> !deletebot nano"


NANO = "https://matrix.to/#/@nano:x"
ROOM = "https://matrix.to/#/!abcdefghijkl:x?via=x&via=y"


@pytest.mark.parametrize(
    ("body", "formatted", "read"),
    [
        ("!bot Nano", f'!bot <a href="{NANO}">Nano</a>', "!bot @nano:x"),
        ("!bot My 👾 pal", f'!bot <a href="{NANO}">My 👾 pal</a>', "!bot @nano:x"),
        ("!bot a<b", f'!bot <a href="{NANO}">a&lt;b</a>', "!bot @nano:x"),
        ("!bot bot", f'!bot <a href="{NANO}">bot</a>', "!bot @nano:x"),
        ("!newbot o Mine", f'!newbot <a href="{NANO}">o</a> Mine', "!newbot @nano:x Mine"),
        ("!bot Nano", f'<p>!bot <a href="{NANO}"><b>Nano</b></a></p>', "!bot @nano:x"),
        ("!bot Nano", '!bot <a href="https://matrix.to/#/%40nano%3Ax">Nano</a>', "!bot @nano:x"),
        ("!bot\nNano", f'!bot<br>\n<a href="{NANO}">Nano</a>', "!bot\n@nano:x"),
        (
            "me: bot a",
            f'<a href="{NANO}">me</a>: bot <a href="{NANO}">a</a>',
            "@nano:x: bot @nano:x",
        ),
        (f"!bot [Nano]({NANO})", f'!bot <a href="{NANO}">Nano</a>', "!bot @nano:x"),
        (f"!bot [bot]({NANO})", f'!bot <a href="{NANO}">bot</a>', "!bot @nano:x"),
        (
            "!join a Lounge",
            f'!join a <a href="{ROOM.replace("&", "&amp;")}">Lounge</a>',
            f"!join a {ROOM}",
        ),
        ("!join a #b:x", '!join a <a href="https://matrix.to/#/#b:x">#b:x</a>', None),
        ("!bot x", '!bot <a href="https://example.org">x</a>', "!bot x"),
        ("!bot x", '!bot <a href="https://matrix.to/#/$x">x</a>', "!bot x"),
        ("!bot x", f'!bot <a href="{NANO}"></a>x', "!bot x"),
        ("!bot x", f'!bot <a href="{NANO}">somebody</a>', "!bot x"),
    ],
)
def test_a_pill_is_the_account_or_room_behind_the_name_that_it_shows(
    body: str, formatted: str, read: str | None
) -> None:
    expected = read or "!join a https://matrix.to/#/#b:x"
    assert plain(body, formatted, is_reply=False) == expected


def test_a_pill_in_what_a_reply_quotes_is_not_typed() -> None:
    quoted = f'<mx-reply><a href="{NANO}">bot</a> said</mx-reply>!bot x'
    assert plain("> <@nano:x> bot said\n\n!bot x", quoted, is_reply=True) == "!bot x"


def test_a_reaction_proves_nothing_of_its_sender() -> None:
    """It travels in clear, so anybody on the server's side can forge it."""
    relation = {"rel_type": "m.annotation", "event_id": "$question", "key": "✅\ufe0f"}
    found = event("m.reaction", {"m.relates_to": relation})
    assert isinstance(found, ReactionEvent)
    found.decrypted = True
    message = reaction_of(found, "!r", AT)

    assert (message.kind, message.body, message.relates_to) == (REACTION, "✅", "$question")
    assert (message.encrypted, message.trusted, message.confirmed) == (False, False, "")


@pytest.mark.parametrize(("age_s", "said"), [(90, 90), (0, 0), (-3600, 0)])
def test_its_age_is_by_the_homeservers_clock_and_never_less_than_nothing(
    age_s: float, said: int
) -> None:
    assert read(text("!ping", age_s=age_s)).age_s == said


def test_a_message_grows_older_while_it_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also across a restart: else what waited for a day would be as fresh as on its first."""
    message = read(text("!ping", age_s=90), megolm="key session 7")
    again = Incoming.from_json(message.to_json())
    assert again == message
    assert again.megolm == "key session 7"
    later = now() + timedelta(hours=2)
    monkeypatch.setattr(incoming, "now", lambda: later)
    assert again.age() >= timedelta(hours=2, seconds=89)
    earlier = later - timedelta(days=1)
    monkeypatch.setattr(incoming, "now", lambda: earlier)
    assert again.age() == timedelta(seconds=90), "a clock that was set back makes nothing younger"


def test_a_step_of_a_comparison_belongs_to_the_request_that_it_names() -> None:
    relation = {"m.relates_to": {"rel_type": "m.reference", "event_id": "$request"}}
    step = step_of(event("m.key.verification.start", relation), "!r")
    assert step
    assert (step.kind, step.transaction) == ("start", "$request")
    request = {"msgtype": "m.key.verification.request", "body": "?"}
    asked = step_of(event("m.room.message", request), "!r")
    assert asked
    assert (asked.kind, asked.transaction) == ("request", "$e")


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("m.room.message", {"msgtype": "m.key.verification.start", "body": "?"}),
        ("m.key.verification.start", {"m.relates_to": {"event_id": "$e"}}),
        ("m.key.verification.request", {"m.relates_to": {"event_id": "$other"}}),
        ("m.key.verification.start", {}),
        ("org.example.else", {"m.relates_to": {"event_id": "$request"}}),
    ],
)
def test_what_is_no_step(kind: str, content: JSON) -> None:
    assert step_of(event(kind, content), "!r") is None


PNG: JSON = {"msgtype": "m.image", "body": "a.png", "url": "mxc://x.org/a"}
FILE: JSON = {**PNG, "msgtype": "m.file", "info": {"mimetype": "image/png"}}


@pytest.mark.parametrize(
    ("content", "caption"),
    [
        (PNG, ""),
        (FILE, ""),
        ({**PNG, "filename": "a.png"}, ""),
        ({**PNG, "filename": "a.png", "body": "!setpic nano"}, "!setpic nano"),
        ({**PNG, "body": "!setpic nano"}, ""),  # the name of a file commands nothing
    ],
)
def test_a_picture_and_its_caption(content: JSON, caption: str) -> None:
    found = event("m.room.message", content)
    message = picture_of(found, "!r", AT, device="PHONE", megolm=None)
    assert message
    assert (message.kind, message.body, message.relates_to) == (PICTURE, caption, "$e")
    assert "mxc:" not in message.to_json()


@pytest.mark.parametrize(
    "content",
    [
        {**FILE, "info": {"mimetype": "text/html"}},
        {**FILE, "info": None},
        {**PNG, "msgtype": "m.video"},
        {**PNG, "m.relates_to": {"rel_type": "m.replace", "event_id": "$old"}},
    ],
)
def test_other_files_and_edits_are_no_pictures(content: JSON) -> None:
    found = event("m.room.message", content)
    assert picture_of(found, "!r", AT, device="PHONE", megolm=None) is None
