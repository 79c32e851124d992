"""An act: one change to an account that a person asked for, noted before it begins.

`Acts.begin` gives an account to one act at a time. `Acts.brake` is for what ends something: a
brake waits for nobody and overtakes whoever works on its account (the locks are in holds.py).

An act that a crash cut off is run again from its beginning. The store still has its note and its
steps then: `Act.noted_device` and `Act.earlier_steps` say how far the earlier run came.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from adminbot.accounts.holds import Hold, Holds, Logins
from adminbot.errors import HomeserverError, Superseded
from adminbot.store import Store
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

T = TypeVar("T")
_LOGIN_S = 40  # longer than a request may take


@dataclass(frozen=True, slots=True)
class Order:
    """What a person asked for; the event id of the message names the act in the store.

    `say` tells the person something in between; `check` raises Refused during a lockdown.
    """

    who: UserId
    event_id: str
    say: Callable[[str], Awaitable[None]]
    check: Callable[[], Awaitable[None]]


class NotedAct:
    """An act as the store has it: noted before it begins, each step before it is taken."""

    def __init__(self, store: Store, order: Order, command: str, user_id: UserId) -> None:
        self._store = store
        self._order = order
        self._command = command
        self._user_id = user_id
        self._is_noted = False

    async def note(self, device_id: str = "") -> str:
        """Put the act on disk, with the device id that the act is about, if there is one.

        Returns the device id that counts: what an earlier run noted, else the given one.
        """
        noted = await self._store.acts.begin(
            self._order.event_id,
            who=self._order.who,
            command=self._command,
            target=str(self._user_id),
            device_id=device_id or None,
        )
        self._is_noted = True
        return noted.device_id or ""

    async def step(self, what: str) -> None:
        """Put on disk what the act is about to change outside."""
        if not self._is_noted:
            raise AssertionError(f"{what!r} before the act was noted")
        await self._store.acts.will(self._order.event_id, what)


class Act(NotedAct):
    """An act that holds its account.

    `noted_device`: the device id of an earlier run, empty if there was no such run.
    `earlier_steps`: what the earlier run was about to do; all steps but the last were done.
    """

    def __init__(
        self, store: Store, order: Order, command: str, user_id: UserId, hold: Hold
    ) -> None:
        super().__init__(store, order, command, user_id)
        self._hold = hold
        self.noted_device = ""
        self.earlier_steps: tuple[str, ...] = ()

    async def look_back(self) -> None:
        """Read what an earlier run noted."""
        noted = await self._store.acts.find(self._order.event_id)
        if noted:
            self._is_noted = True
            self.noted_device = noted.device_id or ""
        self.earlier_steps = tuple(await self._store.acts.steps(self._order.event_id))

    async def say(self, text: str) -> None:
        """Tell the person something in between."""
        await self._order.say(text)

    async def check(self) -> None:
        """Raises Refused during a lockdown; to be asked after each long wait."""
        await self._order.check()

    def aside(self) -> AbstractAsyncContextManager[None]:
        """Without the account's lock: an act that sleeps holds none."""
        return self._hold.aside()

    async def whole(self, login: Coroutine[Any, Any, T]) -> T:
        """Make a login that goes on when a brake ends the act: the brake waits for the outcome."""
        return await self._hold.whole(login)


class Brake(NotedAct):
    """An act that overtook all others on its account; `late`: the logins of theirs that go on."""

    def __init__(
        self, store: Store, order: Order, command: str, user_id: UserId, late: Logins
    ) -> None:
        super().__init__(store, order, command, user_id)
        self._late = late

    async def once_more_after_late_logins(self, end: Callable[[], Awaitable[None]]) -> None:
        """End the sessions of logins that the server is still working on; nobody has their tokens.

        `end` was called before, and what the person asked for is done.
        """
        if self._late:
            await asyncio.wait(self._late, timeout=_LOGIN_S)
            try:
                await end()
            except HomeserverError as exc:
                log.warning("a late login was not ended why=%s", exc)


class Acts:
    """Begins acts: one at a time on an account, and brakes at once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._holds = Holds()

    @asynccontextmanager
    async def begin(self, command: str, user_id: UserId, order: Order) -> AsyncIterator[Act]:
        """Hold the account, after those who came before. The act is noted by `Act.note`.

        Raises:
            Superseded: a brake came later than the order, now or before a restart.
        """
        async with self._holds.act(user_id) as hold:
            brake = await self._store.acts.brake_after(order.event_id, str(user_id))
            if brake:
                raise Superseded(user_id, brake)
            act = Act(self._store, order, command, user_id, hold)
            await act.look_back()
            yield act

    @asynccontextmanager
    async def brake(self, command: str, user_id: UserId, order: Order) -> AsyncIterator[Brake]:
        """Overtake every act on the account, and note the brake."""
        async with self._holds.brake(user_id, command) as late:
            brake = Brake(self._store, order, command, user_id, late)
            await brake.note()
            yield brake

    def check_nobody_waits(self, user_id: UserId) -> None:
        """Raises Refused while another act on the account sits out a limit."""
        self._holds.check_nobody_waits(user_id)

    def is_held_by_others(self, user_id: UserId) -> bool:
        """Whether an act that is not the caller's own is under way on the account."""
        return self._holds.is_held_by_others(user_id)
