"""Exchanges left open by a stop or a crash: cancelled, and the person is told."""

import logging
from datetime import datetime

from adminbot.chat.chat import Chat
from adminbot.errors import AdminbotError
from adminbot.store import OpenRequest, Store
from adminbot.values.ids import UserId
from adminbot.verification.exchange import Exchanges, Transaction, is_fresh
from adminbot.verification.messenger import Messenger

log = logging.getLogger(__name__)


class LeftOpen:
    """The requests noted as open; everything done with a request may be done twice."""

    def __init__(
        self, chat: Chat, store: Store, exchanges: Exchanges, messenger: Messenger
    ) -> None:
        self._chat = chat
        self._store = store
        self._exchanges = exchanges
        self._messenger = messenger

    async def all(self) -> list[OpenRequest]:
        return await self._store.requests.all()

    async def abandon(self, request: OpenRequest, why: str) -> None:
        """Cancel a request, or the exchange that followed. `why`: the reason, for the person."""
        transaction_id = request.transaction or await self._find(request)
        user_id = UserId.parse(request.user_id)
        transaction = Transaction(user_id, request.room_id, transaction_id)
        if request.verified:  # both of us are: the last words were cut off, perhaps
            await self._messenger.done(transaction)
        elif transaction.id:
            log.info("verification abandoned user=%s", user_id)
            self._exchanges.end(transaction, cancelled=True)
            await self._messenger.cancel(transaction, "m.user")
            await self._chat.rooms.wait_until_known(request.room_id)
            await self._messenger.tell_ended(transaction, why)
        await self._exchanges.note_over(user_id)

    async def _find(self, request: OpenRequest) -> str:
        """The event id of a request that may be out or not; empty for a request without use."""
        if not is_fresh(datetime.fromisoformat(request.since)):
            return ""
        try:
            return await self._messenger.request(request)
        except AdminbotError as exc:
            log.info("no request to abandon user=%s why=%s", request.user_id, exc)
            return ""
