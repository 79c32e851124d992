"""What ends a verification, and what is kept of it: the rules, without a server and its delays."""

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.config import Trust
from adminbot.crypto.crosssigning import Identity, is_signed
from adminbot.errors import AdminbotError, HomeserverUnreachable
from adminbot.store import OpenRequest
from adminbot.trust.pins import PinState
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.verification import events, exchange
from adminbot.verification.console import ConsoleSession
from tests.unit.verification.bench import ANN, BOT, DM, Bench, a_bench, after, at_the_shell, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(directory: Path) -> AsyncIterator[Bench]:
    async with a_bench(directory) as made:
        yield made


async def test_both_say_yes(bench: Bench) -> None:
    """The signature, and then that it counts; the other side is told when both are there."""
    async with at_the_shell(bench) as session:
        bench.hear("cancel", {"code": "m.user"}, "$sent1")
        assert "was cancelled in the app" in (await session.updates.get())["failed"]
        transaction, ann = await bench.shown(session)
        bench.verifications.answer(ANN, transaction, match=True)
        ann.take("mac", await bench.said("mac"))
        assert ann.proven
        await bench.nothing()
        assert bench.standing() is PinState.NOT_VERIFIED
        bench.hear(*ann.agree(), transaction)
        await after(session, "done")
        assert bench.standing() is PinState.AS_PINNED
        assert bench.policy.may_receive(str(ANN))
        await bench.said("done")
        assert await bench.message() == (
            "🤝 We have verified each other. From now on I do what you ask."
        )
    [[(key, signed)]] = [body[str(ANN)].items() for body in bench.account.signatures]
    assert key == bench.account.identity.master.public
    signer = bench.identity.user_signing.public
    assert is_signed(signed, BOT, signer, signer)
    pin = await bench.store.pins.find(str(ANN))
    assert pin
    assert (pin.master_key, pin.verified) == (key, True)
    bench.hear("done", {}, transaction)
    await asyncio.sleep(0.02)
    assert bench.chat.sent.empty()


async def test_what_was_verified_is_that_identity_and_no_other(bench: Bench) -> None:
    """It holds when it is looked up again; another identity has nothing of it."""
    async with at_the_shell(bench) as session:
        await drop(bench, session)
        transaction, ann = await bench.shown(session)
        bench.verifications.answer(ANN, transaction, match=True)
        bench.hear(*ann.agree(), transaction)
        await after(session, "done")
    known = await bench.account.query_keys(ANN)
    assert set(await bench.policy.trusted(str(ANN), known)) == {"ANNPHONE"}
    assert bench.standing() is PinState.AS_PINNED
    bench.account.identity = Identity.from_seeds(Identity.new_seeds())
    assert await bench.policy.trusted(str(ANN), await bench.account.query_keys(ANN)) == {}
    assert bench.standing() is PinState.CHANGED
    assert not bench.policy.may_receive(str(ANN))
    with pytest.raises(AdminbotError, match="another identity than I remember"):
        await bench.verifications.ask(ANN)
    assert await bench.policy.trusted(str(ANN), known)
    assert bench.policy.may_receive(str(ANN))


async def test_where_emoji_are_not_asked_for_nothing_waits_for_them(directory: Path) -> None:
    """The pin is what counts; a comparison adds the signature, and stays remembered."""
    async with a_bench(directory, Trust.PINNED) as bench, at_the_shell(bench) as session:
        assert bench.standing() is PinState.AS_PINNED
        assert bench.policy.may_receive(str(ANN))
        await drop(bench, session)
        transaction, ann = await bench.shown(session)
        bench.verifications.answer(ANN, transaction, match=True)
        await bench.said("mac")
        bench.hear(*ann.agree(), transaction)
        await after(session, "done")
        await bench.said("done")
        assert await bench.message() == "🤝 We have verified each other."
        pin = await bench.store.pins.find(str(ANN))
        assert pin
        assert (pin.master_key, pin.verified) == (bench.account.identity.master.public, True)


