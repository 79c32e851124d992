"""Cards: how a secret leaves. Two messages in the requester's own chat, taken back in time.

A card is sealed in the store before it is sent and forgotten once it is out; each of its
messages has a fixed transaction id, so that a send repeated after a crash is the same send.
"""

import asyncio
import json
import logging
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from adminbot.accounts.handover import Purpose
from adminbot.chat.chat import Chat
from adminbot.errors import (
    FIRST_ACCEPT,
    HOW_TO_VERIFY,
    AdminbotError,
    HomeserverError,
    NotDeliverable,
    StateError,
)
from adminbot.homeserver.values import Session
from adminbot.store import Bot, Card, Store
from adminbot.trust.lockdown import Restraint
from adminbot.values.clock import now, until
from adminbot.values.ids import UserId
from adminbot.values.render import block, edit, ringing
from adminbot.values.secret import Secret
from adminbot.values.text import format_duration

log = logging.getLogger(__name__)

SAVED = "✅"
_RECOVERY = ["With the recovery key the program takes its identity and signs itself."]
_RETRY_S = 20


@dataclass(slots=True)
class CardText:
    """Words of a card: `public_url` is what programs shall connect to."""

    public_url: str
    ttl: timedelta

    def phrase(self, bot: Bot, session: Session, extra: dict[str, Secret], why: Purpose) -> str:
        """The card as JSON: what the intro needs, and the block to paste."""
        lines = {
            "MATRIX_HOMESERVER": self.public_url,
            "MATRIX_USER_ID": str(session.user_id),
            "MATRIX_DEVICE_ID": session.device_id,
            "MATRIX_ACCESS_TOKEN": session.token.reveal(),
        }
        lines |= {name: value.reveal() for name, value in extra.items()}
        pasted = "\n".join(f"{name}={value}" for name, value in lines.items())
        intro = "\n".join(
            [
                f"🤖 **{bot.called}**: {why.value}",
                f"• Account: `{session.user_id}`",
                f"• Server: `{self.public_url}`",
                f"• Device: `{session.device_id}`",
                "",
                "The next message is what the program needs to log in. Paste it into the "
                "program's `.env` or settings. Whoever has it can act as this bot.",
                *_RECOVERY[: "MATRIX_RECOVERY_KEY" in extra],
                *self._next_step(bot, why),
                "",
                f"It vanishes in {format_duration(round(self.ttl.total_seconds()))}, "
                f"or when you tap {SAVED}.",
            ]
        )
        return json.dumps({"intro": intro, "block": pasted})

    def _next_step(self, bot: Bot, why: Purpose) -> list[str]:
        if why is Purpose.RENEWED:
            return [
                "Older tokens are dead, the device and its keys are the same: put it in, "
                "restart the program, keep its data."
            ]
        if why is Purpose.NEW:
            told = "" if bot.own_identity else " I tell you here once it is online and trusted."
            return [f"Then start the program and invite `{bot.user_id}` to a room.{told}"]
        return ["Start the program with an empty data folder: its old device is gone."]

    def gone(self, card: Card, now: Bot | None, newer: Card | None) -> tuple[str, str]:
        """What the intro says once the block is gone, and in a word why that was to be.

        Args:
            now: the bot as it is now; None if it is deleted.
            newer: the newest card of the bot after this one. Each of these makes this one dead;
                if none does, the word is empty.
        """
        was_here, again = f"🧹 The login for `{card.bot}` was here", card.bot.localpart
        if now is None:
            return f"{was_here}. The account is deleted.", "deleted"
        if now.token_at is None:
            text = f"{was_here}, and is dead: the bot is signed out.\nLet it in again: "
            return f"{text}`!rotate {again}`", "signed out"
        if newer:
            where = "below" if newer.room_id in (None, card.room_id) else "in another chat of ours"
            if newer.reader != card.reader:
                where = f"with `{newer.reader}`"
            return f"{was_here}, and is dead. The newer one is {where}.", "replaced"
        return f"{was_here} and is removed.\nLost it? `!rotate {again}`", ""


