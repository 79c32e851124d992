"""`formatted_body` → HTML that can be drawn: the tags that Matrix allows, and nothing of the rest.

Source: client-server API, "m.room.message msgtypes", for the tags and for where links may lead.
"""

import re
from html import escape
from html.parser import HTMLParser

_TAGS = """
a b blockquote br caption code del details div em h1 h2 h3 h4 h5 h6 hr i li ol p pre s span strong
sub summary sup table tbody td th thead tr u ul
"""
ALLOWED = frozenset(_TAGS.split())
_EMPTY = {"br", "hr"}
# Gone with all that is in them; any other tag goes alone, and its words stay.
_SWALLOWED = {"mx-reply", "script", "style", "title", "textarea", "iframe"}
_SCHEME = re.compile(r"(?:https?|ftp|mailto|magnet):", re.IGNORECASE)
# What clients make a link of by themselves: a URL, a user id.
_LINK = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)]|@[\w.=/+-]+:[\w.-]+\w(?::\d+)?")


def sanitised(formatted: str) -> str:
    """The body with balanced, allowed tags; attributes go, but for where a link leads."""
    reader = _Reader()
    reader.feed(formatted)
    reader.close()
    return reader.result()


def escaped(body: str) -> str:
    """A plain body, letter by letter; what clients make a link of is one."""
    return _linked(body).replace("\n", "<br>")


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._open: list[str] = []
        self._swallowing: list[str] = []

    def result(self) -> str:
        return "".join(self._out + [f"</{tag}>" for tag in reversed(self._open)])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SWALLOWED:
            self._swallowing.append(tag)
        if self._swallowing or tag not in ALLOWED:
            return
        href = dict(attrs).get("href") or ""
        link = f' href="{escape(href)}"' if tag == "a" and _SCHEME.match(href) else ""
        self._out.append(f"<{tag}{link}>")
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._swallowing:
            if tag == self._swallowing[-1]:
                self._swallowing.pop()
        elif tag in self._open:
            while (closing := self._open.pop()) != tag:
                self._out.append(f"</{closing}>")
            self._out.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if not self._swallowing:
            in_link = {"a", "code", "pre"} & set(self._open)
            self._out.append(escape(data) if in_link else _linked(data))


def _linked(text: str) -> str:
    out, end = "", 0
    for found in _LINK.finditer(text):
        out += f"{escape(text[end : found.start()])}<a>{escape(found[0])}</a>"
        end = found.end()
    return out + escape(text[end:])
