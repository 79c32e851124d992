"""Everything that may be said to a person when something goes wrong.

AdminbotError                     str(exc) and .hint are safe to show in a room or a shell
├── UsageError                    the person typed something that cannot be used
├── NameTaken                     the account exists already
├── NotManaged                    no bot of that name was made here
├── Refused                       it may not be done now, or not by a command
├── StateError                    our own state cannot be written or read just now
├── ConfigError                   start-up: the settings are wrong, all of them named
├── SetupError                    start-up: the account or the data directory is not usable
│   └── MasNotSupported           the server delegates its accounts to MAS
├── NotDeliverable                a secret has no safe way to its reader
├── ForeignIdentity               the account's cross-signing identity was made by somebody else
└── HomeserverError               Synapse answered, and the answer is no: .errcode, .status
    ├── RateLimited               not now: .retry_after
    ├── TokenRejected             the access token is not (or no longer) valid
    └── HomeserverUnreachable     no usable answer: whether the request was carried out is unknown

A text never holds an upstream body, a path with a secret in it, or a secret.
"""

import math
import re
from datetime import timedelta
from typing import Any

# What more than one place says. Where Element keeps things depends on its version.
HOW_TO_RECOVER = "In Element: Settings → Encryption (older: Security & Privacy) → set up recovery."
FIRST_ACCEPT = "Accept my invitation to our private chat first."
HOW_TO_VERIFY = "In Element: Settings → Encryption (older: Sessions) → verify this device."


class AdminbotError(Exception):
    """Something foreseen went wrong; `str()` says what and why, `hint` what to do next."""

    hint = ""

    def __init__(self, text: str, hint: str = "") -> None:
        super().__init__(text)
        if hint:
            self.hint = hint

    def told(self) -> str:
        """What happened, why, and the next thing to do, in one line."""
        return f"{self} {self.hint}".strip()


class UsageError(AdminbotError):
    """The person typed something that cannot be used; nothing was changed."""


class NameTaken(AdminbotError):
    """The account exists already (or did once: a deactivated name stays taken)."""

    def __init__(self, user_id: object, suggestion: str = "") -> None:
        super().__init__(f"{user_id} already exists. Nothing was changed.")
        self.hint = f"Pick another name: `!newbot {suggestion}`" if suggestion else ""


class NotManaged(AdminbotError):
    """No bot of that name was made by this adminbot."""

    def __init__(self, name: object) -> None:
        super().__init__(f"{shortened(str(name))} is not one of my bots, so I leave it alone.")
        self.hint = "`!bots` lists mine."


class Refused(AdminbotError):
    """It may not be done now, or not by a command; nothing was changed."""


class StateError(AdminbotError):
    """Our own state cannot be written or read just now: a full disk, a lock, a broken file."""

    def __init__(self) -> None:
        super().__init__("I cannot write my own state just now (is the disk full?).")
        self.hint = "I go on by myself as soon as I can."


class ConfigError(AdminbotError):
    """The settings are wrong: names every wrong one at once, never a value."""


class SetupError(AdminbotError):
    """The bot's own account, identity or data directory cannot be used as it is."""


class MasNotSupported(SetupError):
    """Accounts are delegated to the Matrix Authentication Service."""

    def __init__(self) -> None:
        super().__init__(
            "This homeserver hands its accounts to MAS (Matrix Authentication Service), "
            "which adminbot does not support yet. Nothing was changed."
        )
        self.hint = "Use a Synapse that keeps its own accounts."


class NotDeliverable(AdminbotError):
    """A secret has no safe way to its reader."""


class ForeignIdentity(AdminbotError):
    """The account has a cross-signing identity that was not made here."""

    def __init__(self, user_id: object) -> None:
        super().__init__(
            f"{user_id} has a cross-signing identity that I did not make, so I cannot sign for it."
        )
        self.hint = "Its program signs its devices itself, or you verify it by emoji."


class HomeserverError(AdminbotError):
    """Synapse answered, and the answer is no."""

    def __init__(self, text: str, *, errcode: str = "M_UNKNOWN", status: int = 0) -> None:
        super().__init__(text)
        self.errcode = errcode
        self.status = status
        self.answer: dict[str, Any] = {}  # for code that reads on; never shown, never logged


class RateLimited(HomeserverError):
    """Synapse asks to come back later."""

    def __init__(self, retry_after: timedelta) -> None:
        seconds = max(1, math.ceil(retry_after.total_seconds()))
        super().__init__(
            f"Synapse asks me to wait {said_duration(seconds)}.",
            errcode="M_LIMIT_EXCEEDED",
            status=429,
        )
        self.retry_after = timedelta(seconds=seconds)
        self.hint = "Send it again after that."


class TokenRejected(HomeserverError):
    """The access token is not valid (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "The homeserver does not accept the access token.",
            errcode="M_UNKNOWN_TOKEN",
            status=401,
        )


class HomeserverUnreachable(HomeserverError):
    """No usable answer; whether the request was carried out is unknown."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The homeserver gave no usable answer ({why}).")
        self.hint = "Send it again in a minute."


def shortened(text: str, most: int = 30) -> str:
    """Somebody's text, fit to be repeated: short, on one line, no marks or control characters."""
    text = re.sub(r"[\x00-\x20\x7f-\x9f`*\s]+", " ", text).strip()
    return text if len(text) <= most else f"{text[: most - 1]}…"


def said_duration(seconds: int) -> str:
    """`4 min 38 s`, `2 h`, `3 d`: at most two units, whole numbers."""
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or "0 s"
