"""Matrix ids as values: one that exists is well-formed. No I/O."""

import re
import secrets
from dataclasses import dataclass
from typing import Self

from adminbot.errors import UsageError, shortened

_MAX_USER_ID_BYTES = 255
_LOCALPART = re.compile(r"[a-z0-9=_.\-/+]+")
# Would end a line, or cannot be sent: white space, control characters, half characters.
_NOT_IN_A_USER_ID = re.compile(r"[\s\x00-\x1f\x7f\ud800-\udfff]")
_DEVICE_ID = re.compile(r"[A-Za-z0-9_\-]{1,64}")
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
        whole = text.startswith("@") and colon and localpart and server
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
                f"“{shortened(bare, 40)}” cannot be a name: {problem}. Nothing was made.",
                f"For example: `!newbot {_closest(name)}`",
            )
        return cls(name, changed_from="" if name == bare else bare)


def _problem(name: str, server: str) -> str:
    """Why Synapse would refuse this localpart; empty if it would not."""
    if not name:
        return "it is empty"
    wrong = sorted(set(re.sub(_LOCALPART, "", name)))
    if wrong:
        said = " ".join(wrong[:8]).replace("`", "back-ticks")  # one would begin a code
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


def parse_device_id(text: str) -> str:
    """Raises UsageError unless it is 1 to 64 of A-Z a-z 0-9 _ -."""
    if not _DEVICE_ID.fullmatch(text):
        raise UsageError("A device id is 1 to 64 of A-Z a-z 0-9 _ - here.")
    return text
