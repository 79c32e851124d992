"""The account backend: everything adminbot can do to accounts of a homeserver, step by step.

A method is a step of an act ("a new token in place") and not a request: another server may do in
one request what takes three on Synapse. An implementation notes each change (`NotedAct.step`)
before the request. The docstrings promise what is true if the process dies in between.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Protocol

from adminbot.accounts.act import Act, NotedAct
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import (
    AccountState,
    Device,
    PersonSeen,
    Removal,
    RoomFacts,
    Session,
    SigningUp,
    SignUpToken,
)
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

TakeOver = Callable[[Session], Awaitable[None]]

# The step that every `make` notes before the request that makes the account: after a crash later
# than this note, nobody knows whether there is an account.
MAKE = "make the account"


class Can(Enum):
    """Abilities that some kinds of accounts lack; the value ends "Accounts on this server …"."""

    PASSWORD = "have no password"  # noqa: S105 (words of a sentence)
    SIGN_UP = "have no sign-up tokens"
    ADDRESSES = "do not show where they are used from"


@dataclass(frozen=True, slots=True)
class Target:
    """The account and device to open a session for; `display_name` is shown for both."""

    user_id: UserId
    device_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Login:
    """A new session, and the account's new password (None where accounts have no passwords)."""

    session: Session
    password: Secret | None


@dataclass(slots=True)
class Attempt:
    """The making of one account, over restarts.

    `may_be_ours`: this attempt may have made an account of the name, since a request succeeded, an
    answer was lost, or an earlier run was cut off.
    """

    may_be_ours: bool = False


