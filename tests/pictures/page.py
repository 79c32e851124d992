"""What a person received in a room → a page 390 px wide: bubbles, quotes, chips. Pure.

The page shows what a strict client would: a shield where there is one, a message that cannot be
read, an answer to something that is no message. It has no scripts, and may load nothing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from tests.human import Seen
from tests.pictures.sanitise import escaped, sanitised

WIDTH = 390
_STYLE = (Path(__file__).parent / "page.css").read_text()
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_MESSAGES = {"m.room.message", "m.room.encrypted"}  # the latter: not readable, or redacted


@dataclass(frozen=True, slots=True)
class Chat:
    """A room as one person sees it. `names`: what the people in it are called, by user id."""

    title: str
    me: str
    names: Mapping[str, str]
    events: Sequence[Seen]

    def called(self, user_id: str) -> str:
        return self.names.get(user_id) or user_id


def page(chat: Chat) -> str:
    """The whole page; each message is an element of class `message`."""
    return (
        "<!doctype html><meta charset=utf-8>"
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<meta name=viewport content='width={WIDTH}'><style>{_STYLE}</style>"
        f"<body><header>{_face(chat.title)}<h1>{escape(chat.title)}</h1></header>"
        f"<main>{''.join(_groups(chat))}</main>"
    )


def _groups(chat: Chat) -> Iterator[str]:
    """What somebody said without being interrupted stands below one name."""
    for sender, said in groupby(filter(_is_drawn, chat.events), lambda seen: seen.sender):
        whose = "mine" if sender == chat.me else "theirs"
        name = chat.called(sender)
        messages = list(said)
        at = datetime.fromtimestamp(messages[0].ts / 1000, UTC)
        head = "" if whose == "mine" else f"{_face(name)}<b>{escape(name)}</b>"
        yield f'<section class="{whose}"><h2>{head}<time>{at:%H:%M}</time></h2>'
        yield from (_message(seen, chat) for seen in messages)
        yield "</section>"


def _is_drawn(seen: Seen) -> bool:
    return seen.type in _MESSAGES and (seen.relates_to or {}).get("rel_type") != "m.replace"


def _message(seen: Seen, chat: Chat) -> str:
    content = now(seen)
    kinds = ["message"]
    if content.get("msgtype") == "m.notice":
        kinds.append("notice")
    if chat.me in content.get("m.mentions", {}).get("user_ids", []) and not seen.redacted:
        kinds.append("mention")
    edited = '<span class="edited"> (edited)</span>' if seen.new_content else ""
    bubble = f"{_quote(seen, chat)}{_said(seen)}{'' if seen.redacted else edited}{_shield(seen)}"
    chips = "".join(_chips(seen, chat))
    return (
        f'<article class="{" ".join(kinds)}"><div class="bubble">{bubble}</div>'
        f"{chips and f'<footer>{chips}</footer>'}</article>"
    )


def now(seen: Seen) -> dict[str, Any]:
    """The content as it stands: what the newest edit made of it."""
    return seen.new_content or seen.content


def _said(seen: Seen) -> str:
    if seen.redacted:
        return '<i class="faint">Message deleted</i>'
    if not seen.readable:
        return f'<i class="bad">Unable to decrypt: {escape(seen.failure or "no key yet")}</i>'
    content = now(seen)
    if content.get("format") == "org.matrix.custom.html":
        return sanitised(str(content.get("formatted_body", "")))
    return escaped(str(content.get("body", "")))


def _shield(seen: Seen) -> str:
    """What is wrong with the sender's device, as Element's shield beside a message says it."""
    why = seen.shield_reason or seen.shield
    if seen.redacted or not seen.readable or seen.shield == "none":
        return ""
    return f'<div class="{"bad" if seen.shield == "red" else "faint"}">⛨ {escape(why)}</div>'


def _quote(seen: Seen, chat: Chat) -> str:
    """One line of the message that this one answers."""
    answered = (seen.relates_to or {}).get("m.in_reply_to", {}).get("event_id")
    if answered is None or seen.redacted:
        return ""
    other = next((each for each in chat.events if each.event_id == answered), None)
    if other is None or other.type not in _MESSAGES:
        return "<blockquote><i>This event could not be displayed</i></blockquote>"
    words = str(now(other).get("body", "")).partition("\n")[0]
    said = escape(words) if other.readable and not other.redacted else _said(other)
    return f"<blockquote><b>{escape(chat.called(other.sender))}</b>{said}</blockquote>"


def _chips(seen: Seen, chat: Chat) -> Iterator[str]:
    """Each reaction once, in the order of coming, with how many gave it."""
    given = [
        (str(relation.get("key", "")), each.sender)
        for each in chat.events
        if each.type == "m.reaction" and not each.redacted and (relation := each.relates_to)
        if relation.get("event_id") == seen.event_id
    ]
    for key, count in Counter(key for key, _ in given).items():
        mine = ' class="tapped"' if (key, chat.me) in given else ""
        yield f"<span{mine}>{escape(key)} <small>{count}</small></span>"


def _face(name: str) -> str:
    """What stands in for an avatar: the name's first letter."""
    letter = next((char for char in name if char.isalnum()), "?")
    return f'<span class="face">{escape(letter.upper())}</span>'
