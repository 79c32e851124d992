"""The account backend: what a homeserver's accounts can have done to them, step by step.

A method is a step of an act ("a new token in place") and not a request: what Synapse needs three
requests for, another server does in one. An implementation notes each change (`NotedAct.step`)
before it makes the change outside. What is true if the process dies in between is promised here.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from adminbot.accounts.act import Act, NotedAct
from adminbot.errors import Refused
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import AccountState, Device, Session
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

TakeOver = Callable[[Session], Awaitable[None]]

# What every `make` notes before the request that makes the account: cut off after that, nobody
# knows whether there is an account.
MAKE = "make the account"


class Can(Enum):
    """What not every kind of account offers; the value completes "Accounts on this server …"."""

    PASSWORD = "have no password"  # noqa: S105 (words of a sentence)
    ADDRESSES = "do not show where they are used from"


@dataclass(frozen=True, slots=True)
class Target:
    """Which device of which account is to get a session, and the name that is shown for both."""

    user_id: UserId
    device_id: str
    display_name: str


@dataclass(frozen=True, slots=True)
class Login:
    """A new session, and the account's new password; None where accounts have no password."""

    session: Session
    password: Secret | None


@dataclass(slots=True)
class Attempt:
    """The making of one account, over restarts.

    `may_be_ours`: an account of that name may have come of this attempt, since an outcome is
    unknown: an answer was lost, or an earlier run was cut off.
    """

    may_be_ours: bool = False


class AccountBackend(Protocol):
    """One kind of account. Every method may raise HomeserverError, and AccountGone where it says.

    `can`: what this kind offers of what not every kind does.
    """

    can: frozenset[Can]

    # -- making

    async def check_name_free(self, user_id: UserId) -> None:
        """See whether an account could be made. Advisory: somebody else can be faster.

        Raises:
            NameTaken: the account exists, or did once.
            UsageError: the name is reserved, or breaks a rule.
        """

    async def make(self, target: Target, act: Act, attempt: Attempt) -> Login:
        """Make an account with its first session, whatever the network does.

        An account that was there before is never touched. `attempt` is kept up to date, also
        when this raises.

        If the process dies anywhere in here, there is no account, or an account without a device
        but the target's, whose token and password nobody has. `is_ours` tells such an account from
        somebody else's: run again, it is taken over, and that token dies.

        Raises:
            NameTaken: somebody else has the name. Where no outcome is unknown that is final,
                however new and empty the account looks.
            Refused: a lockdown came into a long wait.
        """

    async def is_ours(self, target: Target, attempt: Attempt) -> bool:
        """Whether the account that is there now came of this attempt. One or two reads."""

    # -- sessions

    async def renew(
        self, target: Target, act: Act, take_over: TakeOver | None = None, *, meanwhile: str = ""
    ) -> Login:
        """A new token for a device that exists: its keys stay, every older token dies.

        If the process dies in here, the older token may live or be dead, and nobody has a newer
        one. Run again, everything is made anew, and what an earlier run left behind is dead.

        Args:
            take_over: called with the new session, for who uses the older token: before that
                token dies, where the kind of account allows for it, and at once after otherwise.
            meanwhile: what a person is told of the older token if this has to wait.

        Raises:
            Refused: a lockdown came into a long wait.
        """

    async def start_afresh(self, target: Target, act: Act) -> Login:
        """Sign everything out, devices and keys included, and open the target's (new) device.

        If the process dies in here, the account is as it was, or has no session, or has one
        on the target's device whose token nobody has. Run again, that one is ended with the rest.

        Raises:
            Refused: a lockdown came into a long wait.
        """

    async def sign_out(self, user_id: UserId, act: NotedAct) -> None:
        """End every session, with devices and keys; the account stays. Never sleeps.

        If the process dies in here, any number of the sessions is ended; run again, all are.

        Raises:
            AccountGone: nothing was changed.
        """

    async def close(self, user_id: UserId, act: NotedAct) -> None:
        """Close the account for good; its name stays taken. Never sleeps.

        If the process dies in here, the account is open or closed. To close a closed account, or
        one that is gone, is no error.
        """

    async def lock(self, user_id: UserId, act: NotedAct) -> None:
        """Let no session of the account do anything until `unlock`; all of them stay.

        One request: if the process dies before its answer, the account may be locked. To lock
        a locked account is no error.

        Raises:
            AccountGone: nothing was changed.
        """

    async def unlock(self, user_id: UserId, act: NotedAct) -> None:
        """Undo `lock`: the same tokens work again. As for dying and errors, see there."""

    async def set_password(
        self, user_id: UserId, password: Secret, act: NotedAct, *, keep_sessions: bool
    ) -> None:
        """Give the account a password. Only where `can` has PASSWORD.

        One request: if the process dies before its answer, the older password or this one is
        valid. Without `keep_sessions` every session is ended by the same request.

        Raises:
            AccountGone: nothing was changed.
        """

    def acting_as(self, user_id: UserId) -> AbstractAsyncContextManager[ClientApi]:
        """Act as the account for a moment, over a session without a device.

        The session is ended at the end of the block. If the process dies before that, the session
        ends by itself within two minutes.
        """

    # -- our own account

    async def open_device(self, user_id: UserId, device_id: str) -> Session:
        """A session for our own account on a new device, by the right of the session we have.

        If the process dies in here, there may be that device with a token that nobody has. Run
        again with the same device id, there is no second device.
        """

    async def drop_device(self, user_id: UserId, device_id: str) -> None:
        """End our own session on another device. One request; that it is gone is no error."""

    # -- looking

    async def devices(self, user_id: UserId) -> list[Device]:
        """The account's sessions. Raises AccountGone."""

    async def find(self, user_id: UserId) -> AccountState | None:
        """What the server says of the account; None if there is no such account."""

    async def addresses(self, user_id: UserId) -> list[str]:
        """IP addresses that the account was used from. Only where `can` has ADDRESSES.

        Raises AccountGone.
        """


def check_can(backend: AccountBackend, what: Can, hint: str = "") -> None:
    """Raises Refused where this kind of account has not got `what`."""
    if what not in backend.can:
        raise Refused(f"Accounts on this server {what.value}. Nothing was changed.", hint)
