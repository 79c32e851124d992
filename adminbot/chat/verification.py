"""Verifying each other by emoji: which exchange is under way with whom, and what follows from it.

One exchange per person, in memory only: what a restart cuts off is cancelled as soon as the
other side goes on with it, and done again. That the emoji are the same is never said by the bot,
but by whoever sits at its shell (a `Seat`).

Source: client-server API, "Key verification framework".
"""

import asyncio
import logging
import secrets
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from adminbot import render
from adminbot.account import Account
from adminbot.chat import Chat, sas
from adminbot.chat.identity import own_identity
from adminbot.chat.incoming import VERIFICATION, Step
from adminbot.chat.sas import Broken, Comparison, Message, Party, ShortString
from adminbot.chat.seats import Seat, Seats
from adminbot.clock import now
from adminbot.errors import AdminbotError, HomeserverUnreachable
from adminbot.ids import UserId
from adminbot.shown import code_of
from adminbot.store import Store
from adminbot.trust import Standing, TrustPolicy

log = logging.getLogger(__name__)

_PATIENCE = timedelta(minutes=10)
_REMEMBERED = 500  # events and ended transactions
_MAY_VERIFY = (Standing.AS_PINNED, Standing.NOT_VERIFIED)

_ASKED = (
    "I have asked {user} in our private chat.\n"
    "In Element, there: accept it, then compare by emoji."
)
_THEY_ASKED = "{user} asks to verify. In Element: compare by emoji."
_UNDER_WAY = "With {user} it is under way. In Element: go on, and compare by emoji."
_ACCEPTED = "{user} accepted."
_OUR_YES = "Now {user} has to say so, too, in Element."
_DONE = "{user} and I have verified each other."
_TOLD_DONE = "🤝 We have verified each other."
_TOLD_FREE = " From now on I do what you ask."
_TOLD_HOW = (
    "🤝 I am ready to compare emoji. Mine are shown at the shell: whoever runs this server "
    "types there\n`adminbot verify {user}`"
)
_NOT_WITH_ANY = (
    "Here every device of an admin counts (ADMINBOT_TRUST=any), so there is nothing to verify."
)
_NOTHING = " Nothing was verified. Again: `adminbot verify {user}`"
_BROKE = "Something broke on my side; the log has it."

_IF_AGAIN = "If that happens again, somebody sits between you two: leave it, and find out who."
_WE_ENDED = {
    "m.timeout": "It was not finished within ten minutes.",
    "m.mismatched_sas": f"The emoji differ. {_IF_AGAIN}",
    "m.mismatched_commitment": f"A key came that was not the promised one. {_IF_AGAIN}",
    "m.key_mismatch": f"The app of {{user}} does not have the keys that I know. {_IF_AGAIN}",
}
_THEY_ENDED = {
    "m.user": "{user} cancelled it.",
    "m.timeout": "The app of {user} had waited too long.",
    "m.mismatched_sas": f"{{user}} says that the emoji differ. {_IF_AGAIN}",
}

JSON = dict[str, Any]


@dataclass(eq=False)
class _Exchange:
    """One transaction; `comparison` once it is known with which device."""

    user_id: UserId
    room_id: str
    transaction: str
    timer: asyncio.TimerHandle
    comparison: Comparison | None = None

    @property
    def shown(self) -> ShortString | None:
        """What is to be compared, once both keys are there."""
        return self.comparison.shown if self.comparison else None


