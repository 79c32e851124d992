"""What is asked of an account's server before anything about the account is changed."""

from adminbot.accounts.backends.base import AccountBackend, Can
from adminbot.errors import AccountGone, Paused, Protected, Refused
from adminbot.homeserver.values import AccountState
from adminbot.values.ids import UserId


def check_can(backend: AccountBackend, what: Can, hint: str = "") -> None:
    """Raises Refused unless this kind of account has the ability `what`."""
    if what not in backend.can:
        raise Refused(f"Accounts on this server {what.value}. Nothing was changed.", hint)


async def check_may_change(backend: AccountBackend, user_id: UserId) -> AccountState:
    """The account's state. Raises AccountGone, or Protected for a server admin's account.

    To be asked before a change, too, because Synapse's PUT would make a missing account.
    """
    account = await backend.find(user_id)
    if account is None:
        raise AccountGone
    if account.is_admin:
        raise Protected(user_id)
    return account


async def open_account(backend: AccountBackend, user_id: UserId) -> AccountState:
    """As `check_may_change`; raises AccountGone for a closed account, too."""
    account = await check_may_change(backend, user_id)
    if account.is_deactivated:
        raise AccountGone
    return account


async def check_may_act_as(backend: AccountBackend, user_id: UserId) -> None:
    """As `open_account`; raises Paused, too. To be asked before anything in an account's name.

    Synapse opens a session in the name of anybody, also of a server admin or a closed account.
    """
    if (await open_account(backend, user_id)).is_locked:
        raise Paused(user_id)
