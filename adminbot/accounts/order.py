"""An order: who asked for an act, and how it is noted and spoken of while it goes on."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

from adminbot.homeserver.values import Session
from adminbot.values.ids import UserId


async def _alone(login: Coroutine[Any, Any, Session]) -> Session:
    return await login


@dataclass(frozen=True, slots=True)
class Order:
    """One act that a person asked for; `event_id` names it.

    `will` puts on disk what is about to be changed outside, before it is; `say` tells the person
    something in between; `check` raises Refused after a long wait that a lockdown came into;
    within `aside` the act holds no lock, so that it may sleep; a login goes through `whole`, so
    that a brake which ends the act knows what came of it.
    """

    owner: UserId
    event_id: str
    say: Callable[[str], Awaitable[None]]
    will: Callable[[str], Awaitable[None]]
    check: Callable[[], Awaitable[None]]
    aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    whole: Callable[[Coroutine[Any, Any, Session]], Awaitable[Session]] = _alone
