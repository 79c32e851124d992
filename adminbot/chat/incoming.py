"""Events from the chat as values, and which events become a value. No I/O."""

import html
import json
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypedDict, Unpack
from urllib.parse import unquote

from nio import Event, ReactionEvent, RoomMessageText

from adminbot.values.clock import now

TEXT = "text"
PICTURE = "picture"
REACTION = "reaction"
VERIFICATION = "m.key.verification."
REQUEST = f"{VERIFICATION}request"
# Bounded, and with one way to fit: 60 kB of what is nearly a pill must not take seconds.
_PILL = re.compile(
    r'<a href="(https://matrix\.to/#/[^"]{1,2000})">(.{0,1000}?)</a>',
    re.DOTALL,
)
# A pill as some apps write it into the plain text.
_LINKED = re.compile(r"\[[^\]\n]{0,200}\]\((https://matrix\.to/#/[^)\s]{1,2000})\)")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message or a reaction of a person.

    `kind`: TEXT, PICTURE or REACTION. `body`: the text, a picture's caption, or the key of the
    reaction. `encrypted`: the
    message came encrypted; `trusted`: by one of the sender's trusted devices, `device`; `megolm`:
    "sender_key session_id index" of the encryption. `relates_to`: the event id that a reply or a
    reaction is about. `confirmed`: the message answered a question, and has become the command
    line (`body`) that the question was about; here is what was confirmed, such as a bot's name.
    `chosen`: the message was a tap on a suggestion, and has become the suggested command line.
    `age_s`: seconds from the sending to our first sight of the message, by the homeserver's
    clock; `seen_at`: when that was, by ours.
    """

    event_id: str
    room_id: str
    sender: str
    kind: str
    body: str
    encrypted: bool = False
    trusted: bool = False
    device: str = ""
    relates_to: str = ""
    confirmed: str = ""
    chosen: bool = False
    megolm: str | None = None
    age_s: int = 0
    seen_at: str = field(default_factory=lambda: now().isoformat())

    @property
    def about(self) -> str:
        """The event id for the answer to reply to: for a tap, the tapped message."""
        return self.relates_to if self.kind == REACTION else self.event_id

    def age(self) -> timedelta:
        """The present age."""
        since = now() - datetime.fromisoformat(self.seen_at)
        return timedelta(seconds=self.age_s) + max(since, timedelta())

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Step:
    """One event of an emoji verification in a room (client-server API, "Key verification").

    `kind`: request, ready, start, accept, key, mac, done or cancel. `transaction`: the event id of
    the request. Element Web (matrix-js-sdk) sends all these events in clear, also in encrypted
    rooms, so the sender is unproven: only the comparison proves the sender. A `from_device` that
    counts is one of the sender's trusted devices (`RoomView.trusted_devices`).
    """

    event_id: str
    room_id: str
    sender: str
    kind: str
    transaction: str
    content: dict[str, Any]
    sent_at: datetime


def step_of(event: Event, room_id: str) -> Step | None:
    """The step in an event of a verification; None for any other event."""
    content: Any = event.source.get("content")
    if not isinstance(content, dict):
        return None
    kind, transaction = event.source.get("type"), None
    if kind == "m.room.message":
        kind, transaction = content.get("msgtype"), event.event_id
    elif isinstance(relation := content.get("m.relates_to"), dict):
        transaction = relation.get("event_id")
    if not isinstance(kind, str) or not isinstance(transaction, str):
        return None
    if not kind.startswith(VERIFICATION) or (kind == REQUEST) != (transaction == event.event_id):
        return None
    return Step(
        event_id=event.event_id,
        room_id=room_id,
        sender=event.sender,
        kind=kind.removeprefix(VERIFICATION),
        transaction=transaction,
        content=content,
        sent_at=datetime.fromtimestamp(event.server_timestamp / 1000, UTC),
    )


class Proof(TypedDict):
    """What proves who wrote an event.

    `device`: the trusted device, empty if none did; `megolm`: see Incoming.
    """

    device: str
    megolm: str | None


def text_of(
    event: RoomMessageText, room_id: str, at: datetime, **proof: Unpack[Proof]
) -> Incoming | None:
    """A person's text, seen `at` the homeserver's time; None for an edit, never a command."""
    content = event.source.get("content", {})
    if _is_edit(content):
        return None
    relation = content.get("m.relates_to")
    relation = relation if isinstance(relation, dict) else {}
    reply = relation.get("m.in_reply_to")
    reply_to = reply.get("event_id") if isinstance(reply, dict) else None
    body = plain(event.body, event.formatted_body, is_reply=bool(reply_to))
    about = reply_to if isinstance(reply_to, str) else ""
    return _incoming(event, room_id, at, TEXT, body, about, proof)


def picture_of(
    event: Event, room_id: str, at: datetime, **proof: Unpack[Proof]
) -> Incoming | None:
    """A person's picture; None for another file or an edit. A caption may be a command about it.

    Source: client-server API, `m.image` ("Media captions": a `filename` beside the body).
    """
    content = event.source.get("content", {})
    if not is_picture(content) or _is_edit(content):
        return None
    body, name = content.get("body"), content.get("filename")
    has_caption = isinstance(body, str) and isinstance(name, str) and body != name
    caption = plain(str(body), None, is_reply=False) if has_caption else ""
    return _incoming(event, room_id, at, PICTURE, caption, event.event_id, proof)


def _incoming(
    event: Event, room_id: str, at: datetime, kind: str, body: str, about: str, proof: Proof
) -> Incoming:
    return Incoming(
        event_id=event.event_id,
        room_id=room_id,
        sender=event.sender,
        kind=kind,
        body=body,
        encrypted=bool(event.decrypted),
        trusted=bool(proof["device"]),
        device=proof["device"],
        relates_to=about,
        megolm=proof["megolm"],
        age_s=_age_s(event, at),
    )


def _is_edit(content: dict[str, Any]) -> bool:
    relation = content.get("m.relates_to")
    return isinstance(relation, dict) and relation.get("rel_type") == "m.replace"


def is_picture(content: object) -> bool:
    """Whether an m.room.message has a picture; what the file really is, its content must tell."""
    if not isinstance(content, dict):
        return False
    info = content.get("info")
    kind = str(info.get("mimetype", "")) if isinstance(info, dict) else ""
    is_file = content.get("msgtype") == "m.file" and kind.startswith("image/")
    return content.get("msgtype") == "m.image" or is_file


def reaction_of(event: ReactionEvent, room_id: str, at: datetime) -> Incoming:
    """Reactions travel in clear, as in every client: the sender is unproven."""
    return Incoming(
        event_id=event.event_id,
        room_id=room_id,
        sender=event.sender,
        kind=REACTION,
        body=str(event.key).replace("\ufe0f", ""),
        relates_to=str(event.reacts_to),
        age_s=_age_s(event, at),
    )


def _age_s(event: Event, at: datetime) -> int:
    """Both times are the homeserver's, so that our own clock plays no part."""
    return max(0, int(at.timestamp() - event.server_timestamp / 1000))


