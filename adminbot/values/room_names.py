"""How a person names a room: its id, an alias, or a link to it. Pure.

Source: appendices, "Room IDs", "Room aliases", "Navigation" (matrix.to and `matrix:` links).
"""

import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import parse_qs, unquote

from adminbot.errors import UsageError
from adminbot.values.ids import SERVER_NAME
from adminbot.values.text import safe_to_quote

# Narrower than the specification: a card may carry it into a shell.
_ID = re.compile(rf"![\w\-]{{10,100}}(?::{SERVER_NAME})?", re.ASCII)
_ALIAS = re.compile(rf"#[\w.=+/~\-]{{1,200}}:{SERVER_NAME}")
_LINK = re.compile(
    r"(?:https?://[^/?#]+/#/|https?://matrix\.to/#/)(?P<what>[^?]+)(?P<query>\?.*)?"
)
_MATRIX = re.compile(r"matrix:(?P<kind>roomid|r)/(?P<what>[^?]+)(?P<query>\?.*)?")
_MOST = 2000


@dataclass(frozen=True, slots=True)
class RoomName:
    """A room as typed: `text` is an id or an alias; `via`: servers that know the room."""

    text: str
    via: tuple[str, ...] = ()

    @property
    def is_alias(self) -> bool:
        return self.text.startswith("#")

    @classmethod
    def parse(cls, typed: str) -> Self:
        """Raises UsageError: neither id, nor alias, nor link."""
        text, query = typed.strip()[:_MOST], ""
        if link := _LINK.fullmatch(text):
            text, query = unquote(link["what"]).rstrip("/"), link["query"] or ""
            text = text.removeprefix("room/")  # Element's own links
        elif uri := _MATRIX.fullmatch(text):
            sign = "!" if uri["kind"] == "roomid" else "#"
            text, query = sign + unquote(uri["what"]), uri["query"] or ""
        if not (_ID.fullmatch(text) or _ALIAS.fullmatch(text)):
            raise UsageError(
                f"“{safe_to_quote(typed, 40)}” names no room. Nothing was changed.",
                "Type its id (`!abc…`), its alias (`#name:server`), or the link that your app "
                "gives you under “Share room”.",
            )
        servers = parse_qs(query.removeprefix("?")).get("via", [])
        return cls(text, tuple(it for it in servers if re.fullmatch(SERVER_NAME, it))[:3])
