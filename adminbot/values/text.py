"""What others wrote, made fit to be shown: in the chat, in the shell, in the log. Pure.

A server, a client and a person can write text that hides, turns round or ends a line. A name
loses that (`safe_to_quote`); of an id it is shown (`shown_id`), so that no two ids look the same.
"""

import hashlib
import re
import unicodedata

# Control, format (bidi, zero-width, tags), half, private and unassigned characters.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_BREAKS = ("Zl", "Zp")
# Letters, marks and symbols that show nothing: a combining joiner, Khmer vowels, variation
# selectors. Source: Unicode's DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
_NOTHING = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef\U00016fe4]"
)
# And those that show an empty place: Hangul fillers, an empty Braille cell, a null notehead.
_BLANK = re.compile("[\u115f\u1160\u2800\u3164\uffa0\U0001d159]")
_IN_AN_ID = re.compile(r"[A-Za-z0-9_.~:=+/@!#%-]")
# Up to room version 11 with the server that made it; since then 43 letters of base64.
_ROOM_ID = re.compile(r"![^\s:]{10,}:\S+|![\w-]{43}")


def safe_to_quote(text: str, most: int = 30) -> str:
    """Somebody's text, fit to be repeated: short, on one line, all of it seen, without marks."""
    text = re.sub(r"[`*\s\x00-\x20\x7f-\x9f]+", " ", _BLANK.sub(" ", _NOTHING.sub("", text)))
    text = "".join(c for c in text if unicodedata.category(c) not in _UNSEEN)
    text = re.sub(" +", " ", text).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def shown_id(text: str, most: int = 64) -> str:
    """An id in plain letters: another id is another text, also where it looked the same.

    What is not plain is escaped as Python would (`\\u0430`), and so is what would be taken for a
    command; a long one ends in its hash.
    """
    shown = "".join(c if _IN_AN_ID.fullmatch(c) else _escape(c) for c in text)
    if is_command(shown):
        shown = _escape("!") + shown[1:]
    if len(shown) <= most:
        return shown
    ending = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{shown[: most - len(ending) - 1]}…{ending}"


def is_command(code: str) -> bool:
    """Whether what a text of ours shows as code is a command: a room id begins with `!`, too."""
    return code.startswith("!") and not _ROOM_ID.fullmatch(code)


def code_of(text: object) -> str:
    """An errcode, or a code of the kind, without what none has; maybe empty."""
    kept = "".join(c for c in str(text)[:1000] if c.isascii() and (c.isalnum() or c in "._"))
    return kept[:60]


def one_line(text: str) -> str:
    """The same on one line, with escapes for whatever is not seen: for a log."""
    return "".join(_escape(c) if _is_unseen(c) else c for c in text)


def _is_unseen(char: str) -> bool:
    category = unicodedata.category(char)
    return category in (*_UNSEEN, *_BREAKS) or bool(_NOTHING.match(char) or _BLANK.match(char))


def _escape(char: str) -> str:
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def format_duration(seconds: int) -> str:
    """`4 min 38 s`, `2 h`, `3 d`: at most two units, whole numbers."""
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
