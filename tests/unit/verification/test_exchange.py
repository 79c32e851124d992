"""What ends a verification, and what is kept of it: the rules, without a server and its delays."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from adminbot.chat import Chat
from adminbot.chat.incoming import VERIFICATION, Step
from adminbot.config import Trust
from adminbot.crypto.crosssigning import Identity, SigningKey, is_signed
from adminbot.dispatch.permission import why_untrusted
from adminbot.errors import AdminbotError, HomeserverUnreachable
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import OpenRequest, Store, open_store
from adminbot.trust.pins import PinState, TrustPolicy
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.render import Message
from adminbot.values.secret import Sealer, Secret
from adminbot.verification import control, sas, service
from adminbot.verification.console import ConsoleSession
from adminbot.verification.sas import Comparison, Party
from adminbot.verification.service import Verifications

pytestmark = pytest.mark.anyio

ANN = UserId.parse("@ann:example.org")
BOT = "@bot:example.org"
DM = "!dm:example.org"
JSON = dict[str, Any]


class FakeChat:
    """The narrow part of Chat that verifications use; what is said comes out of a queue."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[tuple[str, JSON]] = asyncio.Queue()
        self.encrypted = True
        self.breaks_with: Exception | None = None
        self.ended: list[str] = []  # what is said of a comparison's end
        self.invited = False
        self._count = 0
        self._known: dict[str, str] = {}  # transaction id → event id

    async def wait_until_known(self, room_id: str) -> None:
        pass

    def is_invited(self, room_id: str, user_id: UserId) -> bool:
        return self.invited

    def is_own_dm(self, room_id: str, user_id: str) -> bool:
        return room_id == DM

    def is_encrypted(self, room_id: str) -> bool:
        return self.encrypted

    async def ready_dm(self, user_id: UserId) -> str:
        return DM

    async def send(
        self, room_id: str, message: Message, *, txn: str, kind: str = "m.room.message"
    ) -> str:
        if self.breaks_with:
            raise self.breaks_with
        content = message.content("!")
        if txn.startswith("verify-ended-"):
            self.ended.append(content["body"])
            return "$ended"
        return await self.send_in_clear(room_id, content, txn=txn, kind=kind)

    async def send_in_clear(self, room_id: str, content: JSON, *, txn: str, kind: str) -> str:
        if self.breaks_with:
            raise self.breaks_with
        if txn in self._known:
            return self._known[txn]
        self._count += 1
        self._known[txn] = f"$sent{self._count}"
        self.sent.put_nowait((kind.removeprefix(VERIFICATION), content))
        return self._known[txn]

    async def tell_untrusted(
        self, room_id: str, user_id: str, message: Message, *, txn: str
    ) -> str:
        return await self.send(room_id, message, txn=txn, kind="told")


class FakeAccount:
    """Ann's keys, as a server would have them, and what is uploaded."""

    def __init__(self) -> None:
        self.identity = Identity.from_seeds(Identity.new_seeds())
        self.device = SigningKey(bytes(range(32)))
        self.signatures: list[JSON] = []
        self.breaks_with: Exception | None = None

    @property
    def party(self) -> Party:
        return Party(str(ANN), "ANNPHONE", self.device.public, self.identity.master.public)

    async def query_keys(self, user_id: UserId) -> JSON:
        own = self.identity.upload_body(str(ANN))
        good = self._device("ANNPHONE", self.device)
        [signed] = self.identity.device_signature(str(ANN), good)[str(ANN)].values()
        good["signatures"][str(ANN)] |= signed["signatures"][str(ANN)]
        rogue = self._device("ROGUE", SigningKey(bytes(32)))
        return {
            "master_keys": {str(ANN): own["master_key"]},
            "self_signing_keys": {str(ANN): own["self_signing_key"]},
            "device_keys": {str(ANN): {"ANNPHONE": good, "ROGUE": rogue}},
        }

    def _device(self, device_id: str, key: SigningKey) -> JSON:
        keys = {
            "user_id": str(ANN),
            "device_id": device_id,
            "algorithms": [],
            "keys": {f"ed25519:{device_id}": key.public},
        }
        return {**keys, "signatures": {str(ANN): {f"ed25519:{device_id}": key.sign(keys)}}}

    async def upload_signatures(self, body: JSON) -> None:
        if self.breaks_with:
            raise self.breaks_with
        self.signatures.append(body)


