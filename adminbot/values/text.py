"""Other people's text, made fit to be shown: in the chat, in the shell, in the log. Pure.

A server, a client and a person can write characters that hide, turn round or end a line. A name
loses such characters (`safe_to_quote`). An id shows them escaped (`shown_id`), so that no two ids
look the same.
"""

import hashlib
import re
import unicodedata
from datetime import timedelta

# Unicode categories: control, format (bidi, zero-width, tags), surrogate, private, unassigned.
_UNSEEN = ("Cc", "Cf", "Cs", "Co", "Cn")
_BREAKS = ("Zl", "Zp")
# Letters, marks and symbols that show nothing: a combining joiner, Khmer vowels, variation
# selectors. Source: Unicode's DerivedCoreProperties.txt, Default_Ignorable_Code_Point.
_NOTHING = re.compile(
    "[\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef\U00016fe4]"
)
# Characters that show an empty place: Hangul fillers, an empty Braille cell, a null notehead.
_BLANK = re.compile("[\u115f\u1160\u2800\u3164\uffa0\U0001d159]")
# What keyboards and pasted text put between letters, where nobody sees it and nobody meant it:
# zero-width space, word joiner, byte order mark, soft hyphen, direction marks and isolates. Not
# the joiners that scripts and emoji are written with, and not the overrides, which hide what
# stands there: those are refused in a name.
_UNMEANT = dict.fromkeys(
    map(
        ord, "\u200b\u2060\ufeff\u00ad\u061c\u200e\u200f\u202a\u202b\u202c\u2066\u2067\u2068\u2069"
    )
)
# Unseen, but parts of what is seen: joiners, and whether a sign is meant as text or as emoji.
_PARTS_OF_SIGNS = "\u200c\u200d\ufe0e\ufe0f"
# The wide forms of ASCII, which East Asian keyboards type.
_WIDE = {wide: wide - 0xFEE0 for wide in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}
_IN_AN_ID = re.compile(r"[A-Za-z0-9_.~:=+/@!#%-]")
# Up to room version 11 an opaque part and the server's name; since version 12 the 43 letters of a
# hash in URL-safe base64.
_ROOM_ID = re.compile(r"![^\s:]{10,}:\S+|![\w-]{43}")


_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
# `3h`, `3 h`, `1h30m`, `45 min`, `2 weeks`; `m` is for minutes: nobody watches a bot by months.
_DURATION = re.compile(
    r"(?P<count>\d{1,6}) *(?P<unit>s(?:ecs?|econds?)?|m(?:ins?|inutes?)?|h(?:rs?|ours?)?"
    r"|d(?:ays?)?|w(?:eeks?|ks?)?)(?![a-z]) *",
    re.ASCII,
)

_LONGEST = timedelta(days=36_500)  # before now that is still a date


def safe_to_quote(text: str, most: int = 30) -> str:
    """Somebody's text, fit to be quoted: short, on one line, all visible, without our marks."""
    text = re.sub(r"[`*\s\x00-\x20\x7f-\x9f]+", " ", _BLANK.sub(" ", _NOTHING.sub("", text)))
    text = "".join(c for c in text if unicodedata.category(c) not in _UNSEEN)
    text = re.sub(" +", " ", text).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def is_seen_whole(text: str) -> bool:
    """Whether a text is one line that shows something, and hides nothing."""
    hides = any(_is_unseen(c) for c in text if c not in _PARTS_OF_SIGNS)
    return not hides and bool(text.strip(_PARTS_OF_SIGNS + " "))


def folded(text: str) -> str:
    """A text as compared with what somebody looks for: capitals and forms of letters are one."""
    return unicodedata.normalize("NFKC", text).casefold()


def as_meant(text: str) -> str:
    """What a person typed, without the unseen characters that nobody means."""
    return text.translate(_UNMEANT)


def half_width(text: str) -> str:
    """Letters, digits and signs of ASCII that were typed in their wide form, in ASCII."""
    return text.translate(_WIDE)


def shown_id(text: str, most: int = 64) -> str:
    """An id in plain ASCII: two ids never give the same text, even if they looked alike.

    Other characters are escaped as Python would (`\\u0430`), and so is a `!` that would make a
    command; a long id is cut and ends in a hash of the id.
    """
    shown = "".join(c if _IN_AN_ID.fullmatch(c) else _escape(c) for c in text)
    if is_command(shown):
        shown = _escape("!") + shown[1:]
    if len(shown) <= most:
        return shown
    ending = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{shown[: most - len(ending) - 1]}…{ending}"


def is_command(code: str) -> bool:
    """Whether code in a text of ours is a command; a room id begins with `!`, too."""
    return code.startswith("!") and not _ROOM_ID.fullmatch(code)


def code_of(text: object) -> str:
    """An errcode of a server, reduced to ASCII letters, digits, `.` and `_`; maybe empty."""
    code = "".join(c for c in str(text)[:1000] if c.isascii() and (c.isalnum() or c in "._"))
    return code[:60]


def one_line(text: str) -> str:
    """A text on one line, for a log: all invisible characters escaped."""
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


def duration_of(text: str) -> timedelta | None:
    """The duration that a person typed, in any case: `3h`, `90 d`, `1h 30min`; None if none.

    At most a hundred years.
    """
    # With one way to fit: what was typed may be long.
    words, at, total = text.strip().lower(), 0, timedelta()
    while total < _LONGEST and (found := _DURATION.match(words, at)):
        total += timedelta(seconds=int(found["count"]) * _UNITS_S[found["unit"][0]])
        at = found.end()
    return min(total, _LONGEST) if words and at == len(words) else None
