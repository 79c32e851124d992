"""Locks on accounts: one act at a time on an account, and brakes that wait for no act.

An act steps aside before a long wait, and so holds no lock while it sleeps. A brake (`!revoke`,
`!deletebot`) takes no lock at all: every act on the brake's account gives way at once, and later
acts wait until the brake is done.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from adminbot.errors import Refused, Superseded
from adminbot.values.ids import UserId

T = TypeVar("T")
Logins = frozenset["asyncio.Task[Any]"]


class Hold:
    """One act's claim on an account: the lock, until the act steps aside or gives way."""

    def __init__(self, account: "_Account", task: "asyncio.Task[object]") -> None:
        self._account = account
        self._task = task
        self._has_lock = False
        self.is_aside = False
        self.gives_way_to = ""

    async def take(self) -> None:
        """Wait for the account's lock, and then for every brake on the account to end."""
        await self._account.lock.acquire()
        self._has_lock = True
        # No brake takes the lock, so waiting for brakes with the lock in hand stops none of them.
        while self._account.brakes:
            await next(iter(self._account.brakes)).wait()

    def is_of(self, task: "asyncio.Task[object] | None") -> bool:
        return self._task is task

    def drop(self) -> None:
        if self._has_lock:
            self._has_lock = False
            self._account.lock.release()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Release the lock for the block: for a long wait, such as a rate limit."""
        self.drop()
        self.is_aside = True
        # No `finally`: an act that ends inside the block must not wait for the lock once more.
        yield
        self.is_aside = False
        await self.take()

    async def whole(self, request: Coroutine[Any, Any, T]) -> T:
        """Await a request that goes on when the act gives way: a brake has to see the outcome."""
        task = asyncio.create_task(request)
        # The set keeps the task alive, too: asyncio itself holds tasks by weak references only.
        self._account.under_way.add(task)
        task.add_done_callback(self._account.ended)
        # Cancelled half-way, a login could leave a session on the server that nobody ends.
        return await asyncio.shield(task)

    def give_way(self, command: str) -> None:
        """End the act where it stands, as a crash would: every act can be cut off anywhere.

        `command`: the brake's command, for the answer.
        """
        if not self.gives_way_to:  # at most one `cancel`: `was_overtaken` takes back one
            self.gives_way_to = command
            self._task.cancel()

    def was_overtaken(self) -> bool:
        """Whether a brake, and nothing else, ended the act; False while the service stops."""
        # `uncancel` returns how many requests to cancel are left: any left is the service's stop.
        return bool(self.gives_way_to) and self._task.uncancel() == 0


class _Account:
    """One account: the lock, the holds of all acts (waiting and sleeping acts, too), the brakes.

    `brakes`: one event a brake, set at the brake's end. `under_way`: requests that go on when
    their act is overtaken.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.holds: set[Hold] = set()
        self.brakes: set[asyncio.Event] = set()
        self.under_way: set[asyncio.Task[Any]] = set()

    def ended(self, request: "asyncio.Task[Any]") -> None:
        self.under_way.discard(request)
        if not request.cancelled():
            request.exception()  # asyncio logs an exception that nobody has looked at


class Holds:
    """The holds on all accounts, by user id."""

    def __init__(self) -> None:
        self._accounts: defaultdict[UserId, _Account] = defaultdict(_Account)

    @asynccontextmanager
    async def act(self, user_id: UserId) -> AsyncIterator[Hold]:
        """Hold an account, after the acts that came earlier.

        Raises:
            Superseded: a brake came while the act waited, slept or worked.
        """
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("an act runs in a task")
        account = self._accounts[user_id]
        hold = Hold(account, task)
        account.holds.add(hold)  # before `take`: a brake ends acts that wait for the lock, too
        try:
            await hold.take()
            yield hold
        except asyncio.CancelledError:
            if not hold.was_overtaken():  # the service stops: the next start runs the act again
                raise
            raise Superseded(user_id, hold.gives_way_to) from None
        finally:
            hold.drop()
            account.holds.discard(hold)
            self._forget(user_id)

    def check_nobody_waits(self, user_id: UserId) -> None:
        """Raises Refused while an act on the account waits for the login limit to pass."""
        account = self._accounts.get(user_id)
        if account and any(hold.is_aside for hold in account.holds):
            raise Refused(
                f"`{user_id}` waits for Synapse's login limit already. Nothing was changed.",
                f"It goes on by itself. `!revoke {user_id.localpart}` ends its old token now.",
            )

    @asynccontextmanager
    async def brake(self, user_id: UserId, command: str) -> AsyncIterator[Logins]:
        """Overtake every act on the account, at once.

        Yields the overtaken acts' requests that go on (`Hold.whole`).
        """
        account = self._accounts[user_id]
        for hold in list(account.holds):
            hold.give_way(command)
        ended = asyncio.Event()
        account.brakes.add(ended)
        try:
            yield frozenset(account.under_way)
        finally:
            account.brakes.discard(ended)
            ended.set()
            self._forget(user_id)

    def _forget(self, user_id: UserId) -> None:
        """Drop an account that nothing works on: mistyped names shall not stay in memory."""
        account = self._accounts[user_id]
        if not (account.holds or account.brakes or account.under_way):
            del self._accounts[user_id]

    def is_held_by_others(self, user_id: UserId) -> bool:
        """Whether another act than the caller's own is under way on the account."""
        account = self._accounts.get(user_id)
        caller = asyncio.current_task()
        return account is not None and any(not hold.is_of(caller) for hold in account.holds)
