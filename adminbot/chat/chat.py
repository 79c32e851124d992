"""All that the service does in the chat, as one object."""

import logging

from adminbot.chat.client import Client
from adminbot.chat.direct_chats import DirectChats
from adminbot.chat.room_view import RoomView
from adminbot.chat.sender import Sender
from adminbot.errors import HomeserverError
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Store
from adminbot.trust.pins import TrustPolicy

log = logging.getLogger(__name__)


class Chat(Sender):
    """Sends, and has the parts: `rooms` as they are known, `direct_chats` with people."""

    def __init__(
        self,
        rooms: RoomView,
        client: Client,
        account: ClientApi,
        store: Store,
        policy: TrustPolicy,
        prefix: str,
    ) -> None:
        """`prefix`: of commands, put into whatever is said."""
        super().__init__(rooms, client, account, policy, prefix)
        self.direct_chats = DirectChats(self, client, account, store)

    async def join(self, room_id: str) -> None:
        """Accept an admin's invitation. A room of another server may take minutes to answer."""
        try:
            await self._account.join(room_id)
            log.info("joined on an admin's invitation room=%s", room_id)
        except HomeserverError as exc:
            log.warning("could not join room=%s why=%s", room_id, exc)
