"""One command carried out: the error boundary, what the command is given, the card at its end."""

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from adminbot import render
from adminbot.alarm import Alarm
from adminbot.arrivals import Arrivals
from adminbot.background import Background
from adminbot.cards import CardDesk
from adminbot.chat import Chat
from adminbot.chat.incoming import Incoming
from adminbot.config import Trust
from adminbot.context import Context
from adminbot.errors import (
    FIRST_ACCEPT,
    HOW_TO_VERIFY,
    AdminbotError,
    NotDeliverable,
    StateError,
)
from adminbot.ids import UserId
from adminbot.inspection import Inspector
from adminbot.lifecycle import BotKeeper
from adminbot.order import Order
from adminbot.progress import DONE, Progress
from adminbot.restraint import Restraint
from adminbot.router import Args, Command, Reply, Router
from adminbot.store import Act, Store
from adminbot.trust import Asked, TrustPolicy
from adminbot.turn import Turn

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
        keeper: BotKeeper,
        inspector: Inspector,
        cards: CardDesk,
        arrivals: Arrivals,
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

    async def decide(self, incoming: Incoming, line: str, turn: Turn) -> Reply:
        """The error boundary: whatever happens below, one reply comes out, and is kept."""
        noted = await self._store.find_act(incoming.event_id)
        so_far = await self._store.steps(incoming.event_id) if noted else []
        outcome = "done"
        try:
            command, args = self._router.resolve(line, self._prefix)
            async with Progress(self._chat, incoming, self._start, command.acts) as progress:
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
            # Errors speak of `!commands`, whatever the prefix is here.
            told = exc.told().replace("`!", f"`{self._prefix}")
            reply, outcome = Reply(f"❌ {told}"), type(exc).__name__
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
        await self._store.decided(incoming.event_id, reply.to_json(), outcome)
        return reply

    async def _run(
        self, command: Command, args: Args, incoming: Incoming, done: Act | None, turn: Turn
    ) -> Reply:
        """`done`: the act as an earlier run noted it."""
        sender = UserId.parse(incoming.sender)
        if done and done.outcome == "done":
            # Cut off between the end of the act and its answer; a card is the card desk's.
            self._cards.hurry()
            where = " Its login is in our private chat 🔐" if command.gives_card else ""
            return Reply(f"✅ `{command.name}` of `{done.target}` is done.{where}")
        log.info("command event=%s sender=%s name=%s", incoming.event_id, sender, command.name)

        async def say(text: str) -> None:
            turn.release()  # this will take a while: the person's next command need not wait
            content = render.notice(text, reply_to=incoming.event_id)
            txn = f"say-{secrets.token_hex(8)}"
            await self._chat.send(incoming.room_id, content, txn=txn)

        if command.acts and done is None:
            await self._restraint.check(sender, age=timedelta(seconds=incoming.age_s))
        context = Context(
            sender=sender,
            order=Order(
                owner=sender,
                event_id=incoming.event_id,
                say=say,
                will=partial(self._store.will, incoming.event_id),
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
                self._cards.hurry()  # some of them may be worthless now
            return reply
        if done is None:
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
            await self._cards.deliver(reply.card)
            if await self._chat.dm_is_open_invitation(reader):
                return replace(reply, text=f"{reply.text}\n{FIRST_ACCEPT}")
        except (AdminbotError, OSError, TimeoutError) as exc:
            self._cards.hurry()  # it tries again and again
            why = str(exc) if isinstance(exc, AdminbotError) else "The network failed."
            return replace(
                reply, text=f"{reply.text}\nNot yet: {why} I keep trying to deliver the card."
            )
        finally:
            self._arrivals.hurry()  # not before: its requests would compete with the card's
        return reply


def _cut_off(so_far: list[str], outcome: str) -> str:
    """What a person is told of an act that a crash cut off."""
    where = f" at “{so_far[-1]}”" if so_far else ""
    how = "finished it" if outcome == "done" else "tried again"
    return f"(I was cut off{where} and {how}.)"
