"""Verifying each other by emoji: which exchange is under way with whom, and what follows from it.

One exchange per person. Its keys are in memory only; that it is open is remembered, so that a
stop, or the start after a crash, cancels it: Element would wait for it, and pass over the next
one. That the emoji are the same is never said by the bot, but by whoever sits at its shell (a
`Seat`). Everything goes out in clear (`Chat.send_in_clear`).

Source: client-server API, "Key verification framework".
"""

import asyncio
import logging
import secrets
import zlib
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from adminbot.chat import Chat
from adminbot.chat.incoming import VERIFICATION, Step
from adminbot.chat.own_identity import own_identity
from adminbot.errors import HOW_TO_RECOVER, AdminbotError, HomeserverUnreachable, StateError
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import OpenRequest, Store
from adminbot.trust.pins import Asked, PinState, TrustPolicy
from adminbot.values import render
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.text import code_of
from adminbot.verification import sas
from adminbot.verification.console import ConsoleSession, ConsoleSessions
from adminbot.verification.sas import Broken, Comparison, Message, Party, ShortString

log = logging.getLogger(__name__)

_PATIENCE = timedelta(minutes=10)
_REMEMBERED = 500  # events and ended transactions
_MAY_VERIFY = (PinState.AS_PINNED, PinState.NOT_VERIFIED)
_STOP_S = 2
# An app that decrypted nothing of us does so once it has published its signature of our identity.
# It does that after its `done`, and the server tells nobody else of it.
_UNTIL_READ_S = 3

_ONE_MINUTE = "Once the app shows them, it waits about a minute."
_ASKED = (
    "I have asked {user} in our private chat.\n"
    f"In Element, there: accept it, then compare by emoji. {_ONE_MINUTE}"
)
_STILL_INVITED = "They have still to accept my invitation to that chat: that comes first."
_THEY_ASKED = f"{{user}} asks to verify. In Element: compare by emoji. {_ONE_MINUTE}"
_UNDER_WAY = f"With {{user}} it is under way. In Element: compare by emoji. {_ONE_MINUTE}"
_ACCEPTED = "{user} accepted."
_OUR_YES = "Now {user} has to say so, too, in Element."
_DONE = "{user} and I have verified each other."
_TOLD_DONE = "🤝 We have verified each other."
_TOLD_FREE = " From now on I do what you ask."
_TOLD_SHIELDS = " Red shields that you still see on what I said go when you open the chat anew."
_TOLD_HOW = (
    "🤝 I am ready to compare emoji. Mine are shown at the shell: whoever runs this server "
    "types there\n`adminbot verify {user}`\n"
    "Have that open before you go on: once it shows emoji, your app waits about a minute."
)
_TOLD_ENDED = "🤝 Our comparison of emoji has ended. {why}\nNothing was verified. Again: `!verify`"
_NOT_WITH_ANY = (
    "Here every device of an admin counts (ADMINBOT_TRUST=any), so there is nothing to verify."
)
_NOTHING = " Nothing was verified. Again: `adminbot verify {user}`"
_BROKE = "Something broke on my side; the log has it."

