"""Everything said in the room of a message: answers, words in between, refusals, marks.

An answer or a refusal has a transaction id made from the message's event id: sent again after
a crash, the server takes the answer for the same event.
"""

import logging
import secrets
from contextlib import suppress

from adminbot.chat.chat import Chat
from adminbot.chat.incoming import Incoming
from adminbot.dispatch.progress import DONE, FAILED, Progress, quietly
from adminbot.dispatch.questions import noted_as, time_to_confirm_ends
from adminbot.dispatch.rate_limit import RefusalLimit
from adminbot.dispatch.refusals import Refusals
from adminbot.dispatch.router import Reply
from adminbot.dispatch.running_total import RunningTotal
from adminbot.errors import AdminbotError, HomeserverError, NotDeliverable, StateError
from adminbot.jobs.background import Background
from adminbot.store import Store
from adminbot.values import render

log = logging.getLogger(__name__)


class Replies:
    """Sends, and notes what was sent."""

    def __init__(
        self, chat: Chat, store: Store, background: Background, refusals: Refusals
    ) -> None:
        self._chat = chat
        self._store = store
        self._background = background
        self.refusals = refusals
        self._may_be_told = RefusalLimit()

    async def answer(self, incoming: Incoming, reply: Reply) -> None:
        """Give the one answer to a message, and take the message out of the inbox.

        Raises StateError: the answer stays decided, and is given again once that can be noted.
        """
        content = render.notice(reply.text, reply_to=incoming.about)
        try:
            event_id = await self._chat.send(
                incoming.room_id, content, txn=f"reply-{incoming.event_id}"
            )
        except StateError:
            raise
        except AdminbotError as exc:
            log.warning("answer not given event=%s why=%s", incoming.event_id, exc)
            await self._store.questions.drop(noted_as(incoming))
            await self._store.inbox.answered(incoming.event_id)
            return
        if reply.ask:
            await self._store.questions.asked(noted_as(incoming), event_id, time_to_confirm_ends())
        await self._store.inbox.answered(incoming.event_id)
        if reply.tap:
            await self._put_marks(incoming.room_id, event_id)

    async def no_answer(self, incoming: Incoming) -> None:
        """Take a message that wants no answer out of the inbox."""
        await self._store.inbox.answered(incoming.event_id)

    async def say(self, incoming: Incoming, text: str) -> None:
        """Something in between, told or not: what is under way goes on."""
        content = render.notice(text, reply_to=incoming.about)
        txn = f"say-{secrets.token_hex(8)}"
        with suppress(HomeserverError, NotDeliverable):
            await self._chat.send(incoming.room_id, content, txn=txn)

    async def refuse(self, incoming: Incoming, text: str, line: str, command: str) -> None:
        """Tell why a line is not carried out; a refused change, `command`, goes into the audit."""
        await self.tell(incoming.room_id, incoming.about, incoming.sender, text)
        if not command:
            return
        why = render.plain(text).removeprefix("🔒 ").split(". ")[0].split(", so I ")[0]
        if entry := await self.refusals.entry(incoming, line, command, why):
            await self._store.audit.add(entry)

    async def tell(self, room_id: str, event_id: str, sender: str, text: str) -> None:
        """Say something harmless that also an untrusted device can read, within RefusalLimit."""
        if not self._may_be_told.allows(sender, room_id):
            return
        log.info("told event=%s sender=%s", event_id, sender)
        content = render.notice(text, reply_to=event_id)
        try:
            await self._chat.tell_untrusted(room_id, sender, content, txn=f"told-{event_id}")
        except StateError:
            raise
        except AdminbotError as exc:
            log.warning("not told event=%s why=%s", event_id, exc)

    def progress(self, incoming: Incoming, *, always: bool) -> Progress:
        """⏳ under a command while it runs; see Progress."""
        return Progress(self._chat, incoming, self._background.start, always=always)

    def running_total(self, incoming: Incoming) -> RunningTotal:
        """The one message that says how far a long command is."""
        return RunningTotal(self._chat, incoming, self._background.start)

    async def _put_marks(self, room_id: str, event_id: str) -> None:
        for key in (DONE, FAILED):
            txn = f"ask-{key}-{event_id}"
            await quietly(self._chat.react(room_id, event_id, key, txn=txn))
