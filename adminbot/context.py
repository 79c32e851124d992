"""What a command handler is given, as named fields."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adminbot.config import Trust
from adminbot.ids import UserId
from adminbot.inspection import Inspector
from adminbot.lifecycle import BotKeeper
from adminbot.order import Order
from adminbot.router import Router
from adminbot.trust import Asked


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
    bots: BotKeeper
    look: Inspector
    router: Router
    trust: Trust
    may_act: bool
    verify: Callable[[], Awaitable[Asked]]
    lock: Callable[[], Awaitable[bool]]
