"""Reply text → Matrix message content. Pure.

Texts use two marks: `code` and **bold**. They become HTML for clients that show it; the plain
body keeps the words and loses the marks.
"""

import html
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import format_duration

_CODE = re.compile(r"`([^`\n]+)`")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


def plain(text: str) -> str:
    """The words without the marks."""
    return _each(text, code=str, rest=lambda words: _BOLD.sub(r"\1", words))


def as_html(text: str) -> str:
    """Lines that begin with `• ` become a list, the rest are lines."""
    out: list[str] = []
    for line in text.split("\n"):
        marked = _each(
            html.escape(line, quote=False),
            code=lambda words: f"<code>{words}</code>",
            rest=lambda words: _BOLD.sub(r"<b>\1</b>", words),
        )
        out.append(f"<li>{marked[2:]}</li>" if line.startswith("• ") else f"{marked}<br>")
    joined = re.sub(r"(?:<li>.*?</li>)+", lambda run: f"<ul>{run[0]}</ul>", "".join(out))
    return joined.replace("<br><ul>", "<ul>").removesuffix("<br>")


def _each(text: str, *, code: Callable[[str], str], rest: Callable[[str], str]) -> str:
    """Apply `code` to what stands between back-ticks and `rest` to everything else."""
    pieces = _CODE.split(text)
    return "".join(code(piece) if i % 2 else rest(piece) for i, piece in enumerate(pieces))


def ago(moment: datetime) -> str:
    """How long ago that was, such as `3 d`: the largest unit is enough."""
    passed_s = max(1, round((now() - moment).total_seconds()))
    return " ".join(format_duration(passed_s).split(" ")[:2])


def notice(text: str, *, reply_to: str | None = None) -> dict[str, Any]:
    """An answer: `m.notice`, which rings no phone and which other bots ignore."""
    return _message("m.notice", text, reply_to)


def ringing(text: str, reader: UserId) -> dict[str, Any]:
    """A card's first message, or an alarm: `m.text` with a mention, so that the phone rings."""
    return _message("m.text", text, None) | {"m.mentions": {"user_ids": [str(reader)]}}


def block(text: str) -> dict[str, Any]:
    """The second message of a card: nothing but what is to be pasted."""
    return {"msgtype": "m.text", "body": text}


def _message(kind: str, text: str, reply_to: str | None) -> dict[str, Any]:
    content: dict[str, Any] = {
        "msgtype": kind,
        "body": plain(text),
        "format": "org.matrix.custom.html",
        "formatted_body": as_html(text),
    }
    if reply_to:
        content["m.relates_to"] = {"m.in_reply_to": {"event_id": reply_to}}
    return content
