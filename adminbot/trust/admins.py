"""Which user ids in ADMINBOT_ADMINS count: the accounts are looked up at each start.

Whoever registers a free user id would command us. An account of another server cannot be looked
up here: such an admin is known by the pin alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from adminbot.errors import SetupError
from adminbot.homeserver.values import AccountState
from adminbot.store import Store
from adminbot.values.ids import UserId

# What the server says of an account; None if there is no such account.
Find = Callable[[UserId], Awaitable[AccountState | None]]

_ABSENT = "no account of that name is on this server, and whoever registers it would command me"
_CLOSED = "that account is deactivated"
_SINCE = "there was no such account when I looked before, and anybody may have registered it since"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An admin by the settings who does not count; `why` is to be read after "because"."""

    user_id: UserId
    why: str

    @property
    def remedy(self) -> str:
        accept = f"If it is the right person: `adminbot trust {self.user_id}`. Else: c"
        start = accept if self.why == _SINCE else "C"
        return f"{start}orrect ADMINBOT_ADMINS. Then start me again."


async def unusable(find: Find, own: UserId, admins: Collection[UserId]) -> list[LeftOut]:
    """Admins of our own server without a usable account. Raises HomeserverError."""
    found = await asyncio.gather(*(_why_not(find, own, admin) for admin in admins))
    return [LeftOut(admin, why) for admin, why in zip(admins, found, strict=True) if why]


async def _why_not(find: Find, own: UserId, admin: UserId) -> str:
    if admin.server != own.server:
        return ""
    account = await find(admin)
    if account is None:
        return _ABSENT
    return _CLOSED if account.is_deactivated else ""


async def left_out(
    find: Find,
    store: Store,
    own: UserId,
    admins: Collection[UserId],
    *,
    remembers: bool = True,
) -> tuple[LeftOut, ...]:
    """The admins by the settings who do not count until the next start.

    An absent account is remembered, before anything else happens: turning up later, the account
    counts only when the operator has said so (`adminbot trust` pins the account's identity).
    A mere look (not `remembers`) notes nothing.

    Raises:
        SetupError: no admin is left.
        HomeserverError: an account could not be looked up.
    """
    found = await unusable(find, own, admins)
    gone = {it.user_id for it in found}
    for it in found if remembers else ():
        if it.why == _ABSENT and await store.pins.find(str(it.user_id)) is None:
            await store.facts.set(_name(it.user_id), "1")
    for admin in admins:
        if admin not in gone and await waits_for_trust(store, admin):
            found.append(LeftOut(admin, _SINCE))
    if len(found) == len(set(admins)):
        first = found[0]
        raise SetupError(
            "Nobody in ADMINBOT_ADMINS can command me: "
            + "; ".join(f"{it.user_id}, because {it.why}" for it in found)
            + ".",
            first.remedy,
        )
    return tuple(found)


async def waits_for_trust(store: Store, admin: UserId) -> bool:
    """Whether the account turned up late, and the operator has not vouched for the admin yet."""
    was_absent = await store.facts.get(_name(admin)) is not None
    return was_absent and await store.pins.find(str(admin)) is None


def _name(admin: UserId) -> str:
    return f"absent admin {admin}"