class AccountBackend(Protocol):
    """One kind of account. Every method may raise HomeserverError, and AccountGone where named.

    `can`: the abilities of this kind.
    """

    can: frozenset[Can]

    # -- making

    async def check_name_free(self, user_id: UserId) -> None:
        """Look whether an account could be made. Advisory: somebody else can be faster.

        Raises:
            NameTaken: the account exists, or existed once.
            UsageError: the name is reserved, or breaks a rule of the server.
        """

    async def make(self, target: Target, act: Act, attempt: Attempt) -> Login:
        """Make an account with a first session, whatever the network does.

        An account from before is never touched. `attempt` is kept up to date, also when an error
        is raised.

        If the process dies anywhere in here, there is no account, or an account with no device but
        the target's; nobody has the token and the password. `is_ours` tells such an account from
        somebody else's: the second run takes the account over, and the first token dies.

        Raises:
            NameTaken: somebody else has the name. Unless an outcome is unknown, the refusal is
                final, however new and empty the account looks.
            Refused: a lockdown came into a long wait.
        """

    async def is_ours(self, target: Target, attempt: Attempt) -> bool:
        """Whether the present account of this name came of `attempt`. One or two reads."""

    async def make_person(
        self, target: Target, password: Secret, act: Act, attempt: Attempt
    ) -> None:
        """Make an account for a person, with a password and without a session.

        An account from before is never touched. The target's device id is empty. If the process
        dies in here, there is no account, or an account without sessions: `is_ours` knows it, and
        the second run gives it another password. Only where `can` has PASSWORD.

        Raises:
            NameTaken: somebody else has the name.
        """

    # -- sessions

    async def renew(
        self, target: Target, act: Act, take_over: TakeOver | None = None, *, meanwhile: str = ""
    ) -> Login:
        """Open a new session on an existing device: the keys stay, every older token dies.

        If the process dies in here, the older token may live or be dead, and nobody has a newer
        token. The second run makes everything anew, and kills the first run's token, too.

        Args:
            take_over: called with the new session, when we use the older token ourselves: before
                the older token dies, where the kind of account allows, and right after otherwise.
            meanwhile: said to the person about the older token, in case of a long wait.

        Raises:
            Refused: a lockdown came into a long wait.
        """

    async def start_afresh(self, target: Target, act: Act) -> Login:
        """Sign everything out, devices and keys included, and open the target's (new) device.

        If the process dies in here, the account is unchanged, or has no session, or has only a
        session on the target's device whose token nobody has. The second run ends such a session
        with the rest.

        Raises:
            Refused: a lockdown came into a long wait.
        """

    async def sign_out(self, user_id: UserId, act: NotedAct) -> None:
        """End every session, with devices and keys; the account stays. Never sleeps.

        If the process dies in here, any number of sessions is ended; the second run ends all.

        Raises:
            AccountGone, Protected: nothing was changed.
        """

    async def end_session(self, user_id: UserId, device_id: str, act: NotedAct) -> None:
        """End one session, with its device and keys; the others stay. Never sleeps.

        If the process dies in here, the session lives or not. An ended session is no error.

        Raises:
            AccountGone, Protected: nothing was changed.
        """

    async def remove_messages(self, user_id: UserId, act: NotedAct) -> Removal:
        """Remove what the account has written, as far as the server does that for us.

        Waits some seconds at most: the server goes on by itself, also once the account is closed.
        After a crash in here the server removes them, or has not begun. A second run is safe.
        """

    async def close(self, user_id: UserId, act: NotedAct, *, erase: bool = False) -> None:
        """Close the account for good; the name stays taken. Never sleeps.

        `erase`: name and picture go, too, as far as the server does that.

        If the process dies in here, the account is open or closed. Closing a closed or missing
        account is no error.
        """

    async def lock(self, user_id: UserId, act: NotedAct) -> None:
        """Let no session of the account do anything until `unlock`; all sessions stay.

        One request: if the process dies before the answer, the account may be locked. Locking a
        locked account is no error.

        Raises:
            AccountGone: nothing was changed.
        """

    async def unlock(self, user_id: UserId, act: NotedAct) -> None:
        """Undo `lock`: the same tokens work again. Crashes and errors: as for `lock`."""

    async def set_password(
        self, user_id: UserId, password: Secret, act: NotedAct, *, keep_sessions: bool
    ) -> None:
        """Give the account a password. Only where `can` has PASSWORD.

        One request: if the process dies before the answer, the older or the new password is
        valid. Without `keep_sessions` the same request ends every session.

        Raises:
            AccountGone: nothing was changed.
        """

    def acting_as(self, user_id: UserId) -> AbstractAsyncContextManager[ClientApi]:
        """Act as the account during the block, over a session without a device.

        The end of the block ends the session. If the process dies earlier, the session ends by
        itself within two minutes.

        Raises:
            Paused: the account is locked; nothing was changed.
        """

    # -- signing up; only where `can` has SIGN_UP

    async def sign_up_tokens(self) -> list[SignUpToken]:
        """The tokens with which people can register now."""

    async def make_sign_up_token(
        self, token: Secret, act: NotedAct, *, uses: int, until: datetime
    ) -> None:
        """Let so many people register with `token`. To make the same token twice is no error."""

    async def drop_sign_up_token(self, token: Secret, act: NotedAct) -> None:
        """Let nobody register with a token any more. A missing token is no error."""

    async def signing_up(self) -> SigningUp:
        """Who can make an account for themselves. Never a HomeserverError."""

    # -- our own account

    async def open_device(self, user_id: UserId, device_id: str) -> Session:
        """Open a session for our own account on a new device, by the right of our present session.

        If the process dies in here, the device may exist with a token that nobody has. A second
        run with the same device id makes no second device.
        """

    async def drop_device(self, user_id: UserId, device_id: str) -> None:
        """End our own session on another device. One request; a missing device is no error."""

    # -- looking

    async def devices(self, user_id: UserId) -> list[Device]:
        """The account's sessions. Raises AccountGone."""

    async def find(self, user_id: UserId) -> AccountState | None:
        """The account's state on the server; None if there is no such account."""

    async def names_with(self, text: str) -> list[str]:
        """Some localparts of accounts with `text` in their name, as far as can be looked up."""

    async def is_reserved(self, user_id: UserId) -> bool:
        """Whether the name is set aside for a bridge (application service), or for the server."""

    async def people(self, word: str, *, start: int, count: int) -> tuple[list[PersonSeen], int]:
        """Some people's accounts by name, and how many there are; see `SynapsePeople.page`."""

    async def rooms(self, user_id: UserId) -> list[str]:
        """The ids of the rooms that the account is in."""

    async def room(self, room_id: str) -> RoomFacts:
        """What a room is like; of a room that the server does not know, only the id."""

    async def addresses(self, user_id: UserId) -> list[str]:
        """The IP addresses the account was used from. Only where `can` has ADDRESSES.

        Raises AccountGone.
        """
