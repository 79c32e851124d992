"""When cards go out by themselves, and when they are taken back: over the real store."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.accounts.handover import Purpose
from adminbot.cards.delivery import CardDelivery
from adminbot.errors import HomeserverUnreachable, NotDeliverable, StateError
from adminbot.jobs.card_watch import CardWatch
from adminbot.store import Bot, Card, Store, open_store
from adminbot.values.clock import now, until
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.fakes import ended
from tests.unit.cards.test_delivery import BOT, TEXT, TOKEN, TTL, YOU, Place

pytestmark = pytest.mark.anyio

OTHER = UserId("other", "example.org")


async def wait_for(found: Callable[[], Awaitable[object]]) -> None:
    for _ in range(500):
        if await found():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


class Watched(Place):
    """The same, and a watch over its cards."""

    def __init__(self, store: Store, card_id: int) -> None:
        super().__init__(store, card_id)
        self.watch = CardWatch(self.desk, store, TTL)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """The cards are looked after meanwhile."""
        task = asyncio.create_task(self.watch.run())
        try:
            yield
        finally:
            await ended(task)

    async def said(self) -> bool:
        """Both messages and the button are out."""
        return len(self.chat.said) == 3

    async def one_is_gone(self) -> bool:
        return len(await self.store.cards.open()) == len(self.chat.secret) // 2 - 1

    async def vanishes_in_time(self) -> bool:
        card = await self.store.cards.find(self.card_id)
        return card.vanishes_at is not None and card.vanishes_at <= until(TTL)

    async def two_that_are_due(self) -> None:
        """Another card beside the first one; both are out, and their time is up."""
        await self.desk.deliver(self.card_id)
        bot = Bot(OTHER, "Other", "OTHER1", False, YOU, now(), now())
        text = TEXT.phrase(bot, {"access_token": Secret(TOKEN)}, Purpose.NEW, YOU)
        second = await self.store.hand_over(bot, event_id="$b", reader=YOU, card=text)
        await self.desk.deliver(second)
        await self.store.cards.vanish_by(now())


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Watched]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        text = TEXT.phrase(BOT, {"access_token": Secret(TOKEN)}, Purpose.NEW, YOU)
        card_id = await store.hand_over(BOT, event_id="$act", reader=YOU, card=text)
        yield Watched(store, card_id)


async def test_a_card_goes_when_its_time_is_up_and_not_before(place: Watched) -> None:
    await place.desk.deliver(place.card_id)
    async with place.at_work():
        await asyncio.sleep(0.1)
        assert place.chat.redacted == []
    await place.store.cards.vanish_by(now())
    async with place.at_work():
        await wait_for(place.one_is_gone)
    assert place.chat.redacted == ["$block2"]


async def test_no_card_stays_longer_than_now_is_allowed(place: Watched) -> None:
    """What an earlier run meant, by another clock or setting, does not count."""
    earlier = CardDelivery(place.chat, place.store, replace(TEXT, ttl=TTL * 100), place.lockdown)
    await earlier.deliver(place.card_id)
    async with place.at_work():
        assert not await place.vanishes_in_time()
        await wait_for(place.vanishes_in_time)


async def test_one_card_that_fails_keeps_no_other_from_vanishing(place: Watched) -> None:
    await place.two_that_are_due()
    place.chat.breaks["redact"] = RuntimeError("whatever")
    async with place.at_work():
        await wait_for(place.one_is_gone)
    assert len(place.chat.redacted) == 1


async def test_one_card_that_hangs_keeps_no_other_from_vanishing(place: Watched) -> None:
    await place.two_that_are_due()
    place.chat.hangs_at.add("$block2")
    async with place.at_work():
        await wait_for(place.one_is_gone)
        assert place.chat.redacted == ["$block5"]
        place.watch.wake()
        await asyncio.sleep(0.1)
        assert place.chat.tried == ["$block2", "$block5"], "it is not begun twice"


@pytest.mark.parametrize("problem", [HomeserverUnreachable("HTTP 502"), RuntimeError("a bug")])
async def test_what_failed_is_tried_again_after_a_pause(
    problem: Exception, place: Watched
) -> None:
    await place.desk.deliver(place.card_id)
    await place.store.cards.vanish_by(now())
    place.chat.breaks["redact"] = problem
    place.watch.retry_s = place.watch.broken_s = 0.3
    async with place.at_work():
        await asyncio.sleep(0.1)
        assert place.chat.tried == ["$block2"]
        await wait_for(place.one_is_gone)
    assert place.chat.tried == ["$block2", "$block2"]


async def test_while_our_state_cannot_be_read_cards_wait(
    place: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken() -> list[Card]:
        raise StateError

    place.watch.retry_s = 0.2
    with monkeypatch.context() as patch:
        patch.setattr(place.store.cards, "open", broken)
        async with place.at_work():
            await asyncio.sleep(0.1)
            patch.undo()
            await wait_for(place.said)


async def test_a_card_that_has_just_been_delivered_is_known_to_vanish(place: Watched) -> None:
    """The watch sleeps for an hour where nothing is open."""
    ttl = timedelta(seconds=0.2)
    place.desk = CardDelivery(place.chat, place.store, replace(TEXT, ttl=ttl), place.lockdown)
    place.desk.wake.connect(place.watch.wake)
    await place.store.cards.gone(place.card_id)
    async with place.at_work():
        await asyncio.sleep(0.05)
        text = TEXT.phrase(BOT, {"access_token": Secret(TOKEN)}, Purpose.RENEWED, YOU)
        second = await place.store.hand_over(BOT, event_id="$b", reader=YOU, card=text)
        await place.desk.deliver(second)
        await wait_for(place.one_is_gone)


async def test_a_waiting_card_does_not_go_out_during_a_lockdown(place: Watched) -> None:
    await place.lockdown.lock(YOU)
    with pytest.raises(NotDeliverable, match="locked down"):
        await place.desk.deliver(place.card_id)
    async with place.at_work():
        await asyncio.sleep(0.1)
        assert place.chat.said == []
    assert (await place.store.cards.find(place.card_id)).content

    await place.lockdown.unlock()
    async with place.at_work():
        await wait_for(place.said)


@pytest.mark.parametrize(
    ("problem", "why"),
    [
        (HomeserverUnreachable("HTTP 502"), "The homeserver gave no usable answer (HTTP 502)."),
        (OSError("no route"), "The network failed."),
        (TimeoutError(), "The network failed."),
    ],
)
async def test_a_card_that_cannot_go_out_now_is_tried_again(
    place: Watched, problem: Exception, why: str
) -> None:
    place.chat.breaks["ready"] = problem
    more = await place.desk.hand_out(place.card_id, YOU)
    assert more == f"Not yet: {why} I keep trying to deliver the card."
    assert place.tried == [True]
    async with place.at_work():
        await wait_for(place.said)
