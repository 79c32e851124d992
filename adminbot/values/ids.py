"""Matrix ids as values, and what a token and a URL look like: no more than fits on a card. No I/O.

A card is lines that people put into a shell: none of these holds what means something there.
"""

import hashlib
import json
import re
import secrets
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from adminbot.errors import UsageError
from adminbot.values.text import one_line, safe_to_quote

_MAX_USER_ID_BYTES = 255
_LOCALPART = re.compile(r"[a-z0-9=_.\-/+]+")
_OLD_LOCALPART = re.compile(r"[A-Za-z0-9=_.\-/+]+")
# Would end a line, or cannot be sent: white space, control characters, half characters.
_NOT_IN_A_USER_ID = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_ROOM_ID = re.compile(r"![!-~]{1,254}")
# A host (or an IPv6 address) and a port. Source: appendices, "Server name".
_SERVER = re.compile(r"(?:[A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
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
    """`@localpart:server`; server is a host, or host:port."""

    localpart: str
    server: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises ValueError for anything that is not a full user id."""
        localpart, colon, server = text.removeprefix("@").partition(":")
        whole = text.startswith("@") and colon and localpart and _SERVER.fullmatch(server)
        if not whole or _NOT_IN_A_USER_ID.search(text):
            raise ValueError(f"not a Matrix user id: {text!r}")
        return cls(localpart, server)

    def __str__(self) -> str:
        return f"@{self.localpart}:{self.server}"


@dataclass(frozen=True, slots=True)
class BotName:
    """A localpart that Synapse accepts for a new account, and what was changed to get it."""

    localpart: str
    changed_from: str = ""

    @classmethod
    def parse(cls, typed: str, server: str) -> Self:
        """Make a localpart of what was typed: lower case, `-` for spaces, no `@`, no `:server`.

        The rules are Synapse's own (`handlers/register.py`, check_username), in words.

        Raises:
            UsageError: it cannot be used; the text says which rule it breaks.
        """
        bare = typed.strip().removeprefix("@")
        bare, colon, of_server = bare.partition(":")
        if colon and of_server != server:
            raise UsageError(
                f"I make accounts on {server} only.",
                f"Type the name alone: `!newbot {_closest(bare.lower())}`",
            )
        name = re.sub(r"\s+", "-", bare.strip()).lower()
        problem = _problem(name, server)
        if problem:
            raise UsageError(
                f"“{safe_to_quote(bare, 40)}” cannot be a name: {problem}. Nothing was made.",
                f"For example: `!newbot {_closest(name)}`",
            )
        return cls(name, changed_from="" if name == bare else bare)


def _problem(name: str, server: str) -> str:
    """Why Synapse would refuse this localpart; empty if it would not."""
    if not name:
        return "it is empty"
    wrong = sorted(set(re.sub(_LOCALPART, "", name)))
    if wrong:
        said = " ".join("back-ticks" if c == "`" else one_line(c) for c in wrong[:8])
        return f"only a-z 0-9 . _ - = / + are allowed, not {said}"
    if name.startswith("_"):
        return "it may not begin with _"
    if name.isdigit():
        return "it may not be all digits"
    if len(f"@{name}:{server}".encode()) > _MAX_USER_ID_BYTES:
        return f"with the server's name it may have {_MAX_USER_ID_BYTES} characters at most"
    return ""


def _closest(name: str) -> str:
    kept = "".join(_LOCALPART.findall(name)).lstrip("_-")[:40]
    if not kept:
        return "nanobot"
    return f"bot{kept}" if kept.isdigit() else kept


def new_device_id(name: str) -> str:
    """A readable device id that no earlier device had: `NANOBOT7K2Q`.

    At least ten characters of A-Z 0-9, which MAS would ask for, too.
    """
    stem = re.sub(r"[^A-Z0-9]", "", name.upper())[:16]
    tail = "".join(secrets.choice(_READABLE) for _ in range(max(4, 10 - len(stem))))
    return stem + tail


def is_localpart(text: str) -> bool:
    """Whether a new account could have it, but for capitals, which old ones may have."""
    return bool(_OLD_LOCALPART.fullmatch(text))


def is_device_id(text: str) -> bool:
    """Whether it is one that we give: 1 to 64 of A-Z a-z 0-9 _ -."""
    return bool(_DEVICE_ID.fullmatch(text))


def parse_device_id(text: str) -> str:
    """Raises UsageError unless it is 1 to 64 of A-Z a-z 0-9 _ -."""
    if not is_device_id(text):
        raise UsageError("A device id is 1 to 64 of A-Z a-z 0-9 _ - here.")
    return text


def is_room_id(text: str) -> bool:
    """Whether it can be a room's id, of any room version, in letters that are seen."""
    return bool(_ROOM_ID.fullmatch(text))


def is_token(text: str) -> bool:
    """Whether it can be an access token, of Synapse or MAS."""
    return bool(_TOKEN.fullmatch(text))


def txn_id(kind: str, *parts: object) -> str:
    """The transaction id of an event: always the same for the same parts, and for no others.

    An event whose id the server has had from this device before is not sent: the server takes it
    for the earlier one. Hence no checksum, which two of them may share by chance.
    """
    told_apart = json.dumps([str(part) for part in parts])
    return f"{kind}-{hashlib.sha256(told_apart.encode()).hexdigest()[:32]}"


def parse_url(text: str) -> str:
    """A base URL without its trailing slash, its scheme in lower case. Raises ValueError."""
    url = text.strip()
    if len(url) > _MOST_OF_A_URL or not _URL.fullmatch(url):
        raise ValueError("not a base URL")
    parts = urlsplit(url)
    if not parts.hostname or not parts.hostname.strip("."):
        raise ValueError("not a base URL")
    _ = parts.port  # a port out of range raises ValueError here
    return f"{parts.scheme}{url[len(parts.scheme) :]}".rstrip("/")
