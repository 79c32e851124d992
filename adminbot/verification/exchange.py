"""Verifications under way, by person; the ended verifications; and problems in a verification."""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from adminbot.errors import AdminbotError, StateError
from adminbot.jobs.background import guarded
from adminbot.store import OpenRequest, Store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.verification import texts
from adminbot.verification.events import Broken, Message, Party
from adminbot.verification.sas import Comparison, ShortString

_PATIENCE = timedelta(minutes=10)
_REMEMBERED = 500  # ended transactions


@dataclass(frozen=True, slots=True)
class Transaction:
    """A verification with one person, in one room; `id`: the event id of the request."""

    user_id: UserId
    room_id: str
    id: str


@dataclass(eq=False)
class Exchange:
    """A transaction under way; `comparison`: once the other device is known."""

    transaction: Transaction
    timer: asyncio.TimerHandle
    comparison: Comparison | None = None

    @property
    def user_id(self) -> UserId:
        return self.transaction.user_id

    @property
    def shown(self) -> ShortString | None:
        """What is to be compared, once both keys are there."""
        return self.comparison.shown if self.comparison else None

    @property
    def waits_for_us(self) -> bool:
        """Whether the operator has still to say that the emoji are the same."""
        return self.comparison is None or not self.comparison.agreed

    @property
    def settled_with(self) -> Party | None:
        """The other side, once both sides have said that the emoji are the same."""
        found = self.comparison
        return found.them if found and found.agreed and found.proven else None

    def compare(self, us: Party, them: Party) -> Comparison:
        """Begin the comparison with the other device, now known."""
        self.comparison = Comparison(self.transaction.id, us, them)
        return self.comparison

    def answer(self, match: bool | None) -> list[Message]:
        """The operator's word on the shown emoji; None: no word, and the exchange is to end.

        Raises Broken unless the emoji are the same.
        """
        if not self.comparison or not self.waits_for_us:
            return []
        if match is None:
            raise Broken("m.user", texts.NO_ANSWER)
        if not match:
            raise Broken("m.mismatched_sas")
        return [self.comparison.agree()]


class Exchanges:
    """At most one exchange per person.

    The keys of an exchange are in memory only. An open exchange is noted in the store, so that a
    stop, or the start after a crash, cancels the exchange: Element would wait for an answer, and
    ignore the next request.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._open: dict[UserId, Exchange] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED)
        self._cancelled: deque[str] = deque(maxlen=_REMEMBERED)

    def of(self, user_id: UserId) -> Exchange | None:
        """The exchange under way with this person."""
        return self._open.get(user_id)

    def find(self, transaction: Transaction) -> Exchange | None:
        """The exchange of exactly this transaction, while under way."""
        exchange = self._open.get(transaction.user_id)
        return exchange if exchange and exchange.transaction.id == transaction.id else None

    def has_ended(self, transaction: Transaction) -> bool:
        """Whether nobody is owed anything more in this transaction."""
        return transaction.id in self._ended

    def was_cancelled(self, transaction: Transaction) -> bool:
        """Whether the transaction ended without a result."""
        return transaction.id in self._cancelled

    async def plan(self, user_id: UserId, room_id: str) -> OpenRequest:
        """Note a request of ours before sending: a crash must not leave the request open."""
        request = OpenRequest(str(user_id), room_id, "", new_txn(), now().isoformat())
        await self._store.requests.open(request)
        return request

    async def begin(
        self, transaction: Transaction, give_up: Callable[[Transaction], None]
    ) -> Exchange:
        """Note an exchange as open; `give_up` is called if still open after ten minutes."""
        user_id, room_id = transaction.user_id, transaction.room_id
        begun = OpenRequest(str(user_id), room_id, transaction.id, "", now().isoformat())
        await self._store.requests.open(begun)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(_PATIENCE.total_seconds(), give_up, transaction)
        exchange = self._open[user_id] = Exchange(transaction, timer)
        return exchange

    def end(self, transaction: Transaction, *, cancelled: bool) -> None:
        """End an exchange, under way or only noted."""
        if exchange := self.find(transaction):
            exchange.timer.cancel()
            del self._open[transaction.user_id]
        self._ended.append(transaction.id)
        if cancelled:
            self._cancelled.append(transaction.id)

    async def note_over(self, user_id: UserId) -> None:
        """What cannot be noted now is cancelled once more at the next start: no harm."""
        with suppress(StateError):
            await self._store.requests.over(user_id)


def is_fresh(began_at: datetime) -> bool:
    """Whether what began then is still waited for."""
    return now() - began_at < _PATIENCE


async def problem_in(work: Awaitable[object]) -> Broken | None:
    """The problem in a step of an exchange, which ends this exchange and nothing else.

    Also of a bug of ours people at the shell and in the app are told.
    """
    bug = Broken("m.user", texts.BROKE)
    return await guarded(_foreseen_problem_in(work), "verification", otherwise=bug)


async def _foreseen_problem_in(work: Awaitable[object]) -> Broken | None:
    try:
        await work
    except Broken as exc:
        return exc
    except AdminbotError as exc:
        return Broken("m.user", exc.message())
    return None


def new_txn() -> str:
    """Random: after a restart the same step holds another key, and is another event."""
    return f"verify-{secrets.token_hex(8)}"
