"""Our texts → the content of Matrix messages. Pure.

Texts use two marks: `code` and **bold**. The marks become HTML in `formatted_body`; the plain body
keeps the words and loses the marks. Code beginning with `!` is a command, whatever the prefix of
commands is on this server: only `Message.content` puts the prefix in.
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
# A blank before a sign that ends a line: the sign shall not wrap onto a line of its own.
_LONE_SIGN = re.compile("(?<=[\\w>]) (?=[\U0001f300-\U0001faff\u2600-\u27bf]\ufe0f?(?:<br>|$))")
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


@dataclass(frozen=True, slots=True)
class Message:
    """A message to be sent to a room.

    `kind`: the msgtype. `reply_to`, `edits`: event ids. `rings`: the people whose phones shall
    ring, in a room with others; a private chat rings anyway, and clients paint a mention like an
    alarm. Without `has_marks` the text is sent letter by letter.
    """

    kind: str
    text: str
    reply_to: str | None = None
    rings: tuple[UserId, ...] = ()
    edits: str | None = None
    has_marks: bool = True

    def content(self, prefix: str) -> dict[str, Any]:
        """The content of an m.room.message event, with this server's prefix of commands."""
        words, formatted = (plain, as_html) if self.has_marks else (_as_it_is, _as_code)
        content: dict[str, Any] = {
            "msgtype": self.kind,
            "body": words(self.text, prefix),
            "format": "org.matrix.custom.html",
            "formatted_body": formatted(self.text, prefix),
            # Clients ring for m.mentions (MSC3952), whether the text names the person or not. An
            # empty one says that a user id in the text is no mention: without, it paints it red.
            "m.mentions": {"user_ids": list(map(str, self.rings))} if self.rings else {},
        }
        if self.reply_to:
            content["m.relates_to"] = {"m.in_reply_to": {"event_id": self.reply_to}}
        return _edit_of(self.edits, content) if self.edits else content


def _edit_of(event_id: str, content: dict[str, Any]) -> dict[str, Any]:
    # "* …" is for clients without edits. Source: client-server API, "Event replacements".
    return content | {
        "body": f"* {content['body']}",
        "m.new_content": content,
        "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
    }


def notice(text: str, *, reply_to: str | None = None) -> Message:
    """An answer: `m.notice` rings no phone, and other bots ignore it."""
    return Message("m.notice", text, reply_to=reply_to)


def ringing(text: str, *others: UserId) -> Message:
    """A card's first message, or an alarm: `m.text`, which rings in a private chat.

    `others`: whom to mention, where the room is no private chat.
    """
    return Message("m.text", text, rings=others)


def new_notice(event_id: str, text: str) -> Message:
    """An `m.replace` of our own notice."""
    return Message("m.notice", text, edits=event_id)


def edit(event_id: str, text: str) -> Message:
    """An `m.replace` of our own ringing message; rings no phone."""
    return Message("m.text", text, edits=event_id)


def block(text: str) -> Message:
    """The second message of a card: nothing but the lines to paste."""
    return Message("m.text", text, has_marks=False)


def _as_it_is(text: str, prefix: str) -> str:
    return text


def _as_code(text: str, prefix: str) -> str:
    """Each line in a `<code>` of its own: monospaced, wrapped, and never a link.

    In `<pre>` phones cut lines off. Element keeps the spaces at the beginning of a `<code>`.
    """
    lines = (html.escape(line, quote=False) for line in text.split("\n"))
    return "<br>".join(f"<code>{line}</code>" if line else "" for line in lines)


def plain(text: str, prefix: str = "!") -> str:
    """A text's words without the marks."""
    return _each(
        text,
        code=lambda words: _called(words, prefix),
        rest=lambda words: _BOLD.sub(r"\1", words),
    )


def as_html(text: str, prefix: str = "!") -> str:
    """A text as HTML: lines beginning with `• ` become a list, other lines end in `<br>`."""
    # Escaped before the marks become tags, and the prefix, too: no text can bring tags of its own.
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
    # A list stands apart by itself: a line break before or after would be an empty line more.
    joined = joined.replace("<br><ul>", "<ul>").replace("</ul><br>", "</ul>")
    return _LONE_SIGN.sub("\u00a0", joined.removesuffix("<br>"))


def _each(text: str, *, code: Callable[[str], str], rest: Callable[[str], str]) -> str:
    """Apply `code` to the words between back-ticks and `rest` to all others."""
    pieces = _CODE.split(text)  # with its one group, `split` returns rest and code in turns
    return "".join(code(piece) if i % 2 else rest(piece) for i, piece in enumerate(pieces))


def _called(words: str, prefix: str) -> str:
    """Code for display: in a command, this server's prefix in place of `!`."""
    return prefix + words[1:] if is_command(words) else words


def ago(moment: datetime) -> str:
    """How long ago `moment` was, in the largest unit only: `3 d`."""
    passed_s = max(1, round((now() - moment).total_seconds()))
    return " ".join(format_duration(passed_s).split(" ")[:2])
