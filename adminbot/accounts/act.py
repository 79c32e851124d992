"""Acts: an act is one change to an account, asked for by a person and noted before it begins.

`Acts.begin` gives an account to one act at a time. `Acts.brake` is for acts that end something: a
brake waits for nobody and overtakes every act on its account. The locks are in holds.py.

After a crash, an unfinished act runs again from its beginning. The store still has the note and
the steps: `Act.noted_device` and `Act.earlier_steps` say how far the earlier run came.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from adminbot.accounts.holds import Hold, Holds, Logins
from adminbot.errors import HomeserverError, Superseded
from adminbot.metrics import timed
from adminbot.metrics.table import ACT
from adminbot.store import Store
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

T = TypeVar("T")
_LOGIN_S = 40  # longer than HttpClient lets any request take


@dataclass(frozen=True, slots=True)
class Order:
    """A person's command: the event id of the message names the act in the store.

    `say` tells the person something before the act ends; `check` raises Refused during a lockdown.
    `part_of`: of an order for one of many accounts, the event id of the message.
    `typed_on`: the device that the person typed on, empty if not known.
    """

    who: UserId
    event_id: str
    say: Callable[[str], Awaitable[None]]
    check: Callable[[], Awaitable[None]]
    part_of: str = ""
    typed_on: str = ""

    @property
    def message(self) -> str:
        """The event id of the message that the order came in."""
        return self.part_of or self.event_id

    def part(self, user_id: UserId, say: Callable[[str], Awaitable[None]]) -> "Order":
        """The order to do the same to one of many accounts."""
        event_id = f"{self.event_id} {user_id}"
        return replace(self, event_id=event_id, part_of=self.event_id, say=say)


class NotedAct:
    """The store's side of an act: the note before the act begins, each step before the change."""

    def __init__(self, store: Store, order: Order, command: str, user_id: UserId) -> None:
        self._store = store
        self._order = order
        self._command = command
        self._user_id = user_id
        self._is_noted = False

    async def note(self, device_id: str = "") -> str:
        """Put the act on disk; `device_id`: the device to make or to sign, if the act has one.

        Returns the device id that counts: the one noted by an earlier run, else the given one.
        Raises StateError.
        """
        # A second run goes on with the first run's device id: by that id `is_ours` knows an
        # account that the first run made.
        noted = await self._store.acts.begin(
            self._order.event_id,
            who=self._order.who,
            command=self._command,
            target=str(self._user_id),
            device_id=device_id or None,
            part_of=self._order.part_of or None,
            typed_on=self._order.typed_on,
        )
        self._is_noted = True
        return noted.device_id or ""

    async def step(self, what: str) -> None:
        """Put on disk which change the act is about to make on the server. Raises StateError."""
        if not self._is_noted:
            raise AssertionError(f"{what!r} before the act was noted")
        await self._store.acts.will(self._order.event_id, what)


class Act(NotedAct):
    """An act that holds its account.

    `noted_device`: the device id of an earlier run, empty without such a run.
    `earlier_steps`: the earlier run's steps in order; all but the last were done.
    """

    def __init__(
        self, store: Store, order: Order, command: str, user_id: UserId, hold: Hold
    ) -> None:
        super().__init__(store, order, command, user_id)
        self._hold = hold
        self.noted_device = ""
        self.earlier_steps: tuple[str, ...] = ()

    async def look_back(self) -> None:
        """Read the note and the steps of an earlier run. Raises StateError."""
        noted = await self._store.acts.find(self._order.event_id)
        if noted:  # on disk since before the crash: steps may follow without a new note
            self._is_noted = True
            self.noted_device = noted.device_id or ""
        self.earlier_steps = tuple(await self._store.acts.steps(self._order.event_id))

    @property
    def who(self) -> UserId:
        """The person whose order the act is."""
        return self._order.who

    async def say(self, text: str) -> None:
        """Tell the person something before the act ends."""
        await self._order.say(text)

    async def check(self) -> None:
        """Raises Refused during a lockdown. To be called after each long wait."""
        await self._order.check()

    def aside(self) -> AbstractAsyncContextManager[None]:
        """Release the account's lock for the block: a sleeping act must hold none."""
        return self._hold.aside()

    async def whole(self, login: Coroutine[Any, Any, T]) -> T:
        """Await a login that goes on when a brake ends the act; the brake waits for its end."""
        return await self._hold.whole(login)


class Brake(NotedAct):
    """An act that overtook all others on its account; `late`: the others' unanswered logins."""

    def __init__(
        self, store: Store, order: Order, command: str, user_id: UserId, late: Logins
    ) -> None:
        super().__init__(store, order, command, user_id)
        self._late = late

    async def once_more_after_late_logins(self, end: Callable[[], Awaitable[None]]) -> None:
        """Wait for the late logins, and call `end` for the sessions that came of them.

        The caller has called `end` once already, so the brake has done its work: a failure here is
        logged, not raised.
        """
        # The overtaken act is gone: nobody has the token of a late login, and yet the token is
        # valid. `wait` neither raises a login's error nor cancels a login.
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
        """Hold the account, after the acts that came earlier. `Act.note` puts the act on disk.

        Raises:
            Superseded: a brake came later than the order, now or before a restart.
        """
        async with self._holds.act(user_id) as hold:
            # A Hold gives way only to brakes of its own lifetime. A brake from before a restart,
            # or from before this act had its turn, is known by the order of arrival in the inbox.
            brake = await self._store.acts.brake_after(order.message, str(user_id))
            if brake:
                raise Superseded(user_id, brake)
            act = Act(self._store, order, command, user_id, hold)
            await act.look_back()
            with timed(ACT, command):
                yield act

    @asynccontextmanager
    async def brake(
        self, command: str, user_id: UserId, order: Order, device_id: str = ""
    ) -> AsyncIterator[Brake]:
        """Overtake every act on the account, and note the brake. Raises StateError.

        `device_id`: the device to end, if the brake ends one only.
        """
        async with self._holds.brake(user_id, command) as late:
            brake = Brake(self._store, order, command, user_id, late)
            # From here on the acts of older messages are Superseded, also after a crash.
            await brake.note(device_id)
            with timed(ACT, command):
                yield brake

    def check_nobody_waits(self, user_id: UserId) -> None:
        """Raises Refused while an act on the account waits for the login limit to pass."""
        self._holds.check_nobody_waits(user_id)

    def is_held_by_others(self, user_id: UserId) -> bool:
        """Whether another act than the caller's own is under way on the account."""
        return self._holds.is_held_by_others(user_id)