_IF_AGAIN = "If that happens again, somebody sits between you two: leave it, and find out who."
_WE_ENDED = {
    "m.timeout": "It was not finished within ten minutes.",
    "m.mismatched_sas": f"At the shell it was said that the emoji differ. {_IF_AGAIN}",
    "m.mismatched_commitment": f"A key came that was not the promised one. {_IF_AGAIN}",
    "m.key_mismatch": f"The app of {{user}} does not have the keys that I know. {_IF_AGAIN}",
}
_THEY_ENDED = {
    "m.user": "It was cancelled in the app of {user}.",
    "m.timeout": (
        "The app of {user} waited no longer: about a minute, once it shows emoji. Be at the shell "
        "first."
    ),
    "m.mismatched_sas": f"In the app of {{user}} it was said that the emoji differ. {_IF_AGAIN}",
}
_STOPPED = "I was stopped in between."
_CUT_OFF = "I was cut off in between, and am here again."

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
        account: ClientApi,
        store: Store,
        policy: TrustPolicy,
        *,
        tasks: asyncio.TaskGroup,
        why_untrusted: Callable[[str, PinState], str],
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
        self._seats = ConsoleSessions()
        self._seen: deque[str] = deque(maxlen=_REMEMBERED)
        self._over: deque[str] = deque(maxlen=_REMEMBERED)
        self._cancelled: deque[str] = deque(maxlen=_REMEMBERED)

    # -- entrances

    async def take_up(self) -> None:
        """At start, before anything is heard: cancel what an earlier run left open."""
        for request in await self._store.requests.all():
            user_id = UserId.parse(request.user_id)
            work = partial(self._abandon, request, _CUT_OFF)
            self._start(user_id, request.room_id, request.transaction, work)

    async def stop(self) -> None:
        """At the end: cancel what is open, within two seconds. What is left, `take_up` ends."""
        with suppress(TimeoutError, AdminbotError):
            async with asyncio.timeout(_STOP_S):
                for request in await self._store.requests.all():
                    await self._abandon(request, _STOPPED)

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

    async def ask(self, user_id: UserId) -> Asked:
        """Ask a person, in our private chat, to verify.

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
    def seat(self, user_id: UserId) -> Iterator[ConsoleSession]:
        """A seat that hears what is under way with this person; if nothing is, it begins.

        When the seat is left, the verification goes on.
        """
        with self._seats.take(user_id) as seat:
            self._tasks.create_task(self._welcome(seat, user_id))
            yield seat

    async def _welcome(self, seat: ConsoleSession, user_id: UserId) -> None:
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
                seat.end(verified=False, text=exc.message())
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
                await self._give_up(user_id, room_id, transaction, "m.user", exc.message())
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
        elif step.transaction in self._cancelled:
            if step.kind in ("ready", "start"):  # a late tap: it must not wait for us
                await self._cancel(step.room_id, step.transaction, "m.user", txn=_new_txn())
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
        exchange = await self._begin(user_id, step.room_id, step.transaction)
        exchange.comparison = Comparison(step.transaction, self._us, them)
        await self._send(exchange, [sas.ready(step.transaction, self._us)])
        log.info("verification requested user=%s device=%s", user_id, them.device_id)
        self._say(user_id, _THEY_ASKED)
        if user_id not in self._seats:
            await self._tell(exchange, _TOLD_HOW.format(user=user_id))

    async def _proceed(self, exchange: _Exchange, step: Step) -> None:
        if step.kind == "cancel":
            await self._they_cancelled(exchange, step)
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
            raise Broken("m.user", "It was accepted on a device that does not count.")
        exchange.comparison = Comparison(exchange.transaction, self._us, them)
        await self._send(exchange, [exchange.comparison.begin()])
        self._say(exchange.user_id, _ACCEPTED)

    async def _they_cancelled(self, exchange: _Exchange, step: Step) -> None:
        code = code_of(step.content.get("code")) or "m.unknown"
        log.info("verification cancelled user=%s code=%r", exchange.user_id, code)
        why = _THEY_ENDED.get(code, f"The app of {{user}} ended it ({code}).")
        self._cancelled.append(exchange.transaction)
        self._end(exchange, verified=False, text=why)
        await self._tell_ended(exchange.user_id, exchange.room_id, exchange.transaction, why)
        await self._note_over(exchange.user_id)

    async def _party(self, answer: JSON, user_id: UserId, device_id: str) -> Party | None:
        """The other side by a /keys/query answer, if the device is of the pinned identity."""
        trusted = await self._policy.trusted(str(user_id), answer)
        pin = await self._store.pins.find(str(user_id))
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
        if standing is PinState.UNKNOWN:
            why = _NOT_WITH_ANY
        content = render.notice(why)
        txn = f"told-{step.event_id}"
        await self._chat.tell_untrusted(step.room_id, step.sender, content, txn=txn)

    # -- what we do

    async def _ask(self, user_id: UserId) -> Asked:
        """Noted before it goes out, so that it is not left open whatever happens."""
        await self._check(user_id)
        pin = await self._store.pins.find(str(user_id))
        room_id = await self._chat.ready_dm(user_id)
        await self._drop(user_id)
        request = OpenRequest(str(user_id), room_id, "", _new_txn(), now().isoformat())
        await self._store.requests.open(request)
        transaction = await self._send_request(request)
        await self._begin(user_id, room_id, transaction)
        log.info("verification asked for user=%s", user_id)
        self._say(user_id, _ASKED)
        still_invited = self._chat.is_invited(room_id, user_id)
        if still_invited:
            self._say(user_id, _STILL_INVITED)
        return Asked(pin is not None and pin.verified, still_invited)

    async def _send_request(self, request: OpenRequest) -> str:
        """Returns its event id; sent again, it is the same event."""
        content = sas.request(self._us, request.user_id)
        return await self._chat.send_in_clear(
            request.room_id, content, txn=request.txn, kind="m.room.message"
        )

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
        if standing is PinState.CHANGED:
            raise AdminbotError(
                f"{user_id} has another identity than I remember.",
                f"If they reset it themselves, first: `adminbot trust {user_id}`",
            )
        if standing is PinState.NO_IDENTITY:
            raise AdminbotError(
                f"{user_id} has no cross-signing identity.",
                HOW_TO_RECOVER,
            )
        if standing not in _MAY_VERIFY:
            raise AdminbotError(_NOT_WITH_ANY)

    async def _answer(self, exchange: _Exchange, match: bool | None) -> None:
        comparison = exchange.comparison
        if not self._is_current(exchange) or not comparison or comparison.agreed:
            return
        if match is None:
            raise Broken("m.user", "Nobody answered at the shell, so I cancelled it.")
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
        waited = self._policy.standing(str(user_id)) is PinState.NOT_VERIFIED
        told = _TOLD_DONE + (_TOLD_FREE if waited else "")
        renewed = await self._store.pins.is_renewed(user_id)
        told += _TOLD_SHIELDS if renewed else ""
        await self._policy.verified(user_id, them.master_key)
        log.info("verified user=%s master_key=%s", user_id, them.master_key)
        self._end(exchange, verified=True, text=_DONE)
        await self._send(exchange, [sas.done(exchange.transaction)])
        if renewed:
            await asyncio.sleep(_UNTIL_READ_S)
        await self._tell(exchange, told)
        await self._note_over(user_id)

    # -- beginning and ending

    async def _begin(self, user_id: UserId, room_id: str, transaction: str) -> _Exchange:
        begun = OpenRequest(str(user_id), room_id, transaction, "", now().isoformat())
        await self._store.requests.open(begun)

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
            self._cancelled.append(exchange.transaction)
            await self._cancel(exchange.room_id, exchange.transaction, "m.user")

    async def _give_up(
        self, user_id: UserId, room_id: str, transaction: str, code: str, why: str
    ) -> None:
        log.info("verification given up user=%s code=%s", user_id, code)
        if transaction in self._over:  # it was ended before, and nothing more is owed
            return
        exchange = self._exchanges.get(str(user_id))
        self._cancelled.append(transaction)
        if exchange and exchange.transaction == transaction:
            self._end(exchange, verified=False, text=why)
            await self._cancel(room_id, transaction, code)
            await self._tell_ended(user_id, room_id, transaction, why)
            await self._note_over(user_id)
        else:
            self._over.append(transaction)
            await self._cancel(room_id, transaction, code)

    async def _abandon(self, request: OpenRequest, why: str) -> None:
        """Cancel what was open when we ended. All of it may be done twice: it is the same."""
        user_id = UserId.parse(request.user_id)
        transaction = request.transaction or await self._find(request)
        if request.verified:
            await self._finish_telling(request)
        elif transaction:
            log.info("verification abandoned user=%s", user_id)
            self._over.append(transaction)
            self._cancelled.append(transaction)
            await self._cancel(request.room_id, transaction, "m.user")
            await self._chat.wait_until_known(request.room_id)
            await self._tell_ended(user_id, request.room_id, transaction, why)
        await self._note_over(user_id)

    async def _finish_telling(self, request: OpenRequest) -> None:
        """Both are verified, and that was kept: the last words were cut off, perhaps."""
        kind, content = sas.done(request.transaction)
        txn = _txn_of("done", request.transaction)
        try:
            await self._chat.send_in_clear(
                request.room_id, content, txn=txn, kind=VERIFICATION + kind
            )
        except AdminbotError as exc:
            log.warning("not done room=%s why=%s", request.room_id, exc)

    async def _find(self, request: OpenRequest) -> str:
        """The event id of a request that may be out or not; empty if it is no use any more."""
        if now() - datetime.fromisoformat(request.since) > _PATIENCE:
            return ""
        try:
            return await self._send_request(request)
        except AdminbotError as exc:
            log.info("no request to abandon user=%s why=%s", request.user_id, exc)
            return ""

    async def _note_over(self, user_id: UserId) -> None:
        """What cannot be noted now is cancelled once more at the next start: no harm."""
        with suppress(StateError):
            await self._store.requests.over(user_id)

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

    async def _tell_ended(self, user_id: UserId, room_id: str, transaction: str, why: str) -> None:
        """In the chat, once for each transaction."""
        for theirs, yours in (
            ("The app of {user}", "Your app"),
            ("the app of {user}", "your app"),
        ):
            why = why.replace(theirs, yours)
        text = _TOLD_ENDED.format(why=why.replace("{user}", "you"))
        try:
            await self._chat.send(room_id, render.notice(text), txn=_txn_of("ended", transaction))
        except AdminbotError as exc:
            log.warning("not told that it ended user=%s why=%s", user_id, exc)
        except Exception:
            log.exception("not told that it ended user=%s", user_id)

    async def _cancel(self, room_id: str, transaction: str, code: str, *, txn: str = "") -> None:
        """Cancel; again it is the same event, unless `txn` says otherwise."""
        reason = "Not verified." if code != "m.timeout" else "It took too long."
        kind, content = sas.cancel(transaction, code, reason)
        txn = txn or _txn_of("cancel", transaction)
        try:
            await self._chat.send_in_clear(room_id, content, txn=txn, kind=VERIFICATION + kind)
        except AdminbotError as exc:
            log.warning("not cancelled room=%s why=%s", room_id, exc)
        except Exception:
            log.exception("not cancelled room=%s", room_id)

    async def _send(self, exchange: _Exchange, messages: list[Message]) -> None:
        for kind, content in messages:
            kind = VERIFICATION + kind
            await self._chat.send_in_clear(exchange.room_id, content, txn=_new_txn(), kind=kind)


def _new_txn() -> str:
    """Random: after a restart the same step has another key in it, and is another event."""
    return f"verify-{secrets.token_hex(8)}"


def _txn_of(what: str, transaction: str) -> str:
    """The same for the same transaction, also after a restart."""
    return f"verify-{what}-{zlib.crc32(transaction.encode())}"