@dataclass
class Table:
    """The bot's side of a comparison, and around it what it talks to."""

    verifications: Verifications
    chat: FakeChat
    account: FakeAccount
    store: Store
    policy: TrustPolicy
    identity: Identity
    us: Party
    events: int = 0

    def hear(
        self, kind: str, content: JSON, transaction: str = "", *, age_s: float = 0, room: str = DM
    ) -> Step:
        """An event of Ann's arrives."""
        self.events += 1
        event_id = f"$event{self.events}"
        step = Step(
            event_id=event_id,
            room_id=room,
            sender=str(ANN),
            kind=kind,
            transaction=transaction or event_id,
            content=json.loads(json.dumps(content)),
            sent_at=now() - timedelta(seconds=age_s),
        )
        self.verifications.take(step)
        return step

    async def said(self, kind: str) -> JSON:
        """The next thing that the bot sends, which must be this."""
        found, content = await asyncio.wait_for(self.chat.sent.get(), 5)
        assert found == kind, content
        return content

    async def message(self) -> str:
        """The next thing that the bot says to a person."""
        return str((await self.said("m.room.message"))["body"])

    def standing(self) -> PinState:
        """What is known of Ann's identity."""
        return self.policy.standing(str(ANN))

    async def cancelled(self, transaction: str) -> str:
        content = await self.said("cancel")
        assert content["m.relates_to"]["event_id"] == transaction
        return str(content["code"])

    async def nothing(self) -> None:
        """Nothing is under way, or said, or kept, and she may no more than before."""
        await asyncio.sleep(0.05)
        assert not self.policy.may_receive(str(ANN))
        assert self.chat.sent.empty(), self.chat.sent.get_nowait()
        assert self.account.signatures == []
        pin = await self.store.pins.find(str(ANN))
        assert not (pin and pin.verified)

    def request(self, **more: Any) -> JSON:
        return sas.request(self.account.party, BOT) | more

    async def requested(self) -> tuple[str, Comparison]:
        """Ann asks, the bot is ready: the transaction, and her side of it."""
        step = self.hear("request", self.request())
        assert (await self.said("ready"))["from_device"] == self.us.device_id
        return step.transaction, Comparison(step.transaction, self.account.party, self.us)

    async def shown(self, seat: ConsoleSession) -> tuple[str, Comparison]:
        """As far as the emoji; somebody sits at the shell."""
        transaction, ann = await self.requested()
        self.hear(*ann.begin(), transaction)
        [key] = ann.take("accept", await self.said("accept"))
        self.hear(*key, transaction)
        ann.take("key", await self.said("key"))
        update = await after(seat, "emoji")
        assert ann.shown
        assert (update["emoji"], update["of"]) == (ann.shown.emoji, transaction)
        return transaction, ann


async def after(seat: ConsoleSession, name: str) -> JSON:
    """The next update of this kind."""
    while name not in (update := await asyncio.wait_for(seat.updates.get(), 5)):
        assert "failed" not in update, update
    return update


