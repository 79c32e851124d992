"""One command carried out: the error boundary, what the command is given, the card at its end."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from functools import partial

from adminbot.accounts.inspection import Inspector
from adminbot.accounts.lifecycle import Accounts
from adminbot.accounts.order import Order
from adminbot.cards.delivery import CardDelivery
from adminbot.chat import Chat
from adminbot.chat.incoming import Incoming
from adminbot.config import Trust
from adminbot.dispatch.context import Context
from adminbot.dispatch.progress import DONE, Progress
from adminbot.dispatch.questions import question_of
from adminbot.dispatch.router import Args, Command, Reply, Router, split
from adminbot.dispatch.turn import Turn
from adminbot.errors import (
    FIRST_ACCEPT,
    HOW_TO_VERIFY,
    AdminbotError,
    HomeserverError,
    NotDeliverable,
    StateError,
)
from adminbot.jobs.alarm import Alarm
from adminbot.jobs.background import Background
from adminbot.jobs.device_watch import DeviceWatch
from adminbot.store import ActNote, Store
from adminbot.trust.lockdown import Restraint
from adminbot.trust.pins import Asked, TrustPolicy
from adminbot.values import render
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)


class Executor:
    """Runs a command line of somebody who may; whatever happens, one reply comes out."""

    def __init__(
        self,
        *,
        chat: Chat,
        store: Store,
        policy: TrustPolicy,
        trust: Trust,
        keeper: Accounts,
        inspector: Inspector,
        cards: CardDelivery,
        arrivals: DeviceWatch,
        router: Router,
        prefix: str,
        admin_room: str,
        verify: Callable[[UserId], Awaitable[Asked]],
        restraint: Restraint,
        alarm: Alarm,
        background: Background,
    ) -> None:
        self._chat = chat
        self._store = store
        self._policy = policy
        self._trust = trust
        self._keeper = keeper
        self._inspector = inspector
        self._cards = cards
        self._arrivals = arrivals
        self._router = router
        self._prefix = prefix
        self._admin_room = admin_room
        self._verify = verify
        self._restraint = restraint
        self._alarm = alarm
        self._start = background.start

    def asks_at_once(self, incoming: Incoming, line: str) -> bool:
        """Whether a command line needs local work only: a brake asks first, and then acts."""
        return not incoming.confirmed and self.is_at_once(line)

    def is_at_once(self, line: str) -> bool:
        """Whether a command line waits for nothing that its sender asked for before."""
        name, *_ = split(line) or [""]
        command = self._router.find(name)
        return command is not None and command.at_once

    async def decide(self, incoming: Incoming, line: str, turn: Turn) -> Reply:
        """The error boundary: whatever happens below, one reply comes out, and is kept."""
        noted = await self._store.acts.find(incoming.event_id)
        so_far = await self._store.acts.steps(incoming.event_id) if noted else []
        outcome = "done"
        try:
            command, args = self._router.resolve(line, self._prefix)
            async with Progress(
                self._chat, incoming, self._start, always=command.acts
            ) as progress:
                reply = await self._run(command, args, incoming, noted, turn)
                progress.mark = "" if reply.ask else DONE
        except StateError:
            raise
        except AdminbotError as exc:
            log.info(
                "refused event=%s sender=%s why=%s",
                incoming.event_id,
                incoming.sender,
                type(exc).__name__,
            )
            reply, outcome = Reply(f"❌ {self._in_prefix(exc.message())}"), type(exc).__name__
        except Exception:
            ref = secrets.token_hex(4)
            log.exception("failed event=%s ref=%s", incoming.event_id, ref)
            reply = Reply(
                f"❌ Something broke on my side; the log has it under `{ref}`. "
                f"See what is there: `{self._prefix}bots`",
            )
            outcome = f"bug {ref}"
        if noted:
            reply = replace(reply, text=f"{_cut_off(so_far, outcome)}\n{reply.text}")
        question = question_of(incoming, line, reply)
        await self._store.inbox.decided(incoming.event_id, reply.to_json(), outcome, question)
        return reply

    def _in_prefix(self, text: str) -> str:
        """What is said below this speaks of `!commands`, whatever the prefix is here."""
        return text.replace("`!", f"`{self._prefix}")

    async def _run(
        self, command: Command, args: Args, incoming: Incoming, earlier: ActNote | None, turn: Turn
    ) -> Reply:
        """`earlier`: the act as an earlier run noted it."""
        sender = UserId.parse(incoming.sender)
        if earlier and earlier.outcome == "done":
            # Cut off between the end of the act and its answer; a card is the card desk's.
            self._cards.wake()
            where = " Its login is in our private chat 🔐" if command.gives_card else ""
            return Reply(f"✅ `{command.name}` of `{earlier.target}` is done.{where}")
        log.info("command event=%s sender=%s name=%s", incoming.event_id, sender, command.name)

        async def say(text: str) -> None:
            turn.release()  # this will take a while
            content = render.notice(self._in_prefix(text), reply_to=incoming.about)
            txn = f"say-{secrets.token_hex(8)}"
            with suppress(HomeserverError, NotDeliverable):  # the act goes on, told or not
                await self._chat.send(incoming.room_id, content, txn=txn)

        if command.acts and earlier is None:
            age = timedelta(seconds=incoming.age_s)
            await self._restraint.check(sender, age=age, is_brake=command.brake)
        context = Context(
            sender=sender,
            order=Order(
                owner=sender,
                event_id=incoming.event_id,
                say=say,
                will=partial(self._store.acts.will, incoming.event_id),
                check=self._restraint.check_unlocked,
            ),
            room_id=incoming.room_id,
            prefix=self._prefix,
            confirmed=incoming.confirmed,
            bots=self._keeper,
            look=self._inspector,
            router=self._router,
            trust=self._trust,
            may_act=self._policy.may_receive(str(sender)),
            verify=partial(self._verify, sender),
            lock=partial(self._lock, incoming),
        )
        if not command.gives_card:
            reply = await command.run(context, args)
            if command.acts:
                self._cards.wake()  # some of them may be worthless now
            return reply
        if earlier is None:
            self._check_safe(sender, incoming.room_id)
        # The chat is made ready while Synapse hashes the password.
        ready = asyncio.create_task(self._cards.get_ready(sender))
        try:
            reply = await command.run(context, args)
        except BaseException:
            ready.cancel()
            raise
        await ready
        return await self._with_card(sender, reply)

    async def _lock(self, incoming: Incoming) -> bool:
        before = await self._restraint.lock(UserId.parse(incoming.sender))
        if not before and incoming.room_id != self._admin_room:
            self._alarm.tell_room(f"🔒 `{incoming.sender}` has locked me down: I change nothing.")
        return before

    def _check_safe(self, sender: UserId, room_id: str) -> None:
        """Before anything is made: is there a way for the secret, and who looks on?"""
        if not self._chat.can_reach(sender):
            raise NotDeliverable(
                "None of your devices may read a card right now. Nothing was made.",
                HOW_TO_VERIFY,
            )
        problem = self._chat.why_unfit(room_id, self._policy.admins)
        if problem and room_id == self._admin_room:
            raise NotDeliverable(
                f"This room is no place for that, because {problem}. Nothing was made.",
                "Type it in our private chat.",
            )

    async def _with_card(self, reader: UserId, reply: Reply) -> Reply:
        if reply.card is None:
            return reply
        try:
            if not await self._cards.deliver(reply.card):
                ended = "A later command ended that login again, so its card does not go out."
                return replace(reply, text=f"{reply.text}\n{ended}")
            if await self._chat.dm_is_open_invitation(reader):
                return replace(reply, text=f"{reply.text}\n{FIRST_ACCEPT}")
        except (AdminbotError, OSError, TimeoutError) as exc:
            self._cards.wake()  # it tries again and again
            why = str(exc) if isinstance(exc, AdminbotError) else "The network failed."
            return replace(
                reply, text=f"{reply.text}\nNot yet: {why} I keep trying to deliver the card."
            )
        finally:
            self._arrivals.wake()  # not before: its requests would compete with the card's
        return reply


def _cut_off(so_far: list[str], outcome: str) -> str:
    """What a person is told of an act that a crash cut off."""
    where = f" at “{so_far[-1]}”" if so_far else ""
    how = "finished it" if outcome == "done" else "tried again"
    return f"(I was cut off{where} and {how}.)"
