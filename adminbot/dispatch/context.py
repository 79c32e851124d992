"""What a command handler is given, as named fields."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adminbot.accounts.inspection import Inspector
from adminbot.accounts.lifecycle import Accounts
from adminbot.accounts.order import Order
from adminbot.config import Trust
from adminbot.dispatch.router import Router
from adminbot.trust.pins import Asked
from adminbot.values.ids import UserId


@dataclass(frozen=True, slots=True)
class Context:
    """One command's circumstances.

    `order` is what an act is noted by; `confirmed`: the person has answered the question;
    `may_act`: they may do everything, as far as trust goes; `verify` asks them to compare emoji;
    `lock` refuses every change from now on, and returns whether that was so before.
    """

    sender: UserId
    order: Order
    room_id: str
    prefix: str
    confirmed: bool
    bots: Accounts
    look: Inspector
    router: Router
    trust: Trust
    may_act: bool
    verify: Callable[[], Awaitable[Asked]]
    lock: Callable[[], Awaitable[bool]]