@asynccontextmanager
async def a_table(directory: Path, mode: Trust = Trust.VERIFIED) -> AsyncIterator[Table]:
    sealer = Sealer.from_base64(Secret("A" * 43 + "="))
    seeds = Identity.new_seeds()
    identity = Identity.from_seeds(seeds)
    us = Party(BOT, "BOT1", SigningKey(b"b" * 32).public, identity.master.public)
    chat, account = FakeChat(), FakeAccount()
    async with open_store(directory / "data", sealer) as store, asyncio.TaskGroup() as tasks:
        await store.sealed.set("cross-signing seeds", seeds)
        policy = TrustPolicy(mode, (ANN,), store)
        verifications = Verifications(
            us,
            cast(Chat, chat),
            cast(ClientApi, account),
            store,
            policy,
            tasks=tasks,
            why_untrusted=why_untrusted,
        )
        try:
            yield Table(verifications, chat, account, store, policy, identity, us)
        finally:
            for exchange in verifications._exchanges.values():
                exchange.timer.cancel()  # in ten minutes another test would hear of it


@pytest.fixture
async def table(directory: Path) -> AsyncIterator[Table]:
    async with a_table(directory) as made:
        yield made


@asynccontextmanager
async def seated(table: Table) -> AsyncIterator[ConsoleSession]:
    """Somebody at the shell; that the bot asked Ann then is out of the way."""
    with table.verifications.seat(ANN) as seat:
        await after(seat, "say")
        assert (await table.said("m.room.message"))["to"] == str(ANN)
        yield seat
        table.chat.sent = asyncio.Queue()


async def test_both_say_yes(table: Table) -> None:
    """The signature, and then that it counts; the other side is told when both are there."""
    async with seated(table) as seat:
        table.hear("cancel", {"code": "m.user"}, "$sent1")
        assert "was cancelled in the app" in (await seat.updates.get())["failed"]
        transaction, ann = await table.shown(seat)
        table.verifications.answer(ANN, transaction, match=True)
        ann.take("mac", await table.said("mac"))
        assert ann.proven
        await table.nothing()
        assert table.standing() is PinState.NOT_VERIFIED
        table.hear(*ann.agree(), transaction)
        await after(seat, "done")
        assert table.standing() is PinState.AS_PINNED
        assert table.policy.may_receive(str(ANN))
        await table.said("done")
        assert await table.message() == (
            "🤝 We have verified each other. From now on I do what you ask."
        )
    [[(key, signed)]] = [body[str(ANN)].items() for body in table.account.signatures]
    assert key == table.account.identity.master.public
    signer = table.identity.user_signing.public
    assert is_signed(signed, BOT, signer, signer)
    pin = await table.store.pins.find(str(ANN))
    assert pin
    assert (pin.master_key, pin.verified) == (key, True)
    table.hear("done", {}, transaction)
    await asyncio.sleep(0.02)
    assert table.chat.sent.empty()


async def test_what_was_verified_is_that_identity_and_no_other(table: Table) -> None:
    """It holds when it is looked up again; another identity has nothing of it."""
    async with seated(table) as seat:
        await drop(table, seat)
        transaction, ann = await table.shown(seat)
        table.verifications.answer(ANN, transaction, match=True)
        table.hear(*ann.agree(), transaction)
        await after(seat, "done")
    known = await table.account.query_keys(ANN)
    assert set(await table.policy.trusted(str(ANN), known)) == {"ANNPHONE"}
    assert table.standing() is PinState.AS_PINNED
    table.account.identity = Identity.from_seeds(Identity.new_seeds())
    assert await table.policy.trusted(str(ANN), await table.account.query_keys(ANN)) == {}
    assert table.standing() is PinState.CHANGED
    assert not table.policy.may_receive(str(ANN))
    with pytest.raises(AdminbotError, match="another identity than I remember"):
        await table.verifications.ask(ANN)
    assert await table.policy.trusted(str(ANN), known)
    assert table.policy.may_receive(str(ANN))