class CardDelivery:
    """Delivers cards and takes them back; open ones survive a restart."""

    def __init__(
        self,
        chat: Chat,
        store: Store,
        text: CardText,
        restraint: Restraint,
        *,
        when_tried: Callable[[], None],
    ) -> None:
        """`when_tried`: called when a new card is out, or will be tried again later."""
        self._when_tried = when_tried
        self._restraint = restraint
        self._chat = chat
        self._store = store
        self._text = text
        self._wake = asyncio.Event()
        self._busy: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._at_work: set[int] = set()

    def check_way(self, reader: UserId, *, typed_in: str) -> None:
        """Before anything is made: is there a way for the secret, and who looks on?

        Raises NotDeliverable: nobody could read the card, or somebody else reads the room in
        which it is asked for.
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
            self._when_tried()
        return FIRST_ACCEPT if is_invited else ""

    async def deliver(self, card_id: int) -> bool:
        """Send a card's two messages, then forget its content.

        Returns False if a later command ended what is on the card: it does not go out.

        Raises:
            NotDeliverable: there is no safe way to the reader now, or a lockdown; it is tried
                again later.
            HomeserverError: likewise.
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
            txn = f"card-{card_id}-{hash_of(room_id)}"
            intro_id = await self._chat.send_secret(
                room_id,
                ringing(parts["intro"], card.reader),
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
        self._wake.set()
        log.info("card delivered card=%s bot=%s reader=%s", card_id, card.bot, card.reader)
        try:
            await self._chat.react(room_id, intro_id, SAVED, txn=f"{txn}-saved")
        except HomeserverError as exc:
            log.info("card has no button card=%s why=%s", card_id, exc)
        return True

    async def _check_unlocked(self) -> None:
        """Asked before each try: a lockdown may come while a send waits for the server."""
        if await self._restraint.locked():
            raise NotDeliverable("I am locked down.")

    async def tapped(self, sender: str, event_id: str) -> bool:
        """Take a card back because its reader tapped one of its messages; False if it is none."""
        for card in await self._store.cards.open():
            if event_id in (card.intro_id, card.block_id) and sender == str(card.reader):
                await self._take_back(card, "saved")
                return True
        return False

    def wake(self) -> None:
        """Some cards may be due: look now."""
        self._wake.set()

    async def _take_back(self, card: Card, why: str) -> None:
        room_id, intro_id, block_id = str(card.room_id), str(card.intro_id), str(card.block_id)
        async with self._busy[card.id]:
            present = await self._store.bots.find(card.bot)
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

    async def run(self) -> None:
        """Send what is still to be sent and take back what is due, until cancelled.

        Each card by itself: one that hangs keeps no other from vanishing.
        """
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._wake.clear()
                waits = [3600.0]
                for card in await self._open_now(waits):
                    if card.id in self._at_work:
                        continue  # and looks again when that is over
                    if self._is_due(card, waits):
                        self._at_work.add(card.id)
                        tasks.create_task(self._see_to(card))
                try:
                    async with asyncio.timeout(min(waits)):
                        await self._wake.wait()
                except TimeoutError:
                    continue

    @staticmethod
    def _is_due(card: Card, waits: list[float]) -> bool:
        if card.content is not None or card.vanishes_at is None:
            return card.content is not None
        left_s = (card.vanishes_at - now()).total_seconds()
        if left_s > 0:
            waits.append(left_s)
        return left_s <= 0

    async def _see_to(self, card: Card) -> None:
        try:
            if card.content is not None:
                await self.deliver(card.id)
            else:
                await self._take_back(card, "its time is up")
        except AdminbotError as exc:
            log.warning("card waits card=%s why=%s", card.id, exc)
            await asyncio.sleep(_RETRY_S)
        except Exception:  # one card must not keep the others from vanishing
            log.exception("card failed card=%s", card.id)
            await asyncio.sleep(_RETRY_S)
        finally:
            self._at_work.discard(card.id)
            self._wake.set()

    async def _open_now(self, waits: list[float]) -> list[Card]:
        """Cards that are not gone; none, and a short wait, while our state cannot be used."""
        try:
            # What an earlier run sent, by another clock perhaps, stays no longer than others.
            await self._store.cards.vanish_by(until(self._text.ttl))
            return await self._store.cards.open()
        except StateError as exc:
            log.warning("cards wait why=%s", exc)
            waits.append(_RETRY_S)
            return []


def hash_of(text: str) -> int:
    """A short stable number of a text (Python's own hash differs in every process)."""
    return zlib.crc32(text.encode())
