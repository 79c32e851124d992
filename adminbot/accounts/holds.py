"""Who works on which account: one act at a time, and brakes that wait for none of them.

An act that has to wait long steps aside: it keeps no lock while it sleeps. A brake (`!revoke`,
`!deletebot`) takes no lock at all: whatever is under way on its account gives way at once, and
what is asked for later waits until the brake is done.
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
    """What one act has of one account: its lock, until it steps aside or gives way."""

    def __init__(self, account: "_Account", task: "asyncio.Task[object]") -> None:
        self._account = account
        self._task = task
        self._has_lock = False
        self.is_aside = False
        self.gives_way_to = ""

    async def take(self) -> None:
        await self._account.lock.acquire()
        self._has_lock = True
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
        """Without the lock: for what takes long, such as a rate limit."""
        self.drop()
        self.is_aside = True
        yield
        self.is_aside = False
        await self.take()

    async def whole(self, request: Coroutine[Any, Any, T]) -> T:
        """Make a request that goes on when the act gives way: a brake has to see its end."""
        task = asyncio.create_task(request)
        self._account.under_way.add(task)
        task.add_done_callback(self._account.ended)
        return await asyncio.shield(task)

    def give_way(self, command: str) -> None:
        """End the act where it stands, as a crash would; what it is made for."""
        if not self.gives_way_to:
            self.gives_way_to = command
            self._task.cancel()

    def was_overtaken(self) -> bool:
        """Whether a brake ended the act; False if it is (also) the service that stops."""
        return bool(self.gives_way_to) and self._task.uncancel() == 0


class _Account:
    """One account: its lock, the acts on it (also those that wait or sleep), its brakes.

    `under_way`: requests that go on when their act is overtaken.
    """

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.holds: set[Hold] = set()
        self.brakes: set[asyncio.Event] = set()
        self.under_way: set[asyncio.Task[Any]] = set()

    def ended(self, request: "asyncio.Task[Any]") -> None:
        self.under_way.discard(request)
        if not request.cancelled():
            request.exception()  # else asyncio complains that nobody looked


class Holds:
    """The holds on all accounts, by user id."""

    def __init__(self) -> None:
        self._accounts: defaultdict[UserId, _Account] = defaultdict(_Account)

    @asynccontextmanager
    async def act(self, user_id: UserId) -> AsyncIterator[Hold]:
        """Work on an account, after those who came before.

        Raises:
            Superseded: a brake came while this waited, slept or worked.
        """
        task = asyncio.current_task()
        if task is None:
            raise AssertionError("an act runs in a task")
        account = self._accounts[user_id]
        hold = Hold(account, task)
        account.holds.add(hold)
        try:
            await hold.take()
            yield hold
        except asyncio.CancelledError:
            if not hold.was_overtaken():
                raise
            raise Superseded(user_id, hold.gives_way_to) from None
        finally:
            hold.drop()
            account.holds.discard(hold)
            self._forget(user_id)

    def check_nobody_waits(self, user_id: UserId) -> None:
        """Raises Refused while another act on the account sits out a limit."""
        account = self._accounts.get(user_id)
        if account and any(hold.is_aside for hold in account.holds):
            raise Refused(
                f"`{user_id}` waits for Synapse's login limit already. Nothing was changed.",
                f"It goes on by itself. `!revoke {user_id.localpart}` ends its old token now.",
            )

    @asynccontextmanager
    async def brake(self, user_id: UserId, command: str) -> AsyncIterator[Logins]:
        """Overtake every act on the account, at once.

        Yields the requests of theirs that go on (`Hold.whole`).
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
        """What is typed wrongly shall not stay in memory."""
        account = self._accounts[user_id]
        if not (account.holds or account.brakes or account.under_way):
            del self._accounts[user_id]

    def is_held_by_others(self, user_id: UserId) -> bool:
        """Whether an act that is not the caller's own is under way on the account."""
        account = self._accounts.get(user_id)
        own = asyncio.current_task()
        return account is not None and any(not hold.is_of(own) for hold in account.holds)
