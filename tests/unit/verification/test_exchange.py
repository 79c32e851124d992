"""What an operator's word leads to, what has ended, and what goes wrong in a step."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.errors import AdminbotError
from adminbot.store import Store, open_store
from adminbot.values.clock import now
from adminbot.values.secret import Sealer
from adminbot.verification import texts
from adminbot.verification.events import Broken
from adminbot.verification.exchange import (
    Exchange,
    Exchanges,
    Transaction,
    is_fresh,
    problem_in,
)
from adminbot.verification.sas import Comparison
from tests.unit.verification.bench import ANN, DM
from tests.unit.verification.test_sas import ANN as THEM, BOT as US

pytestmark = pytest.mark.anyio

OLDER, NEWER = Transaction(ANN, DM, "$older"), Transaction(ANN, DM, "$newer")


@pytest.fixture
async def exchanges(tmp_path: Path) -> AsyncIterator[Exchanges]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Exchanges(store)


def store_of(exchanges: Exchanges) -> Store:
    return exchanges._store


def never(transaction: Transaction) -> None:
    raise AssertionError(f"ten minutes are not over: {transaction}")


async def begun(exchanges: Exchanges, transaction: Transaction) -> Exchange:
    exchange = await exchanges.begin(transaction, never)
    exchange.timer.cancel()
    return exchange


async def shown(exchanges: Exchanges) -> tuple[Exchange, Comparison]:
    """Ours, and Ann's side, both at the emoji."""
    exchange = await begun(exchanges, OLDER)
    assert exchange.answer(match=True) == [], "there is nothing to be compared yet"
    ours, ann = exchange.compare(US, THEM), Comparison(OLDER.id, THEM, US)
    [accept] = ours.take(*ann.begin())
    [key] = ann.take(*accept)
    [our_key] = ours.take(*key)
    ann.take(*our_key)
    assert exchange.shown == ann.shown
    return exchange, ann


@pytest.mark.parametrize(
    ("match", "code", "why"),
    [(False, "m.mismatched_sas", ""), (None, "m.user", texts.NO_ANSWER)],
)
async def test_a_no_and_no_answer_end_it(
    exchanges: Exchanges, match: bool | None, code: str, why: str
) -> None:
    exchange, _ = await shown(exchanges)
    with pytest.raises(Broken) as caught:
        exchange.answer(match)
    assert (caught.value.code, caught.value.why) == (code, why)
    assert exchange.settled_with is None


@pytest.mark.parametrize("we_first", [True, False])
async def test_it_is_settled_once_both_have_said_yes(exchanges: Exchanges, we_first: bool) -> None:
    exchange, ann = await shown(exchanges)
    assert exchange.waits_for_us
    if we_first:
        [_] = exchange.answer(match=True)
    else:
        assert exchange.comparison
        exchange.comparison.take(*ann.agree())
    assert exchange.settled_with is None
    if we_first:
        assert exchange.comparison
        exchange.comparison.take(*ann.agree())
    else:
        [_] = exchange.answer(match=True)
    assert exchange.settled_with == THEM
    assert exchange.answer(match=False) == [], "it has been answered"


async def test_a_newer_one_takes_its_place_and_the_older_one_stays_ended(
    exchanges: Exchanges,
) -> None:
    await begun(exchanges, OLDER)
    exchanges.end(OLDER, cancelled=True)
    newer = await begun(exchanges, NEWER)
    assert (exchanges.find(OLDER), exchanges.find(NEWER)) == (None, newer)
    exchanges.end(OLDER, cancelled=True)  # once more, as after a crash
    assert exchanges.of(ANN) is newer
    assert exchanges.was_cancelled(OLDER)
    assert exchanges.has_ended(OLDER)
    exchanges.end(NEWER, cancelled=False)
    assert (exchanges.has_ended(NEWER), exchanges.was_cancelled(NEWER)) == (True, False)
    assert exchanges.of(ANN) is None


async def test_a_request_is_noted_before_it_goes_out(exchanges: Exchanges) -> None:
    planned = await exchanges.plan(ANN, DM)
    assert await store_of(exchanges).requests.all() == [planned]
    assert (planned.transaction, bool(planned.txn)) == ("", True)
    await begun(exchanges, NEWER)
    [noted] = await store_of(exchanges).requests.all()
    assert (noted.transaction, noted.txn) == (NEWER.id, "")
    await exchanges.note_over(ANN)
    assert await store_of(exchanges).requests.all() == []


def test_ten_minutes() -> None:
    assert is_fresh(now() - timedelta(minutes=9))
    assert not is_fresh(now() - timedelta(minutes=11))


async def test_what_goes_wrong_in_a_step(caplog: pytest.LogCaptureFixture) -> None:
    """Of a bug of ours the log has more than the other side."""

    async def step(problem: Exception | None) -> None:
        await asyncio.sleep(0)
        if problem:
            raise problem

    async def said(problem: Exception) -> tuple[str, str]:
        found = await problem_in(step(problem))
        assert found
        return found.code, found.why

    assert await problem_in(step(None)) is None
    assert await said(Broken("m.timeout", "late")) == ("m.timeout", "late")
    assert await said(AdminbotError("No.", "Do it.")) == ("m.user", "No. Do it.")
    assert not caplog.text
    assert await said(RuntimeError("a bug")) == ("m.user", texts.BROKE)
    assert "a bug" in caplog.text
