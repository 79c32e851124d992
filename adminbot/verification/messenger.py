"""Everything sent in a verification: the events, and words to the person.

Events go out in clear (`Chat.send_in_clear`), words encrypted.
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from adminbot.chat.chat import Chat
from adminbot.chat.incoming import VERIFICATION, Step
from adminbot.store import OpenRequest
from adminbot.trust.pins import PinState
from adminbot.values.ids import txn_id
from adminbot.values.render import notice
from adminbot.verification import events, texts
from adminbot.verification.events import Message, Party
from adminbot.verification.exchange import Transaction, new_txn, problem_in

log = logging.getLogger(__name__)


class Messenger:
    """Sends what a transaction owes."""

    def __init__(
        self,
        chat: Chat,
        us: Party,
        *,
        why_untrusted: Callable[[str, PinState], str],
    ) -> None:
        self._chat = chat
        self._us = us
        self._why_untrusted = why_untrusted

    async def request(self, request: OpenRequest) -> str:
        """Ask the person; returns the event id. The same request sent again is the same event."""
        content = events.request(self._us, request.user_id)
        return await self._chat.send_in_clear(
            request.room_id, content, txn=request.txn, kind="m.room.message"
        )

    async def send(self, transaction: Transaction, messages: list[Message]) -> None:
        for message in messages:
            await self._send(transaction, message, txn=new_txn())

    async def cancel(self, transaction: Transaction, code: str) -> None:
        """Cancel; cancelled again, the server sees the same event. A failure is logged."""
        await self._cancel(transaction, code, txn=_txn_of("cancel", transaction))

    async def cancel_anew(self, transaction: Transaction, code: str) -> None:
        """Cancel once more, as another event: the other side has gone on after the first."""
        await self._cancel(transaction, code, txn=new_txn())

    async def done(self, transaction: Transaction) -> None:
        """Say that both are verified; said again, the server sees the same event."""
        message = events.done(transaction.id)
        work = self._send(transaction, message, txn=_txn_of("done", transaction))
        await _logged("done", transaction, work)

    async def tell(self, transaction: Transaction, text: str) -> None:
        """Say something in words, encrypted."""
        await self._chat.send(transaction.room_id, notice(text), txn=new_txn())

    async def tell_ended(self, transaction: Transaction, why: str) -> None:
        """Say why the transaction ended, once for each transaction. A failure is logged."""
        content = notice(texts.ended_in_chat(why))

        async def tell() -> None:
            txn = _txn_of("ended", transaction)
            await self._chat.send(transaction.room_id, content, txn=txn)

        await _logged("told that it ended", transaction, tell())

    async def refuse(self, step: Step, standing: PinState) -> None:
        """Say why a device does not count, and the remedy, in a form that the device can read."""
        log.info("verification refused user=%s standing=%s", step.sender, standing.value)
        unknown = standing is PinState.UNKNOWN
        why = texts.NOT_WITH_ANY if unknown else self._why_untrusted(step.sender, standing)
        await self._chat.tell_untrusted(
            step.room_id, step.sender, notice(why), txn=f"told-{step.event_id}"
        )

    async def _cancel(self, transaction: Transaction, code: str, *, txn: str) -> None:
        reason = "Not verified." if code != "m.timeout" else "It took too long."
        message = events.cancel(transaction.id, code, reason)
        await _logged("cancelled", transaction, self._send(transaction, message, txn=txn))

    async def _send(self, transaction: Transaction, message: Message, *, txn: str) -> None:
        kind, content = message
        kind = VERIFICATION + kind
        await self._chat.send_in_clear(transaction.room_id, content, txn=txn, kind=kind)


async def _logged(what: str, transaction: Transaction, work: Coroutine[Any, Any, None]) -> None:
    """Send the last words of a transaction. The transaction has ended, sent or not."""
    if problem := await problem_in(work):
        user_id, room_id = transaction.user_id, transaction.room_id
        log.warning("not %s user=%s room=%s why=%s", what, user_id, room_id, problem.why)


def _txn_of(what: str, transaction: Transaction) -> str:
    """The same for the same transaction, also after a restart."""
    return txn_id(f"verify-{what}", transaction.id)