async def test_where_emoji_are_not_asked_for_nothing_waits_for_them(directory: Path) -> None:
    """The pin is what counts; a comparison adds the signature, and stays remembered."""
    async with a_table(directory, Trust.PINNED) as table, seated(table) as seat:
        assert table.standing() is PinState.AS_PINNED
        assert table.policy.may_receive(str(ANN))
        await drop(table, seat)
        transaction, ann = await table.shown(seat)
        table.verifications.answer(ANN, transaction, match=True)
        await table.said("mac")
        table.hear(*ann.agree(), transaction)
        await after(seat, "done")
        await table.said("done")
        assert await table.message() == "🤝 We have verified each other."
        pin = await table.store.pins.find(str(ANN))
        assert pin
        assert (pin.master_key, pin.verified) == (table.account.identity.master.public, True)


async def test_without_the_signature_it_does_not_count(table: Table) -> None:
    async with seated(table) as seat:
        await drop(table, seat)
        table.account.breaks_with = HomeserverUnreachable("HTTP 502")
        transaction, ann = await table.shown(seat)
        table.hear(*ann.agree(), transaction)
        table.verifications.answer(ANN, transaction, match=True)
        assert "gave no usable answer" in (await seat.updates.get())["failed"]
        await table.said("mac")
        assert await table.cancelled(transaction) == "m.user"
        await table.nothing()


async def drop(table: Table, seat: ConsoleSession) -> None:
    """Ann does not want what the shell asked her."""
    table.hear("cancel", {"code": "m.user"}, "$sent1")
    assert "failed" in await seat.updates.get()


async def test_an_identity_that_changes_on_the_way_is_not_signed(table: Table) -> None:
    async with seated(table) as seat:
        await drop(table, seat)
        transaction, ann = await table.shown(seat)
        table.hear(*ann.agree(), transaction)
        table.account.identity = Identity.from_seeds(Identity.new_seeds())
        table.verifications.answer(ANN, transaction, match=True)
        assert "does not have the keys" in (await seat.updates.get())["failed"]
        assert table.standing() is PinState.CHANGED
        await table.said("mac")
        assert await table.cancelled(transaction) == "m.key_mismatch"
        await table.nothing()


async def test_the_operators_no(table: Table) -> None:
    async with seated(table) as seat:
        await drop(table, seat)
        transaction, ann = await table.shown(seat)
        table.hear(*ann.agree(), transaction)
        table.verifications.answer(ANN, "$another", match=True)
        table.verifications.answer(ANN, transaction, match=False)
        table.verifications.answer(ANN, transaction, match=True)
        assert "said that the emoji differ" in (await seat.updates.get())["failed"]
        assert await table.cancelled(transaction) == "m.mismatched_sas"
        await table.nothing()