async def test_without_the_signature_it_does_not_count(bench: Bench) -> None:
    async with at_the_shell(bench) as session:
        await drop(bench, session)
        bench.account.breaks_with = HomeserverUnreachable("HTTP 502")
        transaction, ann = await bench.shown(session)
        bench.hear(*ann.agree(), transaction)
        bench.verifications.answer(ANN, transaction, match=True)
        assert "gave no usable answer" in (await session.updates.get())["failed"]
        await bench.said("mac")
        assert await bench.cancelled(transaction) == "m.user"
        await bench.nothing()


async def drop(bench: Bench, session: ConsoleSession) -> None:
    """Ann does not want what the shell asked her."""
    bench.hear("cancel", {"code": "m.user"}, "$sent1")
    assert "failed" in await session.updates.get()


async def test_an_identity_that_changes_on_the_way_is_not_signed(bench: Bench) -> None:
    async with at_the_shell(bench) as session:
        await drop(bench, session)
        transaction, ann = await bench.shown(session)
        bench.hear(*ann.agree(), transaction)
        bench.account.identity = Identity.from_seeds(Identity.new_seeds())
        bench.verifications.answer(ANN, transaction, match=True)
        assert "does not have the keys" in (await session.updates.get())["failed"]
        assert bench.standing() is PinState.CHANGED
        await bench.said("mac")
        assert await bench.cancelled(transaction) == "m.key_mismatch"
        await bench.nothing()


async def test_the_operators_no(bench: Bench) -> None:
    async with at_the_shell(bench) as session:
        await drop(bench, session)
        transaction, ann = await bench.shown(session)
        bench.hear(*ann.agree(), transaction)
        bench.verifications.answer(ANN, "$another", match=True)
        bench.verifications.answer(ANN, transaction, match=False)
        bench.verifications.answer(ANN, transaction, match=True)
        assert "said that the emoji differ" in (await session.updates.get())["failed"]
        assert await bench.cancelled(transaction) == "m.mismatched_sas"
        await bench.nothing()


async def test_ten_minutes(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "_PATIENCE", timedelta(seconds=0.1))
    async with at_the_shell(bench) as session:
        assert "within ten minutes" in (await session.updates.get())["failed"]
        assert await bench.cancelled("$sent1") == "m.timeout"
        transaction, _ = await bench.requested()
        bench.hear("cancel", {"code": []}, transaction)
        await asyncio.sleep(0.15)
        await bench.nothing()


