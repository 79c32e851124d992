"""What a command handler is given, as named fields."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from adminbot.config import Trust
from adminbot.ids import UserId
from adminbot.inspection import Inspector
from adminbot.lifecycle import BotKeeper
from adminbot.router import Router


@dataclass(frozen=True, slots=True)
class Context:
    """One command's circumstances.

    `event_id` names the act; `confirmed`: the person has answered the question;
    `say` tells the person something while the command goes on; `verify` asks them to compare
    emoji, and returns whether they had done so before.
    """

    sender: UserId
    event_id: str
    room_id: str
    prefix: str
    confirmed: bool
    bots: BotKeeper
    look: Inspector
    router: Router
    trust: Trust
    say: Callable[[str], Awaitable[None]]
    verify: Callable[[], Awaitable[bool]]
