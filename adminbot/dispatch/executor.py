"""One command carried out: the error boundary, the handler's context, the card at the end."""

import logging
import secrets
from dataclasses import replace
from datetime import timedelta
from functools import partial

from adminbot.accounts.act import Order
from adminbot.cards.delivery import CardDelivery
from adminbot.chat.incoming import Incoming
from adminbot.dispatch.context import Context, NotConfirmed
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import question_of
from adminbot.dispatch.refusals import typed_on
from adminbot.dispatch.replies import Replies
from adminbot.dispatch.router import Command, Reply
from adminbot.dispatch.services import Services
from adminbot.dispatch.suggestions import refusal
from adminbot.dispatch.turn import Turn
from adminbot.errors import AdminbotError, HomeserverError, StateError, UsageError
from adminbot.metrics import count
from adminbot.metrics.table import COMMANDS, UNKNOWN, Outcome
from adminbot.store import ActNote, Entry, Store
from adminbot.trust.change_limit import ChangeLimit
from adminbot.trust.lockdown import Lockdown
from adminbot.values.ids import UserId

log = logging.getLogger(__name__)

_NOTHING_MEANT = ("UsageError", "UnknownCommand")  # a slip of the tongue is no refusal


class Executor:
    """Runs the command lines of people who may command; every command line ends in one reply."""

    def __init__(
        self,
        services: Services,
        store: Store,
        replies: Replies,
        cards: CardDelivery,
        lockdown: Lockdown,
        limit: ChangeLimit,
    ) -> None:
        self._services = services
        self._store = store
        self._replies = replies
        self._cards = cards
        self._lockdown = lockdown
        self._limit = limit

    async def decide(self, incoming: Incoming, line: str, turn: Turn) -> Reply:
        """The error boundary: whatever happens below, one reply comes out and is kept.

        Raises StateError: nothing can be kept just now.
        """
        earlier = await self._store.acts.find(incoming.event_id)
        so_far = await self._store.acts.steps(incoming.event_id) if earlier else []
        outcome = "done"
        try:
            reply = await self._carry_out(incoming, line, earlier, turn)
            how = Outcome.ASKED if reply.ask else Outcome.DONE
        except StateError:
            raise
        except AdminbotError as exc:
            outcome, how = type(exc).__name__, _how(exc)
            event_id, sender = incoming.event_id, incoming.sender
            log.info("refused event=%s sender=%s why=%s", event_id, sender, outcome)
            reply = refusal(line, exc, self._services.router)
        except Exception:  # a bug in a handler or below: an answer is owed all the same
            ref = secrets.token_hex(4)
            log.exception("failed event=%s ref=%s", incoming.event_id, ref)
            reply, outcome, how = _broken(ref), f"bug {ref}", Outcome.BUG
        if earlier:
            reply = replace(reply, text=f"{_cut_off(so_far, outcome)}\n{reply.text}")
        question = question_of(incoming, line, reply)
        refused = await self._refusal(incoming, line, outcome)
        await self._store.inbox.decided(
            incoming.event_id, reply.to_json(), outcome, question, refused
        )
        command = self._services.router.find_in(line)
        count(COMMANDS, command.name if command else UNKNOWN, how)
        return reply

    async def _refusal(self, incoming: Incoming, line: str, outcome: str) -> Entry | None:
        """The audit's entry for a change that was refused before it was an act."""
        command = self._services.router.find_in(line)
        if outcome in ("done", *_NOTHING_MEANT) or command is None or not command.is_audited:
            return None
        if await self._store.acts.find(incoming.event_id):
            return None
        return await self._replies.refusals.entry(incoming, line, command.name, outcome)

    async def _carry_out(
        self, incoming: Incoming, line: str, earlier: ActNote | None, turn: Turn
    ) -> Reply:
        """`earlier`: the note of an earlier run, which a crash cut off."""
        try:
            self._check_is_one(line)
            command, args = self._services.router.resolve(line)
        except UsageError:
            async with self._replies.progress(incoming, always=True):
                raise
        always = command.changes(args) or command.brake
        async with self._replies.progress(incoming, always=always) as progress:
            if earlier and earlier.outcome == "done":
                reply = self._done_before(command, earlier)
            else:
                reply = await self._run(command, args, incoming, earlier, turn)
            progress.succeeded(with_question=bool(reply.ask))
        return reply

    def _check_is_one(self, line: str) -> None:
        """Raises UsageError for several commands in a message: the first would take the rest."""
        router, rules = self._services.router, self._services.rules
        for later in line.splitlines()[1:]:
            also = rules.line_in(later)
            if also is not None and (command := router.find_in(also)):
                raise UsageError(
                    f"One command a message, please: I found `!{command.name}` further down. "
                    "Nothing was done.",
                    "Send each in a message of its own.",
                )

    def _done_before(self, command: Command, act: ActNote) -> Reply:
        """The reply after a crash between the end of the act and the answer."""
        self._cards.wake()  # a card that is still to be delivered is theirs
        where = " Its login is in our private chat 🔐" if command.gives_card else ""
        return Reply(f"✅ `{command.name}` of `{act.target}` is done.{where}")

    async def _run(
        self, command: Command, args: Args, incoming: Incoming, earlier: ActNote | None, turn: Turn
    ) -> Reply:
        sender = UserId.parse(incoming.sender)
        log.info("command event=%s sender=%s name=%s", incoming.event_id, sender, command.name)
        if command.changes(args) and earlier is None:
            await self._lockdown.check_unlocked()
            age = timedelta(seconds=incoming.age_s)
            await self._limit.check(sender, age=age, is_brake=command.brake)
        context = self._context(command, incoming, turn, is_second_run=earlier is not None)
        if not command.gives_card:
            reply = await _handled(context, args)
            if command.changes(args):
                self._cards.wake()  # some of them may be worthless now
            return reply
        if earlier is None:
            self._cards.check_way(sender, typed_in=incoming.room_id)
        async with self._cards.way_made_ready(sender):
            reply = await _handled(context, args)
        if reply.card is None:
            return reply
        more = await self._cards.hand_out(reply.card, sender)
        return replace(reply, text=f"{reply.text}\n{more}") if more else reply

    def _context(
        self, command: Command, incoming: Incoming, turn: Turn, *, is_second_run: bool
    ) -> Context:
        async def say(text: str) -> None:
            turn.release()  # this will take a while
            await self._replies.say(incoming, text)

        order = Order(
            who=UserId.parse(incoming.sender),
            event_id=incoming.event_id,
            say=say,
            check=self._lockdown.check_unlocked,
            typed_on=typed_on(incoming),
        )
        running_total = partial(self._replies.running_total, incoming)
        return Context(incoming, command, order, self._services, running_total, is_second_run)


async def _handled(context: Context, args: Args) -> Reply:
    try:
        return await context.command.run(context, args)
    except NotConfirmed as exc:
        return exc.question


def _how(exc: AdminbotError) -> Outcome:
    if isinstance(exc, UsageError):
        return Outcome.MISTYPED
    return Outcome.FAILED if isinstance(exc, HomeserverError) else Outcome.REFUSED


def _broken(ref: str) -> Reply:
    return Reply(
        f"❌ Something broke on my side; the log has it under `{ref}`. See what is there: `!bots`"
    )


def _cut_off(so_far: list[str], outcome: str) -> str:
    """The sentence about an act that a crash cut off."""
    where = f" at “{so_far[-1]}”" if so_far else ""
    how = "finished it" if outcome == "done" else "tried again"
    return f"(I was cut off{where} and {how}.)"
