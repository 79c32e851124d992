"""Matrix ids as values; the forms of tokens and URLs, no wider than a card may hold. No I/O.

People paste a card's lines into a shell: nothing accepted here has a meaning to a shell.
"""

import hashlib
import json
import re
import secrets
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from slugify import slugify
from slugify.special import PRE_TRANSLATIONS

from adminbot.errors import UsageError
from adminbot.values.text import one_line, safe_to_quote

MOST_OF_A_USER_ID = 255  # bytes
_LOCALPART = re.compile(r"[a-z0-9=_.\-/+]+")
_OLD_LOCALPART = re.compile(r"[A-Za-z0-9=_.\-/+]+")
# White space and control characters would end a line; half of a surrogate pair is no UTF-8.
_NOT_IN_A_USER_ID = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_ROOM_ID = re.compile(r"![!-~]{1,254}")
# A host (or an IPv6 address) and a port. Source: appendices, "Server name".
SERVER_NAME = r"(?:[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?"
_SERVER = re.compile(SERVER_NAME)
_APP_NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DEVICE_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
# Synapse: `syt_` and base64 (handlers/auth.py, generate_access_token), macaroons of old; MAS:
# letters, digits and `_`. RFC 6750 has `~` beside, which a shell takes for a home directory.
_TOKEN = re.compile(r"[A-Za-z0-9._+/=\-]{1,1024}")
# A scheme, a server (container names may have a `_`), a path.
_URL = re.compile(
    r"https?://(?:[A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~%/\-]*)?",
    re.IGNORECASE,
)
_MOST_OF_A_URL = 500
# Without the letters and digits that look alike on a phone.
_READABLE = "ABCDEFGHJKMNPQRSTVWXYZ23456789"