async def test_ten_minutes(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_PATIENCE", timedelta(seconds=0.1))
    async with seated(table) as seat:
        assert "within ten minutes" in (await seat.updates.get())["failed"]
        assert await table.cancelled("$sent1") == "m.timeout"
        transaction, _ = await table.requested()
        table.hear("cancel", {"code": []}, transaction)
        await asyncio.sleep(0.15)
        await table.nothing()


async def test_the_chat_hears_why_it_ended(table: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """And how to begin again: whoever ended it, and also when nobody did."""
    table.chat.invited = True
    assert (await table.verifications.ask(ANN)).still_invited
    await table.said("m.room.message")
    table.hear("cancel", {"code": "m.timeout"}, "$sent1")
    transaction, _ = await table.requested()
    table.hear("cancel", {"code": "m.user"}, transaction)
    await until(lambda: len(table.chat.ended) == 2)
    monkeypatch.setattr(service, "_PATIENCE", timedelta(seconds=0.1))
    await table.verifications.ask(ANN)
    await until(lambda: len(table.chat.ended) == 3)
    for text, why in zip(
        table.chat.ended,
        ("Your app waited no longer", "cancelled in your app", "within ten minutes"),
        strict=True,
    ):
        assert why in text
        assert "Again: !verify" in text
    assert await table.store.requests.all() == []


@pytest.mark.parametrize("out", [True, False])
async def test_what_a_crash_left_open_is_cancelled(table: Table, *, out: bool) -> None:
    """Also when it is not known whether it went out: then it does, or did, and is cancelled."""
    request = OpenRequest(str(ANN), DM, "", "verify-x", now().isoformat())
    await table.store.requests.open(request)
    if out:
        await table.chat.send_in_clear(DM, {}, txn="verify-x", kind="m.room.message")
    await table.verifications.take_up()
    await table.said("m.room.message")
    assert await table.cancelled("$sent1") == "m.user"
    await until(lambda: table.chat.ended)
    assert "cut off in between" in table.chat.ended[0]
    await table.verifications.take_up()  # noted as over; or else the same once more
    await table.nothing()
    assert await table.store.requests.all() == []


async def test_an_old_request_of_which_nothing_is_known_is_forgotten(table: Table) -> None:
    since = (now() - timedelta(hours=1)).isoformat()
    await table.store.requests.open(OpenRequest(str(ANN), DM, "", "verify-x", since))
    await table.verifications.take_up()
    await table.nothing()
    assert await table.store.requests.all() == []


async def test_what_was_verified_when_we_were_cut_off_stays_so(table: Table) -> None:
    """The other side hears that it is done, and not that it is cancelled."""
    transaction, _ = await table.requested()
    await table.message()
    await table.policy.verified(ANN, "whatever")
    await table.verifications.take_up()
    assert (await table.said("done"))["m.relates_to"]["event_id"] == transaction
    await until(lambda: table.chat.sent.empty())
    await asyncio.sleep(0.1)
    assert table.chat.ended == []
    assert await table.store.requests.all() == []


async def test_a_stop_cancels_what_is_open(table: Table) -> None:
    transaction, _ = await table.requested()
    await table.message()
    await table.verifications.stop()
    assert await table.cancelled(transaction) == "m.user"
    assert "I was stopped" in table.chat.ended[0]


async def test_a_newer_request_counts(table: Table) -> None:
    older, _ = await table.requested()
    assert "adminbot verify @ann:example.org" in await table.message()
    step = table.hear("request", table.request())
    assert await table.cancelled(older) == "m.user"
    assert (await table.said("ready"))["m.relates_to"]["event_id"] == step.transaction
    await table.message()
    table.hear("key", {"key": "x"}, older)  # crossed the cancellation
    await table.nothing()
    table.hear("start", {}, older)  # a late tap
    assert await table.cancelled(older) == "m.user"
    await table.nothing()


async def test_requests_that_are_passed_over(table: Table) -> None:
    table.hear("request", table.request(), age_s=601)
    table.hear("request", table.request(to="@other:example.org"))
    table.hear("request", table.request(), room="!other:example.org")
    table.chat.encrypted = False
    table.hear("request", table.request())
    await table.nothing()
    table.chat.encrypted = True
    step = table.hear("request", table.request())
    table.verifications.take(step)  # a sync that failed half-way
    await table.said("ready")
    await table.message()
    await table.nothing()


async def test_a_device_that_does_not_count(table: Table) -> None:
    """Neither to ask nor to accept; and no other device can go on for the one that asked."""
    table.hear("request", table.request(from_device="ROGUE"))
    assert "is not verified, so I did nothing" in (await table.said("told"))["body"]
    table.hear("request", table.request(from_device="NEVERSEEN"))
    assert "is not verified, so I did nothing" in (await table.said("told"))["body"]

    await table.verifications.ask(ANN)
    await table.said("m.room.message")
    table.hear("ready", {"from_device": "ROGUE", "methods": [sas.METHOD]}, "$sent3")
    await table.said("told")
    assert await table.cancelled("$sent3") == "m.user"

    transaction, ann = await table.requested()
    await table.message()
    kind, start = ann.begin()
    table.hear(kind, start | {"from_device": "ROGUE"}, transaction)
    assert await table.cancelled(transaction) == "m.unexpected_message"
    await table.nothing()


async def test_when_the_bot_asks(table: Table) -> None:
    """It begins at the first ready; what is no ready is no answer to a request."""
    asked = await table.verifications.ask(ANN)
    assert not asked.before
    assert not asked.still_invited
    assert (await table.said("m.room.message"))["methods"] == [sas.METHOD]
    table.hear("start", {}, "$sent1")
    assert await table.cancelled("$sent1") == "m.unexpected_message"

    await table.verifications.ask(ANN)
    await table.said("m.room.message")
    ready = {"from_device": "ANNPHONE", "methods": [sas.METHOD]}
    table.hear("ready", ready, "$sent3")
    assert (await table.said("start"))["from_device"] == table.us.device_id
    table.hear("ready", ready | {"from_device": "ROGUE"}, "$sent3")  # too late to matter
    await table.nothing()


async def test_an_unknown_transaction_is_cancelled_once(table: Table) -> None:
    for kind in ("done", "cancel", "key", "mac", "accept"):
        table.hear(kind, {}, "$unknown")
    assert await table.cancelled("$unknown") == "m.unknown_transaction"
    await table.nothing()


async def test_a_request_without_emoji_is_cancelled(table: Table) -> None:
    step = table.hear("request", table.request(methods=["m.qr_code.show.v1"]))
    assert await table.cancelled(step.transaction) == "m.unknown_method"
    step = table.hear("request", table.request(methods=None))
    assert await table.cancelled(step.transaction) == "m.invalid_message"


async def test_whatever_breaks_ends_one_exchange_only(
    table: Table, caplog: pytest.LogCaptureFixture
) -> None:
    """Also when not even the cancellation can be sent."""
    async with seated(table) as seat:
        table.chat.breaks_with = RuntimeError("a bug")
        with caplog.at_level(logging.CRITICAL, logger="none"):
            table.hear("ready", {"from_device": "ANNPHONE", "methods": [sas.METHOD]}, "$sent1")
            assert "broke on my side" in (await seat.updates.get())["failed"]
        table.chat.breaks_with = None
        await table.requested()
        await table.nothing()


async def test_where_every_device_counts_there_is_nothing_to_verify(directory: Path) -> None:
    async with a_table(directory, Trust.ANY) as table:
        with pytest.raises(AdminbotError, match="nothing to verify"):
            await table.verifications.ask(ANN)
        table.hear("request", table.request())
        assert "nothing to verify" in (await table.said("told"))["body"]


async def test_nobody_but_an_admin(table: Table) -> None:
    with pytest.raises(AdminbotError, match="is not in ADMINBOT_ADMINS"):
        await table.verifications.ask(UserId.parse("@eve:example.org"))


@pytest.mark.parametrize("name", ["data", "d" * 200])
async def test_the_socket_may_lie_deep(table: Table, directory: Path, name: str) -> None:
    """An address has 107 bytes at most, a path has more."""
    data_dir = directory / name
    data_dir.mkdir(exist_ok=True)
    serving = asyncio.create_task(control.serve(data_dir, table.verifications))
    await until((data_dir / "control").is_socket)
    async with control.dial(data_dir) as line:
        await line.send({"verify": str(ANN)})
        assert "accept it" in (await line.hear())["say"]
        table.hear("cancel", {"code": "m.mismatched_sas"}, "$sent1")
        assert "it was said that the emoji differ" in (await line.hear())["failed"]
    serving.cancel()
    await asyncio.wait([serving])
    assert not (data_dir / "control").exists()
    with pytest.raises(AdminbotError, match="No service runs"):
        async with control.dial(data_dir):
            pass


async def test_no_socket_is_no_end(
    table: Table, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.wait_for(control.serve(directory / "missing", table.verifications), 5)
    assert "no control socket" in caplog.text


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # a file system tells nobody
            await asyncio.sleep(0.01)