async def test_the_chat_hears_why_it_ended(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to begin again: whoever ended it, and also when nobody did."""
    bench.chat.invited = True
    assert (await bench.verifications.ask(ANN)).still_invited
    await bench.said("m.room.message")
    bench.hear("cancel", {"code": "m.timeout"}, "$sent1")
    transaction, _ = await bench.requested()
    bench.hear("cancel", {"code": "m.user"}, transaction)
    await until(lambda: len(bench.chat.ended) == 2)
    monkeypatch.setattr(exchange, "_PATIENCE", timedelta(seconds=0.1))
    await bench.verifications.ask(ANN)
    await until(lambda: len(bench.chat.ended) == 3)
    for text, why in zip(
        bench.chat.ended,
        ("Your app waited no longer", "cancelled in your app", "within ten minutes"),
        strict=True,
    ):
        assert why in text
        assert "Again: !verify" in text
    assert await bench.store.requests.all() == []


@pytest.mark.parametrize("out", [True, False])
async def test_what_a_crash_left_open_is_cancelled(bench: Bench, *, out: bool) -> None:
    """Also when it is not known whether it went out: then it does, or did, and is cancelled."""
    request = OpenRequest(str(ANN), DM, "", "verify-x", now().isoformat())
    await bench.store.requests.open(request)
    if out:
        await bench.chat.send_in_clear(DM, {}, txn="verify-x", kind="m.room.message")
    await bench.verifications.take_up()
    await bench.said("m.room.message")
    assert await bench.cancelled("$sent1") == "m.user"
    await until(lambda: bench.chat.ended)
    assert "cut off in between" in bench.chat.ended[0]
    await bench.verifications.take_up()  # noted as over; or else the same once more
    await bench.nothing()
    assert await bench.store.requests.all() == []


async def test_an_old_request_of_which_nothing_is_known_is_forgotten(bench: Bench) -> None:
    since = (now() - timedelta(hours=1)).isoformat()
    await bench.store.requests.open(OpenRequest(str(ANN), DM, "", "verify-x", since))
    await bench.verifications.take_up()
    await bench.nothing()
    assert await bench.store.requests.all() == []


async def test_what_was_verified_when_we_were_cut_off_stays_so(bench: Bench) -> None:
    """The other side hears that it is done, and not that it is cancelled."""
    transaction, _ = await bench.requested()
    await bench.message()
    await bench.policy.verified(ANN, "whatever")
    await bench.verifications.take_up()
    assert (await bench.said("done"))["m.relates_to"]["event_id"] == transaction
    await until(lambda: bench.chat.sent.empty())
    await asyncio.sleep(0.1)
    assert bench.chat.ended == []
    assert await bench.store.requests.all() == []


async def test_the_last_word_said_twice_is_one_event(bench: Bench) -> None:
    """Cut off after it went out, it goes out again at the next start."""
    async with at_the_shell(bench) as session:
        await drop(bench, session)
        transaction, ann = await bench.shown(session)
        bench.verifications.answer(ANN, transaction, match=True)
        bench.hear(*ann.agree(), transaction)
        await after(session, "done")
        for kind in ("mac", "done", "m.room.message"):
            await bench.said(kind)
    since = now().isoformat()
    request = OpenRequest(str(ANN), DM, transaction, "", since, verified=True)
    await bench.store.requests.open(request)
    await bench.verifications.take_up()
    await asyncio.sleep(0.05)
    assert bench.chat.sent.empty()
    assert await bench.store.requests.all() == []


async def test_the_shell_hears_of_the_end_though_the_chat_is_down(bench: Bench) -> None:
    """A send tries until it is out; the operator does not wait for that."""
    async with at_the_shell(bench) as session:
        await drop(bench, session)
        transaction, _ = await bench.shown(session)
        bench.chat.hangs = True
        bench.verifications.answer(ANN, transaction, match=False)
        assert "said that the emoji differ" in (await session.updates.get())["failed"]
        bench.chat.hangs = False
        assert await bench.cancelled(transaction) == "m.mismatched_sas"


async def test_a_stop_cancels_what_is_open(bench: Bench) -> None:
    transaction, _ = await bench.requested()
    await bench.message()
    await bench.verifications.stop()
    assert await bench.cancelled(transaction) == "m.user"
    assert "I was stopped" in bench.chat.ended[0]


async def test_a_newer_request_counts(bench: Bench) -> None:
    older, _ = await bench.requested()
    assert "adminbot verify @ann:example.org" in await bench.message()
    step = bench.hear("request", bench.request())
    assert await bench.cancelled(older) == "m.user"
    assert (await bench.said("ready"))["m.relates_to"]["event_id"] == step.transaction
    await bench.message()
    bench.hear("key", {"key": "x"}, older)  # crossed the cancellation
    await bench.nothing()
    bench.hear("start", {}, older)  # a late tap
    assert await bench.cancelled(older) == "m.user"
    await bench.nothing()


async def test_requests_that_are_passed_over(bench: Bench) -> None:
    bench.hear("request", bench.request(), age_s=601)
    bench.hear("request", bench.request(to="@other:example.org"))
    bench.hear("request", bench.request(), room="!other:example.org")
    bench.chat.encrypted = False
    bench.hear("request", bench.request())
    await bench.nothing()
    bench.chat.encrypted = True
    step = bench.hear("request", bench.request())
    bench.verifications.take(step)  # a sync that failed half-way
    await bench.said("ready")
    await bench.message()
    await bench.nothing()


async def test_a_device_that_does_not_count(bench: Bench) -> None:
    """Neither to ask nor to accept; and no other device can go on for the one that asked."""
    bench.hear("request", bench.request(from_device="ROGUE"))
    assert "is not verified, so I did nothing" in (await bench.said("told"))["body"]
    bench.hear("request", bench.request(from_device="NEVERSEEN"))
    assert "is not verified, so I did nothing" in (await bench.said("told"))["body"]

    await bench.verifications.ask(ANN)
    await bench.said("m.room.message")
    bench.hear("ready", {"from_device": "ROGUE", "methods": [events.METHOD]}, "$sent3")
    await bench.said("told")
    assert await bench.cancelled("$sent3") == "m.user"

    transaction, ann = await bench.requested()
    await bench.message()
    kind, start = ann.begin()
    bench.hear(kind, start | {"from_device": "ROGUE"}, transaction)
    assert await bench.cancelled(transaction) == "m.unexpected_message"
    await bench.nothing()


async def test_when_the_bot_asks(bench: Bench) -> None:
    """It begins at the first ready; what is no ready is no answer to a request."""
    asked = await bench.verifications.ask(ANN)
    assert not asked.before
    assert not asked.still_invited
    assert (await bench.said("m.room.message"))["methods"] == [events.METHOD]
    bench.hear("start", {}, "$sent1")
    assert await bench.cancelled("$sent1") == "m.unexpected_message"

    await bench.verifications.ask(ANN)
    await bench.said("m.room.message")
    ready = {"from_device": "ANNPHONE", "methods": [events.METHOD]}
    bench.hear("ready", ready, "$sent3")
    assert (await bench.said("start"))["from_device"] == bench.us.device_id
    bench.hear("ready", ready | {"from_device": "ROGUE"}, "$sent3")  # too late to matter
    await bench.nothing()


async def test_an_unknown_transaction_is_cancelled_once(bench: Bench) -> None:
    for kind in ("done", "cancel", "key", "mac", "accept"):
        bench.hear(kind, {}, "$unknown")
    assert await bench.cancelled("$unknown") == "m.unknown_transaction"
    await bench.nothing()


async def test_a_request_without_emoji_is_cancelled(bench: Bench) -> None:
    step = bench.hear("request", bench.request(methods=["m.qr_code.show.v1"]))
    assert await bench.cancelled(step.transaction) == "m.unknown_method"
    step = bench.hear("request", bench.request(methods=None))
    assert await bench.cancelled(step.transaction) == "m.invalid_message"


async def test_whatever_breaks_ends_one_exchange_only(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when not even the cancellation can be sent."""
    async with at_the_shell(bench) as session:
        bench.chat.breaks_with = RuntimeError("a bug")
        with caplog.at_level(logging.CRITICAL, logger="none"):
            bench.hear("ready", {"from_device": "ANNPHONE", "methods": [events.METHOD]}, "$sent1")
            assert "broke on my side" in (await session.updates.get())["failed"]
        bench.chat.breaks_with = None
        await bench.requested()
        await bench.nothing()


async def test_where_every_device_counts_there_is_nothing_to_verify(directory: Path) -> None:
    async with a_bench(directory, Trust.ANY) as bench:
        with pytest.raises(AdminbotError, match="nothing to verify"):
            await bench.verifications.ask(ANN)
        bench.hear("request", bench.request())
        assert "nothing to verify" in (await bench.said("told"))["body"]


async def test_nobody_but_an_admin(bench: Bench) -> None:
    with pytest.raises(AdminbotError, match="is not in ADMINBOT_ADMINS"):
        await bench.verifications.ask(UserId.parse("@eve:example.org"))