class Verifications:
    """Answers verification events, asks for verifications, and keeps their result."""

    def __init__(
        self,
        us: Party,
        chat: Chat,
        account: Account,
        store: Store,
        policy: TrustPolicy,
        *,
        tasks: asyncio.TaskGroup,
        why_untrusted: Callable[[str, Standing], str],
    ) -> None:
        self._us = us
        self._chat = chat
        self._account = account
        self._store = store
        self._policy = policy
        self._tasks = tasks
        self._why_untrusted = why_untrusted
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._exchanges: dict[str, _Exchange] = {}
        self._seats = Seats()
        self._seen: deque[str] = deque(maxlen=_REMEMBERED)
        self._over: deque[str] = deque(maxlen=_REMEMBERED)

    # -- entrances

    def take(self, step: Step) -> None:
        """Called inside the sync loop, with events of admins: hand over and return."""
        if step.event_id in self._seen:  # a sync that failed half-way brings it again
            return
        self._seen.append(step.event_id)
        at_home = self._chat.is_own_dm(step.room_id, step.sender)
        if not at_home or not self._chat.is_encrypted(step.room_id):
            log.info("verification elsewhere user=%s room=%s", step.sender, step.room_id)
            return
        user_id = UserId.parse(step.sender)
        self._start(user_id, step.room_id, step.transaction, partial(self._take, step))

    async def ask(self, user_id: UserId) -> bool:
        """Ask a person, in our private chat, to verify; returns whether we had done so before.

        An exchange that is under way is cancelled: this one takes its place.

        Raises:
            AdminbotError: there is no identity to verify, or not the remembered one.
        """
        async with self._turns[str(user_id)]:
            return await self._ask(user_id)

    def answer(self, user_id: UserId, transaction: str, *, match: bool | None) -> None:
        """What the operator says of the emoji shown; None: nothing, and it is to end."""
        exchange = self._exchanges.get(str(user_id))
        if exchange and exchange.transaction == transaction:
            work = partial(self._answer, exchange, match)
            self._start(user_id, exchange.room_id, transaction, work)

    @contextmanager
    def seat(self, user_id: UserId) -> Iterator[Seat]:
        """A seat that hears what is under way with this person; if nothing is, it begins.

        When the seat is left, the verification goes on.
        """
        with self._seats.take(user_id) as seat:
            self._tasks.create_task(self._welcome(seat, user_id))
            yield seat

    async def _welcome(self, seat: Seat, user_id: UserId) -> None:
        async with self._turns[str(user_id)]:
            exchange = self._exchanges.get(str(user_id))
            try:
                if exchange is None:
                    await self._ask(user_id)
                elif exchange.comparison and exchange.comparison.agreed:
                    seat.say(_OUR_YES.format(user=user_id))
                else:
                    seat.say(_UNDER_WAY.format(user=user_id))
                    seat.show(exchange.shown, exchange.transaction)
            except AdminbotError as exc:
                seat.end(verified=False, text=exc.told())
            except Exception:
                log.exception("verification failed user=%s", user_id)
                seat.end(verified=False, text=_BROKE)

    def _start(
        self,
        user_id: UserId,
        room_id: str,
        transaction: str,
        work: Callable[[], Coroutine[None, None, None]],
    ) -> None:
        self._tasks.create_task(self._in_turn(user_id, room_id, transaction, work))

    async def _in_turn(
        self, user_id: UserId, room_id: str, transaction: str, work: Callable[[], Awaitable[None]]
    ) -> None:
        """One after the other per person. What goes wrong ends an exchange, and nothing else."""
        async with self._turns[str(user_id)]:
            try:
                await work()
            except Broken as exc:
                why = _WE_ENDED.get(exc.code, f"The app of {{user}} and I differ ({exc.code}).")
                await self._give_up(user_id, room_id, transaction, exc.code, exc.why or why)
            except AdminbotError as exc:
                await self._give_up(user_id, room_id, transaction, "m.user", exc.told())
            except Exception:
                log.exception("verification failed user=%s", user_id)
                await self._give_up(user_id, room_id, transaction, "m.user", _BROKE)

    # -- what the other side sends

    async def _take(self, step: Step) -> None:
        exchange = self._exchanges.get(step.sender)
        if step.kind == "request":
            await self._take_request(step)
        elif exchange and exchange.transaction == step.transaction:
            await self._proceed(exchange, step)
        elif step.kind not in ("done", "cancel"):
            raise Broken("m.unknown_transaction")

    async def _take_request(self, step: Step) -> None:
        fresh = now() - step.sent_at < _PATIENCE
        if not fresh or step.content.get("to") != self._us.user_id:
            log.info("verification request passed over user=%s fresh=%s", step.sender, fresh)
            return
        user_id = UserId.parse(step.sender)
        device_id = sas.offering_device(step.content)
        answer = await self._query(user_id)
        them = await self._party(answer, user_id, device_id)
        if them is None:
            await self._refuse(step)
            return
        await self._drop(user_id)
        exchange = self._begin(user_id, step.room_id, step.transaction)
        exchange.comparison = Comparison(step.transaction, self._us, them)
        await self._send(exchange, [sas.ready(step.transaction, self._us)])
        log.info("verification requested user=%s device=%s", user_id, them.device_id)
        self._say(user_id, _THEY_ASKED)
        if user_id not in self._seats:
            await self._tell(exchange, _TOLD_HOW.format(user=user_id))

    async def _proceed(self, exchange: _Exchange, step: Step) -> None:
        if step.kind == "cancel":
            self._they_cancelled(exchange, step)
        elif step.kind == "ready":
            await self._take_ready(exchange, step)
        elif exchange.comparison is None:
            raise Broken("m.unexpected_message")
        elif step.kind != "done":
            was_shown = exchange.comparison.shown
            await self._send(exchange, exchange.comparison.take(step.kind, step.content))
            if not was_shown:
                for seat in self._seats.at(exchange.user_id):
                    seat.show(exchange.shown, exchange.transaction)
            await self._finish(exchange)

    async def _take_ready(self, exchange: _Exchange, step: Step) -> None:
        if exchange.comparison:  # another device of theirs, too late
            return
        device_id = sas.offering_device(step.content)
        answer = await self._query(exchange.user_id)
        them = await self._party(answer, exchange.user_id, device_id)
        if them is None:
            await self._refuse(step)
            raise Broken("m.user", "{user} accepted on a device that does not count.")
        exchange.comparison = Comparison(exchange.transaction, self._us, them)
        await self._send(exchange, [exchange.comparison.begin()])
        self._say(exchange.user_id, _ACCEPTED)

    def _they_cancelled(self, exchange: _Exchange, step: Step) -> None:
        code = code_of(step.content.get("code")) or "m.unknown"
        log.info("verification cancelled user=%s code=%r", exchange.user_id, code)
        why = _THEY_ENDED.get(code, f"The app of {{user}} ended it ({code}).")
        self._end(exchange, verified=False, text=why)

    async def _party(self, answer: JSON, user_id: UserId, device_id: str) -> Party | None:
        """The other side by a /keys/query answer, if the device is of the pinned identity."""
        trusted = await self._policy.trusted(str(user_id), answer)
        pin = await self._store.find_pin(str(user_id))
        keys = trusted.get(device_id)
        if not pin or not keys or self._policy.standing(str(user_id)) not in _MAY_VERIFY:
            return None
        device_key = str(keys["keys"][f"ed25519:{device_id}"])
        return Party(str(user_id), device_id, device_key, pin.master_key)

    async def _refuse(self, step: Step) -> None:
        """Say why, and how to mend it, so that the device in question can read it."""
        standing = self._policy.standing(step.sender)
        log.info("verification refused user=%s standing=%s", step.sender, standing.value)
        why = self._why_untrusted(step.sender, standing)
        if standing is Standing.UNKNOWN:
            why = _NOT_WITH_ANY
        content = render.notice(why)
        txn = f"told-{step.event_id}"
        await self._chat.tell_untrusted(step.room_id, step.sender, content, txn=txn)

    # -- what we do

    async def _ask(self, user_id: UserId) -> bool:
        await self._check(user_id)
        pin = await self._store.find_pin(str(user_id))
        room_id = await self._chat.ready_dm(user_id)
        await self._drop(user_id)
        request = sas.request(self._us, str(user_id))
        transaction = await self._chat.send(room_id, request, txn=_new_txn())
        self._begin(user_id, room_id, transaction)
        log.info("verification asked for user=%s", user_id)
        self._say(user_id, _ASKED)
        return pin is not None and pin.verified

    async def _query(self, user_id: UserId) -> JSON:
        """What the homeserver says of this person's devices; saying nothing is no statement."""
        answer = await self._account.query_keys(user_id)
        if str(user_id) not in answer["device_keys"]:
            raise HomeserverUnreachable("nothing about that person's devices")
        return answer

    async def _check(self, user_id: UserId) -> None:
        """Raises AdminbotError unless there is the remembered identity to verify."""
        if not self._policy.is_admin(str(user_id)):
            raise AdminbotError(f"{user_id} is not in ADMINBOT_ADMINS.", "Add it there first.")
        answer = await self._query(user_id)
        await self._policy.trusted(str(user_id), answer)
        standing = self._policy.standing(str(user_id))
        if standing is Standing.CHANGED:
            raise AdminbotError(
                f"{user_id} has another identity than I remember.",
                f"If they reset it themselves, first: `adminbot trust {user_id}`",
            )
        if standing is Standing.NO_IDENTITY:
            raise AdminbotError(
                f"{user_id} has no cross-signing identity.",
                "In Element: Settings → Encryption → set up recovery.",
            )
        if standing not in _MAY_VERIFY:
            raise AdminbotError(_NOT_WITH_ANY)

    async def _answer(self, exchange: _Exchange, match: bool | None) -> None:
        comparison = exchange.comparison
        if not self._is_current(exchange) or not comparison or comparison.agreed:
            return
        if match is None:
            raise Broken("m.user", "Nobody answered here, so I cancelled it.")
        if not match:
            raise Broken("m.mismatched_sas")
        await self._send(exchange, [comparison.agree()])
        if not comparison.proven:
            self._say(exchange.user_id, _OUR_YES)
        await self._finish(exchange)

    async def _finish(self, exchange: _Exchange) -> None:
        """Keep what both sides have said, if they have.

        Cut off in between, the other identity is signed and does not count as verified: then it
        is done again. What we would sign has changed since: m.key_mismatch.
        """
        comparison = exchange.comparison
        if not comparison or not (comparison.agreed and comparison.proven):
            return
        user_id, them = exchange.user_id, comparison.them
        answer = await self._query(user_id)
        if await self._party(answer, user_id, them.device_id) != them:
            raise Broken("m.key_mismatch")
        identity = await own_identity(self._store)
        signature = identity.user_signature(self._us.user_id, answer, them.user_id)
        await self._account.upload_signatures(signature)
        waited = self._policy.standing(str(user_id)) is Standing.NOT_VERIFIED
        await self._policy.verified(user_id, them.master_key)
        log.info("verified user=%s master_key=%s", user_id, them.master_key)
        self._end(exchange, verified=True, text=_DONE)
        await self._send(exchange, [sas.done(exchange.transaction)])
        await self._tell(exchange, _TOLD_DONE + (_TOLD_FREE if waited else ""))

    # -- beginning and ending

    def _begin(self, user_id: UserId, room_id: str, transaction: str) -> _Exchange:
        def give_up() -> None:
            self._start(user_id, room_id, transaction, partial(self._time_out, exchange))

        timer = asyncio.get_running_loop().call_later(_PATIENCE.total_seconds(), give_up)
        exchange = _Exchange(user_id, room_id, transaction, timer)
        self._exchanges[str(user_id)] = exchange
        return exchange

    async def _time_out(self, exchange: _Exchange) -> None:
        if self._is_current(exchange):
            raise Broken("m.timeout")

    def _is_current(self, exchange: _Exchange) -> bool:
        return self._exchanges.get(str(exchange.user_id)) is exchange

    async def _drop(self, user_id: UserId) -> None:
        """Cancel what is under way; those at the shell go on with what follows."""
        exchange = self._exchanges.get(str(user_id))
        if exchange:
            self._forget(exchange)
            await self._cancel(exchange.room_id, exchange.transaction, "m.user")

    async def _give_up(
        self, user_id: UserId, room_id: str, transaction: str, code: str, why: str
    ) -> None:
        log.info("verification given up user=%s code=%s", user_id, code)
        if transaction in self._over:  # it was ended before, and nothing more is owed
            return
        exchange = self._exchanges.get(str(user_id))
        if exchange and exchange.transaction == transaction:
            self._end(exchange, verified=False, text=why)
        else:
            self._over.append(transaction)
        await self._cancel(room_id, transaction, code)

    def _end(self, exchange: _Exchange, *, verified: bool, text: str) -> None:
        self._forget(exchange)
        text = text if verified else text + _NOTHING
        for seat in self._seats.at(exchange.user_id):
            seat.end(verified=verified, text=text.replace("{user}", str(exchange.user_id)))

    def _forget(self, exchange: _Exchange) -> None:
        exchange.timer.cancel()
        del self._exchanges[str(exchange.user_id)]
        self._over.append(exchange.transaction)

    # -- saying it

    def _say(self, user_id: UserId, text: str) -> None:
        for seat in self._seats.at(user_id):
            seat.say(text.format(user=user_id))

    async def _tell(self, exchange: _Exchange, text: str) -> None:
        await self._chat.send(exchange.room_id, render.notice(text), txn=_new_txn())

    async def _cancel(self, room_id: str, transaction: str, code: str) -> None:
        reason = "Not verified." if code != "m.timeout" else "It took too long."
        kind, content = sas.cancel(transaction, code, reason)
        try:
            await self._chat.send(room_id, content, txn=_new_txn(), kind=VERIFICATION + kind)
        except AdminbotError as exc:
            log.warning("not cancelled room=%s why=%s", room_id, exc)
        except Exception:
            log.exception("not cancelled room=%s", room_id)

    async def _send(self, exchange: _Exchange, messages: list[Message]) -> None:
        for kind, content in messages:
            kind = VERIFICATION + kind
            await self._chat.send(exchange.room_id, content, txn=_new_txn(), kind=kind)


def _new_txn() -> str:
    """Random: after a restart the same step has another key in it, and is another event."""
    return f"verify-{secrets.token_hex(8)}"
