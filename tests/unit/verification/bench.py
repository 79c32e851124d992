"""Verifications over a real store and a fake chat, and Ann's side of a comparison with them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from adminbot.chat.chat import Chat
from adminbot.chat.incoming import VERIFICATION, Step
from adminbot.config import Trust
from adminbot.crypto.crosssigning import Identity, SigningKey
from adminbot.dispatch.permission import why_untrusted
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs.background import Background
from adminbot.store import Store, open_store
from adminbot.trust.pins import PinState, TrustPolicy
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.render import Message
from adminbot.values.secret import Sealer, Secret
from adminbot.verification import events
from adminbot.verification.console import ConsoleSession
from adminbot.verification.events import Party
from adminbot.verification.messenger import Messenger
from adminbot.verification.party import Parties
from adminbot.verification.sas import Comparison
from adminbot.verification.service import Verifications

ANN = UserId.parse("@ann:example.org")
BOT = "@bot:example.org"
DM = "!dm:example.org"
JSON = dict[str, Any]


class FakeChat:
    """The narrow part of Chat that verifications use; what is said comes out of a queue."""

    def __init__(self) -> None:
        self.rooms = self.direct_chats = self
        self.sent: asyncio.Queue[tuple[str, JSON]] = asyncio.Queue()
        self.encrypted = True
        self.breaks_with: Exception | None = None
        self.ended: list[str] = []  # what is said of a comparison's end
        self.invited = False
        self.hangs = False
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

    async def ready(self, user_id: UserId) -> str:
        return DM

    async def send(
        self, room_id: str, message: Message, *, txn: str, kind: str = "m.room.message"
    ) -> str:
        content = message.content("!")
        if self.breaks_with:
            raise self.breaks_with
        if txn.startswith("verify-ended-"):
            self.ended.append(content["body"])
            return "$ended"
        return await self.send_in_clear(room_id, content, txn=txn, kind=kind)

    async def send_in_clear(self, room_id: str, content: JSON, *, txn: str, kind: str) -> str:
        await until(lambda: not self.hangs)
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
class Bench:
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
        return events.request(self.account.party, BOT) | more

    async def requested(self) -> tuple[str, Comparison]:
        """Ann asks, the bot is ready: the transaction, and her side of it."""
        step = self.hear("request", self.request())
        assert (await self.said("ready"))["from_device"] == self.us.device_id
        return step.transaction, Comparison(step.transaction, self.account.party, self.us)

    async def shown(self, session: ConsoleSession) -> tuple[str, Comparison]:
        """As far as the emoji; somebody sits at the shell."""
        transaction, ann = await self.requested()
        self.hear(*ann.begin(), transaction)
        [key] = ann.take("accept", await self.said("accept"))
        self.hear(*key, transaction)
        ann.take("key", await self.said("key"))
        update = await after(session, "emoji")
        assert ann.shown
        assert (update["emoji"], update["of"]) == (ann.shown.emoji, transaction)
        return transaction, ann


async def after(session: ConsoleSession, name: str) -> JSON:
    """The next update of this kind."""
    while name not in (update := await asyncio.wait_for(session.updates.get(), 5)):
        assert "failed" not in update, update
    return update


@asynccontextmanager
async def a_bench(directory: Path, mode: Trust = Trust.VERIFIED) -> AsyncIterator[Bench]:
    sealer = Sealer.from_base64(Secret("A" * 43 + "="))
    seeds = Identity.new_seeds()
    identity = Identity.from_seeds(seeds)
    us = Party(BOT, "BOT1", SigningKey(b"b" * 32).public, identity.master.public)
    chat, account = FakeChat(), FakeAccount()
    async with open_store(directory / "data", sealer) as store, asyncio.TaskGroup() as tasks:
        await store.sealed.set("cross-signing seeds", seeds)
        policy = TrustPolicy(mode, (ANN,), store)
        verifications = Verifications(
            cast(Chat, chat),
            store,
            Parties(us, cast(ClientApi, account), store, policy),
            Messenger(cast(Chat, chat), us, why_untrusted=why_untrusted),
            Background(tasks),
        )
        try:
            yield Bench(verifications, chat, account, store, policy, identity, us)
        finally:
            for found in verifications._exchanges._open.values():
                found.timer.cancel()  # in ten minutes another test would hear of it


@asynccontextmanager
async def at_the_shell(bench: Bench) -> AsyncIterator[ConsoleSession]:
    """Somebody at the shell; that the bot asked Ann then is out of the way."""
    with bench.verifications.session(ANN) as session:
        await after(session, "say")
        assert (await bench.said("m.room.message"))["to"] == str(ANN)
        yield session
        bench.chat.sent = asyncio.Queue()


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110  # a file system tells nobody
            await asyncio.sleep(0.01)