@dataclass(frozen=True, slots=True, order=True)
class UserId:
    """`@localpart:server`; the server is `host` or `host:port`."""

    localpart: str
    server: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a full user id, also of an old account (capitals, odd characters).

        Raises ValueError.

        Source: Matrix specification, appendices, "User Identifiers".
        """
        # At the first colon: a port makes a second colon, in the server's name.
        localpart, colon, server = text.removeprefix("@").partition(":")
        whole = text.startswith("@") and colon and localpart and _SERVER.fullmatch(server)
        if not whole or _NOT_IN_A_USER_ID.search(text):
            raise ValueError(f"not a Matrix user id: {text!r}")
        return cls(localpart, server)

    def __str__(self) -> str:
        return f"@{self.localpart}:{self.server}"


@dataclass(frozen=True, slots=True)
class BotName:
    """A localpart that Synapse accepts for a new account.

    `changed_from`: the typed name if `parse` had to change it, else empty.
    """

    localpart: str
    changed_from: str = ""

    @classmethod
    def parse(cls, typed: str, server: str, *, command: str = "newbot") -> Self:
        """Make a localpart of a typed name: lower case, `-` for spaces, no `@`, no `:server`.

        Letters of other alphabets are written in Latin letters, ü as ue. `command`: for the hint.

        The rules are Synapse's own (`handlers/register.py`, check_username), in words.

        Raises:
            UsageError: the name cannot be used; the text says which rule the name breaks.
        """
        bare = typed.strip().removeprefix("@")
        bare, colon, of_server = bare.partition(":")
        if colon and of_server != server:
            raise UsageError(
                f"I make accounts on {server} only.",
                f"Type the name alone: `!{command} {_closest(_in_latin(bare).lower())}`",
            )
        name = re.sub(r"\s+", "-", _in_latin(bare.strip())).lower()
        problem = _problem(name, server)
        if problem:
            raise UsageError(
                f"“{safe_to_quote(bare, 40)}” cannot be a name: {problem}. Nothing was made.",
                f"For example: `!{command} {_closest(name)}`",
            )
        return cls(name, changed_from="" if name == bare else bare)


def _in_latin(text: str) -> str:
    """The letters of `text` in ASCII; signs, and letters that have no Latin form, stay."""
    text = unicodedata.normalize("NFC", text)
    return re.sub(r"[^\W\d_a-zA-Z]+", lambda it: _latin(it[0]) or it[0], text)


def _latin(word: str) -> str:
    # German before the general table, which makes u of ü.
    return slugify(word, replacements=PRE_TRANSLATIONS)


def _problem(name: str, server: str) -> str:
    """Why Synapse would refuse a localpart; empty if Synapse would not."""
    if not name:
        return "it is empty"
    wrong = sorted(set(re.sub(_LOCALPART, "", name)))
    if wrong:
        listed = " ".join("back-ticks" if c == "`" else one_line(c) for c in wrong[:8])
        return f"only a-z 0-9 . _ - = / + are allowed, not {listed}"
    if name.startswith("_"):
        return "it may not begin with _"
    if name.isdigit():
        return "it may not be all digits"
    # The limit counts bytes. Both parts are ASCII here, so the text may say characters.
    if len(f"@{name}:{server}".encode()) > MOST_OF_A_USER_ID:
        return f"with the server's name it may have {MOST_OF_A_USER_ID} characters at most"
    return ""


def _closest(name: str) -> str:
    letters = "".join(_LOCALPART.findall(name)).lstrip("_-")[:40]
    if not letters:
        return "nanobot"
    return f"bot{letters}" if letters.isdigit() else letters


def names_like(name: str) -> Iterator[str]:
    """Other names to try where one is taken: nano2, nano3 and so on; nano3 goes on from nano2."""
    stem = re.sub(r"(?<=[^0-9])[0-9]{1,2}$", "", name)
    first = int(name[len(stem) :] or 1) + 1
    return (f"{stem}{number}" for number in range(first, first + 9))


def new_device_id(name: str) -> str:
    """A readable device id with a random end, such as `NANOBOT7K2Q`, to repeat no earlier id.

    At least ten characters of A-Z 0-9, as MAS would demand.
    """
    stem = re.sub(r"[^A-Z0-9]", "", name.upper())[:16]
    tail = "".join(secrets.choice(_READABLE) for _ in range(max(4, 10 - len(stem))))
    return stem + tail


def is_localpart(text: str) -> bool:
    """Whether `text` has the characters of a localpart, or capitals as in old accounts."""
    return bool(_OLD_LOCALPART.fullmatch(text))


def is_device_id(text: str) -> bool:
    """Whether `text` is a device id as we accept: 1 to 64 of A-Z a-z 0-9 _ -."""
    # Stricter than the server: Synapse takes any 512 characters, and the card would carry those.
    return bool(_DEVICE_ID.fullmatch(text))


def parse_device_id(text: str) -> str:
    """Raises UsageError unless `is_device_id`."""
    if not is_device_id(text):
        raise UsageError(
            "A device id is 1 to 64 of A-Z a-z 0-9 _ - here. Nothing was made.",
            "Leave it out, and I pick one.",
        )
    return text


def is_app_name(text: str) -> bool:
    """Whether `text` can be the name of an app profile, such as `matrix-commander`."""
    return bool(_APP_NAME.fullmatch(text))


def is_room_id(text: str) -> bool:
    """Whether `text` can be a room id of any room version, in visible ASCII."""
    return bool(_ROOM_ID.fullmatch(text))


def is_token(text: str) -> bool:
    """Whether `text` can be an access token of Synapse or MAS."""
    return bool(_TOKEN.fullmatch(text))


def txn_id(kind: str, *parts: object) -> str:
    """The transaction id of an event: the same for the same parts, and for no other parts.

    A server does not send an event whose transaction id the same device has used before, but
    answers with the earlier event. Hence a hash: two events may share a checksum by chance.

    Source: client-server API, "Transaction identifiers".
    """
    # As JSON, so that ("a b", "c") and ("a", "b c") differ.
    told_apart = json.dumps([str(part) for part in parts])
    return f"{kind}-{hashlib.sha256(told_apart.encode()).hexdigest()[:32]}"


def parse_url(text: str) -> str:
    """A base URL without a trailing slash, the scheme in lower case. Raises ValueError."""
    url = text.strip()
    if len(url) > _MOST_OF_A_URL or not _URL.fullmatch(url):
        raise ValueError("not a base URL")
    parts = urlsplit(url)
    if not parts.hostname or not parts.hostname.strip("."):
        raise ValueError("not a base URL")
    _ = parts.port  # a port out of range raises ValueError here
    return f"{parts.scheme}{url[len(parts.scheme) :]}".rstrip("/")
