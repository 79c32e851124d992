"""All foreseen errors, with texts for the person who meets them.

AdminbotError                     str(exc) and .hint are safe to show in a room or a shell
├── UsageError                    the person typed something unusable
│   └── UnknownCommand            no such command: .typed, .nearest
├── NameTaken                     the account exists already
├── NotManaged                    no bot of this name was made here: .typed, .nearest
├── NoSuchAccount                 the server has no account of this name: .typed, .nearest
├── Refused                       not allowed now, or not by a command
│   ├── LockedDown                a lockdown is on
│   ├── OffLimits                 our own account, or an admin's of ours
│   ├── Protected                 a server admin's account: no command changes that
│   ├── Paused                    the bot's account is locked
│   ├── TooManyChanges            one person asked for too many in a short time
│   ├── TooOld                    the command was sent long ago
│   └── Superseded                a brake on the same account came later than the act
├── StateError                    our own state cannot be written or read just now
├── ConfigError                   start-up: the settings are wrong, all of them named
├── SetupError                    start-up: the account or the data directory is not usable
│   ├── MasNotSupported           the server delegates its accounts to MAS
│   ├── WrongServer               no usable homeserver at the URL: .may_pass
│   ├── WrongCredential           setup and login: the given token or secret does not work
│   ├── WrongName                 setup: the bot cannot have the name
│   ├── WrongKey                  restore: the backup does not open with the store key
│   └── WrongAdmin                setup: a named person cannot be an admin
├── NotDeliverable                a secret has no safe way to its reader
├── ForeignIdentity               the account's cross-signing identity was made by somebody else
├── ReplacedIdentity              the account's cross-signing identity was replaced by another
└── HomeserverError               Synapse answered, and the answer is no: .errcode, .status
    ├── RateLimited               not now: .retry_after
    ├── TokenRejected             the access token is not (or no longer) valid
    ├── NotServerAdmin            our own account may not use the admin API (any more)
    ├── NoPasswords               passwords are switched off on the server
    ├── SlashUndone               a proxy takes a name with a / apart
    ├── AccountGone               the account in question does not exist (any more)
    └── HomeserverUnreachable     no usable answer: whether the request was carried out is unknown
        ├── GatewayTimeout        a proxy gave the request up (504)
        └── TooLarge              the answer is longer than we read

All are imported from here; the homeserver's own are in homeserver.py.
A text never holds an upstream body, a path with a secret in it, or a secret.
"""

from typing import TYPE_CHECKING

from adminbot.errors.base import (
    FIRST_ACCEPT as FIRST_ACCEPT,
    HOW_TO_RECOVER as HOW_TO_RECOVER,
    HOW_TO_VERIFY as HOW_TO_VERIFY,
    AdminbotError as AdminbotError,
    names_of as names_of,
)
from adminbot.errors.homeserver import (
    AccountGone as AccountGone,
    GatewayTimeout as GatewayTimeout,
    HomeserverError as HomeserverError,
    HomeserverUnreachable as HomeserverUnreachable,
    NoPasswords as NoPasswords,
    NotServerAdmin as NotServerAdmin,
    RateLimited as RateLimited,
    SlashUndone as SlashUndone,
    TokenRejected as TokenRejected,
    TooLarge as TooLarge,
)
from adminbot.values.text import safe_to_quote, shown_id

if TYPE_CHECKING:
    from adminbot.values.ids import UserId


class UsageError(AdminbotError):
    """The person typed something unusable; nothing was changed."""


class UnknownCommand(UsageError):
    """No command of this name; `nearest`: what may have been meant, the likeliest first."""

    def __init__(
        self, typed: str, *nearest: str, hint: str = "`!help` lists what I know."
    ) -> None:
        super().__init__(f"I know no `!{safe_to_quote(typed)}`.")
        self.hint = f"Did you mean `!{nearest[0]}`?" if nearest else hint
        self.typed = typed
        self.nearest = nearest


