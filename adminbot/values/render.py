"""What is said → Matrix message content. Pure.

Texts use two marks: `code` and **bold**. They become HTML for clients that show it; the plain
body keeps the words and loses the marks. Code that begins with `!` is a command, whatever the
prefix of commands is on this server: `Message.content` is the one place that puts the prefix in.
"""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import format_duration, is_command

_CODE = re.compile(r"`([^`\n]+)`")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be said in a room.

    `kind`: its msgtype. `reply_to`, `edits`: event ids. `rings`: whose phone rings. Without
    `has_marks` the text is given letter by letter.
    """

    kind: str
    text: str
    reply_to: str | None = None
    rings: UserId | None = None
    edits: str | None = None
    has_marks: bool = True

    def content(self, prefix: str) -> dict[str, Any]:
        """The content of the event, which speaks of commands with this server's prefix."""
        content: dict[str, Any] = {"msgtype": self.kind, "body": self.text}
        if self.has_marks:
            content["body"] = plain(self.text, prefix)
            content["format"] = "org.matrix.custom.html"
            content["formatted_body"] = as_html(self.text, prefix)
        if self.reply_to:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": self.reply_to}}
        if self.rings:
            content["m.mentions"] = {"user_ids": [str(self.rings)]}
        return _edit_of(self.edits, content) if self.edits else content


def _edit_of(event_id: str, content: dict[str, Any]) -> dict[str, Any]:
    return content | {
        "body": f"* {content['body']}",
        "m.new_content": content,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }


def notice(text: str, *, reply_to: str | None = None) -> Message:
    """An answer: `m.notice`, which rings no phone and which other bots ignore."""
    return Message("m.notice", text, reply_to=reply_to)


def ringing(text: str, reader: UserId) -> Message:
    """A card's first message, or an alarm: `m.text` with a mention, so that the phone rings."""
    return Message("m.text", text, rings=reader)


def edit(event_id: str, text: str) -> Message:
    """An `m.replace` of a message of ours that rang; there is nothing to ring for any more."""
    return Message("m.text", text, edits=event_id)


def block(text: str) -> Message:
    """The second message of a card: nothing but what is to be pasted."""
    return Message("m.text", text, has_marks=False)


def plain(text: str, prefix: str = "!") -> str:
    """The words without the marks."""
    return _each(
        text,
        code=lambda words: _called(words, prefix),
        rest=lambda words: _BOLD.sub(r"\1", words),
    )


def as_html(text: str, prefix: str = "!") -> str:
    """Lines that begin with `• ` become a list, the rest are lines."""
    prefix = html.escape(prefix, quote=False)
    out: list[str] = []
    for line in text.split("\n"):
        marked = _each(
            html.escape(line, quote=False),
            code=lambda words: f"<code>{_called(words, prefix)}</code>",
            rest=lambda words: _BOLD.sub(r"<b>\1</b>", words),
        )
        out.append(f"<li>{marked[2:]}</li>" if line.startswith("• ") else f"{marked}<br>")
    joined = re.sub(r"(?:<li>.*?</li>)+", lambda run: f"<ul>{run[0]}</ul>", "".join(out))
    return joined.replace("<br><ul>", "<ul>").removesuffix("<br>")


def _each(text: str, *, code: Callable[[str], str], rest: Callable[[str], str]) -> str:
    """Apply `code` to what stands between back-ticks and `rest` to everything else."""
    pieces = _CODE.split(text)
    return "".join(code(piece) if i % 2 else rest(piece) for i, piece in enumerate(pieces))


def _called(words: str, prefix: str) -> str:
    """Code as it is shown: a command has the prefix of this server for its `!`."""
    return prefix + words[1:] if is_command(words) else words


def ago(moment: datetime) -> str:
    """How long ago that was, such as `3 d`: the largest unit is enough."""
    passed_s = max(1, round((now() - moment).total_seconds()))
    return " ".join(format_duration(passed_s).split(" ")[:2])
