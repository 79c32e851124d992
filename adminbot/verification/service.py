"""Verification by emoji: the participants, the order of steps, and the result.

The bot never says that the emoji are the same: the person at the shell does (a
`ConsoleSession`). The words are in texts.py, sending is in messenger.py, the open exchanges are in
exchange.py, and the arithmetic of the emoji is in sas.py.

Source: client-server API, "Key verification framework".
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from functools import partial

from adminbot.chat.chat import Chat
from adminbot.chat.incoming import Step
from adminbot.errors import AdminbotError
from adminbot.jobs.background import Background
from adminbot.store import OpenRequest, Store
from adminbot.trust.pins import Asked, PinState
from adminbot.values.ids import UserId
from adminbot.values.text import code_of
from adminbot.verification import events, texts
from adminbot.verification.console import ConsoleSession, ConsoleSessions
from adminbot.verification.events import Broken, Party
from adminbot.verification.exchange import (
    Exchange,
    Exchanges,
    Transaction,
    is_fresh,
    problem_in,
)
from adminbot.verification.left_open import LeftOpen
from adminbot.verification.messenger import Messenger
from adminbot.verification.party import Parties

log = logging.getLogger(__name__)

_REMEMBERED = 500  # events
_STOP_S = 2
# An app that decrypted nothing of us does so once it has published its signature of our identity.
# It does that after its `done`, and the server tells nobody else of it.
_UNTIL_READ_S = 3
_Work = Callable[[], Coroutine[None, None, None]]


class Verifications:
    """Answers verification events, asks for verifications, and keeps their result."""

    def __init__(
        self,
        chat: Chat,
        store: Store,
        parties: Parties,
        messenger: Messenger,
        background: Background,
    ) -> None:
        self._chat = chat
        self._parties = parties
        self._messenger = messenger
        self._background = background
        self._turns: defaultdict[UserId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._exchanges = Exchanges(store)
        self._left_open = LeftOpen(chat, store, self._exchanges, messenger)
        self._sessions = ConsoleSessions()
        self._seen: deque[str] = deque(maxlen=_REMEMBERED)

    # -- entrances

    async def take_up(self) -> None:
        """At start, before anything is heard: cancel what an earlier run left open."""
        for request in await self._left_open.all():
            self._background.start(self._abandon(request))

    async def _abandon(self, request: OpenRequest) -> None:
        async with self._turns[UserId.parse(request.user_id)]:
            await self._left_open.abandon(request, texts.CUT_OFF)

    async def stop(self) -> None:
        """At the end: cancel what is open, within two seconds. What is left, `take_up` ends."""
        with suppress(TimeoutError, AdminbotError):
            async with asyncio.timeout(_STOP_S):
                for request in await self._left_open.all():
                    await self._left_open.abandon(request, texts.STOPPED)

    def take(self, step: Step) -> None:
        """Called inside the sync loop, with events of admins: hand over and return."""
        if step.event_id in self._seen:  # a sync that failed half-way brings it again
            return
        self._seen.append(step.event_id)
        at_home = self._chat.rooms.is_own_dm(step.room_id, step.sender)
        if not at_home or not self._chat.rooms.is_encrypted(step.room_id):
            log.info("verification elsewhere user=%s room=%s", step.sender, step.room_id)
            return
        transaction = Transaction(UserId.parse(step.sender), step.room_id, step.transaction)
        self._start(transaction, partial(self._take, transaction, step))

    async def ask(self, user_id: UserId) -> Asked:
        """Ask a person, in our private chat, to verify.

        An exchange under way is cancelled: the new exchange takes the place.

        Raises:
            AdminbotError: there is no identity to verify, or not the remembered identity.
        """
        async with self._turns[user_id]:
            return await self._ask(user_id)

    def answer(self, user_id: UserId, transaction_id: str, *, match: bool | None) -> None:
        """The operator's word on the shown emoji; None: no word, and the exchange is to end."""
        found = self._exchanges.of(user_id)
        if found and found.transaction.id == transaction_id:
            self._start(found.transaction, partial(self._answer, found.transaction, match))

    @contextmanager
    def session(self, user_id: UserId) -> Iterator[ConsoleSession]:
        """A session at the shell, told of the exchange with a person; begins one if none is open.

        When the session ends, the verification goes on.
        """
        with self._sessions.open(user_id) as session:
            self._background.start(self._join(session, user_id))
            yield session

    async def _join(self, session: ConsoleSession, user_id: UserId) -> None:
        async with self._turns[user_id]:
            if found := self._exchanges.of(user_id):
                text = texts.UNDER_WAY if found.waits_for_us else texts.OUR_YES
                session.say(texts.at_shell(text, user_id))
                if found.waits_for_us:
                    session.show(found.shown, found.transaction.id)
            elif problem := await problem_in(self._ask(user_id)):
                session.end(verified=False, text=problem.why)

    def _start(self, transaction: Transaction, work: _Work) -> None:
        self._background.start(self._in_turn(transaction, work))

    async def _in_turn(self, transaction: Transaction, work: _Work) -> None:
        """One step after the other per person. A problem ends an exchange, and nothing else."""
        async with self._turns[transaction.user_id]:
            if problem := await problem_in(work()):
                await self._give_up(transaction, problem)

    # -- what the other side sends

    async def _take(self, transaction: Transaction, step: Step) -> None:
        if step.kind == "request":
            await self._take_request(transaction, step)
        elif found := self._exchanges.find(transaction):
            await self._proceed(found, step)
        elif self._exchanges.was_cancelled(transaction):
            if step.kind in ("ready", "start"):  # a late tap: it must not wait for us
                await self._messenger.cancel_anew(transaction, "m.user")
        elif step.kind not in ("done", "cancel"):
            raise Broken("m.unknown_transaction")

    async def _take_request(self, transaction: Transaction, step: Step) -> None:
        us, user_id = self._parties.us, transaction.user_id
        fresh = is_fresh(step.sent_at)
        if not fresh or step.content.get("to") != us.user_id:
            log.info("verification request passed over user=%s fresh=%s", user_id, fresh)
            return
        if not (them := await self._offering(user_id, step)):
            return
        await self._drop(user_id)
        begun = await self._exchanges.begin(transaction, self._time_out)
        begun.compare(us, them)
        await self._messenger.send(transaction, [events.ready(transaction.id, us)])
        log.info("verification requested user=%s device=%s", user_id, them.device_id)
        self._sessions.say(user_id, texts.THEY_ASKED)
        if user_id not in self._sessions:
            await self._messenger.tell(transaction, texts.at_shell(texts.TOLD_HOW, user_id))

    async def _offering(self, user_id: UserId, step: Step) -> Party | None:
        """The device of a request or a ready, if the device counts; else the person is told."""
        them = await self._parties.find(user_id, events.offering_device(step.content))
        if them is None:
            await self._messenger.refuse(step, self._parties.standing(user_id))
        return them

    async def _proceed(self, found: Exchange, step: Step) -> None:
        if step.kind == "cancel":
            await self._they_cancelled(found.transaction, step)
        elif step.kind == "ready":
            await self._take_ready(found, step)
        elif found.comparison is None:
            raise Broken("m.unexpected_message")
        elif step.kind != "done":
            was_shown = found.shown
            messages = found.comparison.take(step.kind, step.content)
            await self._messenger.send(found.transaction, messages)
            if not was_shown:
                self._sessions.show(found.user_id, found.shown, found.transaction.id)
            await self._finish(found)

    async def _take_ready(self, found: Exchange, step: Step) -> None:
        if found.comparison:  # another device of theirs, too late
            return
        them = await self._offering(found.user_id, step)
        if them is None:
            raise Broken("m.user", texts.WRONG_DEVICE)
        begin = found.compare(self._parties.us, them).begin()
        await self._messenger.send(found.transaction, [begin])
        self._sessions.say(found.user_id, texts.ACCEPTED)

    async def _they_cancelled(self, transaction: Transaction, step: Step) -> None:
        code = code_of(step.content.get("code")) or "m.unknown"
        log.info("verification cancelled user=%s code=%r", transaction.user_id, code)
        why = texts.they_ended(code)
        self._exchanges.end(transaction, cancelled=True)
        self._sessions.failed(transaction.user_id, why)
        await self._tell_ended(transaction, why)

    # -- what we do

    async def _ask(self, user_id: UserId) -> Asked:
        await self._parties.check(user_id)
        before = await self._parties.is_verified(user_id)
        room_id = await self._chat.direct_chats.ready(user_id)
        await self._drop(user_id)
        request = await self._exchanges.plan(user_id, room_id)
        transaction = Transaction(user_id, room_id, await self._messenger.request(request))
        await self._exchanges.begin(transaction, self._time_out)
        log.info("verification asked for user=%s", user_id)
        self._sessions.say(user_id, texts.ASKED)
        still_invited = self._chat.rooms.is_invited(room_id, user_id)
        if still_invited:
            self._sessions.say(user_id, texts.STILL_INVITED)
        return Asked(before, still_invited)

    async def _answer(self, transaction: Transaction, match: bool | None) -> None:
        found = self._exchanges.find(transaction)
        if found and (messages := found.answer(match)):
            await self._messenger.send(transaction, messages)
            if not found.settled_with:
                self._sessions.say(transaction.user_id, texts.OUR_YES)
            await self._finish(found)

    async def _finish(self, found: Exchange) -> None:
        """Keep the result, if both sides have said that the emoji are the same.

        Cut off in between, the other identity is signed and does not count as verified: the work
        is then done again. If the identity has changed since: m.key_mismatch.
        """
        them = found.settled_with
        if not them:
            return
        transaction, user_id = found.transaction, found.user_id
        await self._parties.sign(them)
        was_waiting = self._parties.standing(user_id) is PinState.NOT_VERIFIED
        is_renewed = await self._parties.is_renewed(user_id)
        await self._parties.keep(them)
        self._exchanges.end(transaction, cancelled=False)
        self._sessions.verified(user_id)
        await self._messenger.done(transaction)
        if is_renewed:
            await asyncio.sleep(_UNTIL_READ_S)
        text = texts.verified_in_chat(was_waiting=was_waiting, has_shields=is_renewed)
        await self._messenger.tell(transaction, text)
        await self._exchanges.note_over(user_id)

    # -- an end without a result

    def _time_out(self, transaction: Transaction) -> None:
        self._start(transaction, partial(self._timed_out, transaction))

    async def _timed_out(self, transaction: Transaction) -> None:
        if self._exchanges.find(transaction):
            raise Broken("m.timeout")

    async def _drop(self, user_id: UserId) -> None:
        """Cancel the exchange under way; sessions at the shell go on with the next exchange."""
        if found := self._exchanges.of(user_id):
            await self._cancel(found.transaction, "m.user")

    async def _give_up(self, transaction: Transaction, problem: Broken) -> None:
        log.info("verification given up user=%s code=%s", transaction.user_id, problem.code)
        if self._exchanges.has_ended(transaction):  # and nothing more is owed
            return
        why = problem.why or texts.we_ended(problem.code)
        was_open = self._exchanges.find(transaction)
        if was_open:
            self._sessions.failed(transaction.user_id, why)
        await self._cancel(transaction, problem.code)
        if was_open:
            await self._tell_ended(transaction, why)

    async def _cancel(self, transaction: Transaction, code: str) -> None:
        self._exchanges.end(transaction, cancelled=True)
        await self._messenger.cancel(transaction, code)

    async def _tell_ended(self, transaction: Transaction, why: str) -> None:
        """Tell in the chat, and then note that nothing is open any more."""
        await self._messenger.tell_ended(transaction, why)
        await self._exchanges.note_over(transaction.user_id)
