"""Everything that may be said to a person when something goes wrong.

AdminbotError                     str(exc) and .hint are safe to show in a room or a shell
├── UsageError                    the person typed something that cannot be used
├── NameTaken                     the account exists already
├── NotManaged                    no bot of that name was made here
├── Refused                       it may not be done now, or not by a command
│   └── Superseded                a brake on the same account came after it
├── StateError                    our own state cannot be written or read just now
├── ConfigError                   start-up: the settings are wrong, all of them named
├── SetupError                    start-up: the account or the data directory is not usable
│   ├── MasNotSupported           the server delegates its accounts to MAS
│   ├── WrongServer               no homeserver that can be used is at that URL: .may_pass
│   ├── WrongCredential           setup and login: what was given to do it with does not do
│   ├── WrongName                 setup: the bot cannot be called that
│   ├── WrongKey                  restore: the backup does not open with it
│   └── WrongAdmin                setup: an admin that was named cannot be one
├── NotDeliverable                a secret has no safe way to its reader
├── ForeignIdentity               the account's cross-signing identity was made by somebody else
├── ReplacedIdentity              the one that counted for the account was replaced by another
└── HomeserverError               Synapse answered, and the answer is no: .errcode, .status
    ├── RateLimited               not now: .retry_after
    ├── TokenRejected             the access token is not (or no longer) valid
    ├── NotServerAdmin            our own account may not use the admin API (any more)
    ├── AccountGone               the account that it is about is not there (any more)
    └── HomeserverUnreachable     no usable answer: whether the request was carried out is unknown

A text never holds an upstream body, a path with a secret in it, or a secret.
"""

import math
from datetime import timedelta
from typing import Any

from adminbot.values.text import format_duration, safe_to_quote

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

    def message(self) -> str:
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
        super().__init__(f"{safe_to_quote(str(name))} is not one of my bots, so I leave it alone.")
        self.hint = "`!bots` lists mine."


class Refused(AdminbotError):
    """It may not be done now, or not by a command; nothing was changed."""


class Superseded(Refused):
    """An act that gave way to a brake on the same account."""

    def __init__(self, user_id: object, brake: str) -> None:
        super().__init__(
            f"Meanwhile `!{brake}` of `{user_id}` was confirmed, so I gave this up. What became "
            "of that, its own answer says."
        )


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


class WrongServer(SetupError):
    """No homeserver that can be used is at that URL; `may_pass`: perhaps only just now."""

    def __init__(self, text: str, hint: str = "", *, may_pass: bool = False) -> None:
        super().__init__(text, hint)
        self.may_pass = may_pass


class WrongCredential(SetupError):
    """What setup or login was given to do it with does not do; nothing was made by it."""


class WrongName(SetupError):
    """An account of the name that the bot was to have is there already."""


class WrongKey(SetupError):
    """A backup does not open with this ADMINBOT_STORE_KEY."""


class WrongAdmin(SetupError):
    """A user id that was named as an admin cannot be one."""


class NotDeliverable(AdminbotError):
    """A secret has no safe way to its reader."""


class ForeignIdentity(AdminbotError):
    """The account has a cross-signing identity that was not made here."""

    def __init__(self, user_id: object) -> None:
        super().__init__(
            f"{user_id} has a cross-signing identity that I did not make, so I cannot sign for it."
        )
        self.hint = "Its program signs its devices itself, or you verify it by emoji."


# Of a managed bot, by whether its program makes the identity itself.
IDENTITY_THAT_COUNTS = {False: "the one that I made for it", True: "the one that it had before"}


class ReplacedIdentity(AdminbotError):
    """A managed bot's account has another cross-signing identity than the one that counts."""

    def __init__(self, user_id: object, *, own_identity: bool = False) -> None:
        super().__init__(
            f"{user_id} shows another cross-signing identity than "
            f"{IDENTITY_THAT_COUNTS[own_identity]}, so I sign nothing for it."
        )
        self.hint = (
            "Ask whoever runs its program, not on this server. If the program did that itself, "
            f"whoever runs the server types `adminbot trust {user_id}`. If not, somebody has "
            "power over that account who should not: `!revoke NAME` signs it out."
        )


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
            f"Synapse asks me to wait {format_duration(seconds)}.",
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


class NotServerAdmin(HomeserverError):
    """The admin API refuses us: our account is no server admin (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "My account is no server admin any more, so Synapse's admin API refuses me.",
            errcode="M_FORBIDDEN",
            status=403,
        )
        self.hint = "Another server admin can mend that: docs/setup.md, “The admin flag”."


class AccountGone(HomeserverError):
    """The homeserver knows no account of that name (any more)."""

    def __init__(self) -> None:
        super().__init__(
            "That account is not on the server any more.", errcode="M_NOT_FOUND", status=404
        )
        self.hint = "`!deletebot NAME` takes it off my list."


class HomeserverUnreachable(HomeserverError):
    """No usable answer; whether the request was carried out is unknown."""

    def __init__(self, why: str) -> None:
        super().__init__(f"The homeserver gave no usable answer ({why}).")
        self.hint = "Send it again in a minute."
