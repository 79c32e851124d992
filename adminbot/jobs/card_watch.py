"""Sends waiting cards, and takes cards back when their time is up; both survive a restart."""

from datetime import timedelta
from functools import partial

from adminbot.cards.delivery import CardDelivery
from adminbot.jobs.runner import Job
from adminbot.store import Card, Store
from adminbot.values.clock import now, until

_LATEST_S = 3600.0


class CardWatch(Job):
    """Each card separately: a card that hangs keeps no other from vanishing.

    `ttl`: the longest that any card stays, also a card of an earlier run with another clock.
    """

    name = "card"
    retry_s = broken_s = 20.0

    def __init__(self, cards: CardDelivery, store: Store, ttl: timedelta) -> None:
        super().__init__()
        self._cards = cards
        self._store = store
        self._ttl = ttl
        cards.wake.connect(self.wake)

    async def round(self) -> float:
        """Begin with each due card. Raises StateError."""
        await self._store.cards.vanish_by(until(self._ttl))
        next_s = _LATEST_S
        for card in await self._store.cards.open():
            left_s = _left_s(card)
            if left_s <= 0:
                self.beside(card.id, partial(self._see_to, card))
            else:
                next_s = min(next_s, left_s)
        return next_s

    async def _see_to(self, card: Card) -> None:
        if card.content is not None:
            await self._cards.deliver(card.id)
        else:
            await self._cards.take_back(card, "its time is up")


def _left_s(card: Card) -> float:
    """Seconds until a card is due: at once if still to be sent, else when the time is up."""
    if card.content is not None:
        return 0
    if card.vanishes_at is None:
        return _LATEST_S
    return (card.vanishes_at - now()).total_seconds()