def plain(body: str, formatted: str | None, *, is_reply: bool) -> str:
    """The typed text without a quoted reply, with pills as user ids, or as links to rooms."""
    formatted = formatted or ""
    if is_reply:
        lines = body.split("\n")
        while lines and lines[0].startswith(("> ", ">")):
            lines.pop(0)
        body = "\n".join(lines)
        formatted = formatted.rpartition("</mx-reply>")[2]
    body = _with_ids(body.strip(), formatted)
    # Half a character (a lone surrogate) can neither be stored nor sent.
    return body.encode("utf-8", "replace").decode().strip()


def _with_ids(body: str, formatted: str) -> str:
    """Each pill's name replaced where the pill is: `!bot bot` is about a bot that is called so."""
    linked, count = _LINKED.subn(lambda it: _meant_by(it[1]) or it[0], body)
    if count:
        return linked
    done, at, read = list[str](), 0, 0  # `at`: so far in the body, `read`: in the HTML
    for pill in _PILL.finditer(formatted):
        name, between = _shown(pill[2]), _shown(formatted[read : pill.start()])
        read = pill.end()
        begin = at + len(between)
        if not body.startswith(name, begin):  # an app that writes the two texts differently
            begin = body.find(name, at)
        meant = _meant_by(html.unescape(pill[1]))
        if name and begin >= 0:
            done += [body[at:begin], meant or name]
            at = begin + len(name)
    return "".join([*done, body[at:]])


def _meant_by(link: str) -> str:
    """The user id in a matrix.to link; of a room the whole link, with its servers; else empty."""
    what, _, _ = link.removeprefix("https://matrix.to/#/").partition("?")
    what = unquote(what)
    if what.startswith("@"):
        return what
    return link if what.startswith(("#", "!")) else ""


def _shown(formatted: str) -> str:
    """What is seen of a piece of HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", re.sub(r"<br ?/?>", "\n", formatted)))
