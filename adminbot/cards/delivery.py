"""Cards: how a secret leaves. Two messages in the requester's own chat, taken back in time.

A card is sealed in the store before the first send, and forgotten there after the second. Both
messages have fixed transaction ids, so that a send repeated after a crash is the same send.
"""

import asyncio
import json
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from adminbot.cards.text import SAVED, CardText
from adminbot.chat.chat import Chat
from adminbot.errors import (
    FIRST_ACCEPT,
    HOW_TO_VERIFY,
    AdminbotError,
    HomeserverError,
    NotDeliverable,
)
from adminbot.store import Card, Store
from adminbot.trust.lockdown import Lockdown
from adminbot.values.clock import until
from adminbot.values.ids import UserId, txn_id
from adminbot.values.render import block, edit, ringing
from adminbot.values.signal import Signal

log = logging.getLogger(__name__)


class CardDelivery:
    """Delivers cards and takes cards back. When, `jobs.card_watch` says."""

    def __init__(self, chat: Chat, store: Store, text: CardText, lockdown: Lockdown) -> None:
        self._lockdown = lockdown
        self._chat = chat
        self._store = store
        self._text = text
        self.wake: Signal[[]] = Signal()  # some cards may be due
        self.tried: Signal[[]] = Signal()  # a new card is out, or will be tried again later
        self._busy: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    def check_way(self, reader: UserId, *, typed_in: str) -> None:
        """Before anything is made: is there a way for the secret, and who looks on?

        Raises NotDeliverable: nobody could read the card, or somebody else reads the room
        `typed_in`.
        """
        if not self._chat.rooms.can_reach(reader):
            raise NotDeliverable(
                "None of your devices may read a card right now. Nothing was made.",
                HOW_TO_VERIFY,
            )
        problem = self._chat.rooms.why_no_card_from(typed_in)
        if problem:
            raise NotDeliverable(
                f"This room is no place for that, because {problem}. Nothing was made.",
                "Type it in our private chat.",
            )

    @asynccontextmanager
    async def way_made_ready(self, reader: UserId) -> AsyncIterator[None]:
        """Beside the making of a secret (Synapse hashes a password): do what sending will need."""
        getting_ready = asyncio.create_task(self._get_ready(reader))
        try:
            yield
        except BaseException:
            getting_ready.cancel()
            raise
        await getting_ready

    async def _get_ready(self, reader: UserId) -> None:
        try:
            await self._chat.direct_chats.ready(reader)
        except (AdminbotError, OSError, TimeoutError) as exc:
            log.info("direct chat not ready yet user=%s why=%s", reader, exc)

    async def hand_out(self, card_id: int, reader: UserId) -> str:
        """Deliver a new card, now or later; returns what the reader has to know besides."""
        try:
            if not await self.deliver(card_id):
                return "A later command ended that login again, so its card does not go out."
            is_invited = await self._chat.direct_chats.is_open_invitation(reader)
        except (AdminbotError, OSError, TimeoutError) as exc:
            self.wake()  # it is tried again and again
            why = str(exc) if isinstance(exc, AdminbotError) else "The network failed."
            return f"Not yet: {why} I keep trying to deliver the card."
        finally:
            self.tried()
        return FIRST_ACCEPT if is_invited else ""

    async def deliver(self, card_id: int) -> bool:
        """Send a card's two messages, then forget its content.

        Returns False if a later command ended the login on the card: the card does not go out.

        Raises:
            NotDeliverable: there is no safe way to the reader now, or a lockdown.
            HomeserverError: not sent, or half.
        """
        async with self._busy[card_id]:
            card = await self._store.cards.find(card_id)
            if card.content is None:
                return card.intro_id is not None
            await self._check_unlocked()
            room_id = await self._chat.direct_chats.ready(card.reader)
            if not await self._store.cards.goes_to(card_id, room_id):
                return False
            parts = json.loads(card.content)
            # The room is part of it: in another room it is another message.
            txn = txn_id("card", card_id, room_id)
            intro_id = await self._chat.send_secret(
                room_id,
                ringing(parts["intro"]),
                reader=card.reader,
                txn=f"{txn}-intro",
                check=self._check_unlocked,
            )
            block_id = await self._chat.send_secret(
                room_id,
                block(parts["block"]),
                reader=card.reader,
                txn=f"{txn}-block",
                check=self._check_unlocked,
            )
            await self._store.cards.shown(
                card_id,
                intro_id=intro_id,
                block_id=block_id,
                vanishes_at=until(self._text.ttl),
            )
        self.wake()
        log.info("card delivered card=%s about=%s reader=%s", card_id, card.about, card.reader)
        try:
            await self._chat.react(room_id, intro_id, SAVED, txn=f"{txn}-saved")
        except HomeserverError as exc:
            log.info("card has no button card=%s why=%s", card_id, exc)
        return True

    async def _check_unlocked(self) -> None:
        """Asked before each try: a lockdown may come while a send waits for the server."""
        if await self._lockdown.locked():
            raise NotDeliverable("I am locked down.")

    async def tapped(self, sender: str, event_id: str) -> bool:
        """Take the card back that this message is part of, if its reader tapped.

        Returns False if no open card has the message, or somebody else tapped.
        """
        for card in await self._store.cards.open():
            if event_id in (card.intro_id, card.block_id) and sender == str(card.reader):
                await self.take_back(card, "saved")
                return True
        return False

    async def take_back(self, card: Card, why: str) -> None:
        """Redact a card's secret and say in the intro what became of the login.

        A card that nobody can reach any more (we are out of the room) counts as taken back.

        Raises HomeserverError: not taken back.
        """
        room_id, intro_id, block_id = str(card.room_id), str(card.intro_id), str(card.block_id)
        async with self._busy[card.id]:
            present = await self._store.bots.find(card.about) if card.about else None
            newer = await self._store.cards.newer_than(card)
            text, fate = self._text.gone(card, present, newer)
            why = fate or why
            txn = f"card-{card.id}-gone"
            try:
                await self._chat.redact(room_id, block_id, reason=why, txn=f"{txn}-block")
                await self._chat.send(room_id, edit(intro_id, text), txn=f"{txn}-intro")
            except HomeserverError as exc:
                if exc.status not in (403, 404):
                    raise
                log.warning("card out of reach card=%s why=%s", card.id, exc)
            except NotDeliverable as exc:
                log.warning("card's room is gone card=%s why=%s", card.id, exc)
            await self._store.cards.gone(card.id)
        log.info("card taken back card=%s why=%s", card.id, why)