class NameTaken(AdminbotError):
    """The account exists already (or did once: a deactivated name stays taken).

    `whose`: the rest of the sentence that begins with the user id.
    """

    def __init__(
        self, user_id: object, suggestion: str = "", *, whose: str = "already exists"
    ) -> None:
        super().__init__(f"`{user_id}` {whose}. Nothing was changed.")
        self.hint = f"Pick another name: `!newbot {suggestion}`" if suggestion else ""


class NotManaged(AdminbotError):
    """No bot of this name was made by this adminbot; `nearest`: names of bots like it."""

    def __init__(self, typed: object, *nearest: str) -> None:
        # As typed: may hold control characters, our own marks, or a novel.
        quoted = safe_to_quote(str(typed))
        super().__init__(f"{quoted} is not one of my bots, so I leave it alone.")
        self.hint = f"Did you mean `{nearest[0]}`?" if nearest else "`!bots` lists mine."
        self.typed = str(typed)
        self.nearest = nearest


class NoSuchAccount(AdminbotError):
    """The server has no account of this name; `nearest`: names of accounts like it."""

    def __init__(self, user_id: object, typed: str, *nearest: str) -> None:
        super().__init__(
            f"There is no account `{shown_id(str(user_id))}` here. Nothing was changed."
        )
        others = "`!users` lists the people here."
        self.hint = f"Did you mean `{nearest[0]}`?" if nearest else others
        self.typed = typed
        self.nearest = nearest


class Refused(AdminbotError):
    """The act is not allowed now, or not by a command; nothing was changed."""


class LockedDown(Refused):
    """A lockdown is on."""


class OffLimits(Refused):
    """The account is our own, or one of our admins'."""


class TooManyChanges(Refused):
    """One person asked for too many changes in a short time."""


class TooOld(Refused):
    """The command was sent too long ago."""


class Protected(Refused):
    """The account is a server admin's."""

    def __init__(self, user_id: object) -> None:
        super().__init__(
            f"`{user_id}` is a server admin, so I leave that account alone. Nothing was changed.",
            "Whoever runs this server can take the admin flag from it.",
        )


class Paused(Refused):
    """The bot's account is locked: nobody can log in to it or act as it."""

    def __init__(self, user_id: "UserId") -> None:
        super().__init__(
            f"`{user_id}` is paused: its account is locked. Nothing was changed.",
            f"First: `!resume {user_id.localpart}`",
        )


class Superseded(Refused):
    """An act gave way to a brake on the same account; some steps may have been done."""

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
    """Some settings are wrong; the text names all wrong settings at once, and never a value."""


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
    """No usable homeserver is at the URL; `may_pass`: a later try may succeed."""

    def __init__(self, text: str, hint: str = "", *, may_pass: bool = False) -> None:
        super().__init__(text, hint)
        self.may_pass = may_pass


class WrongCredential(SetupError):
    """The token, password or secret given to setup or login does not work; nothing was made."""


class WrongName(SetupError):
    """The bot's intended name belongs to an account already."""


class WrongKey(SetupError):
    """A backup does not open with this ADMINBOT_STORE_KEY."""


class WrongAdmin(SetupError):
    """A user id named as an admin cannot be an admin."""


class NotDeliverable(AdminbotError):
    """A secret has no safe way to its reader."""


class ForeignIdentity(AdminbotError):
    """The account has a cross-signing identity not made here."""

    def __init__(self, user_id: object) -> None:
        super().__init__(
            f"{user_id} has a cross-signing identity that I did not make, so I cannot sign for it."
        )
        self.hint = "Its program signs its devices itself, or you verify it by emoji."


# The identity of a managed bot, by `Bot.own_identity`.
IDENTITY_THAT_COUNTS = {False: "the one that I made for it", True: "the one that it had before"}


class ReplacedIdentity(AdminbotError):
    """A managed bot's account shows another cross-signing identity than the one that counts."""

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
