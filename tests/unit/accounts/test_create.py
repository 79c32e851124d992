"""An account's making when answers are lost, at transport height."""

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from adminbot.accounts.act import Order
from adminbot.accounts.backends.synapse import SynapseBackend
from adminbot.accounts.create import Wanted
from adminbot.accounts.handover import Program, Purpose
from adminbot.accounts.operations import Accounts
from adminbot.accounts.registry import Own
from adminbot.errors import (
    HomeserverUnreachable,
    NameTaken,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import Bot, Store, open_store
from adminbot.values.ids import BotName, UserId
from adminbot.values.secret import Sealer, Secret
from tests.unit.homeserver.scripted import PAGE, Handler, wire_to

pytestmark = pytest.mark.anyio

BOT = UserId("nano", "example.test")
YOU = UserId("you", "example.test")


class Server:
    """As much of Synapse as `create` talks to; `register` and `put` say how those end."""

    def __init__(self, *register: str, put: tuple[str, ...] = ("works",)) -> None:
        self._register, self._put = list(register), list(put)
        self.devices: list[str] | None = None  # None: the account is not there
        self.admin = self.deactivated = False
        self.sent: list[str] = []

    @property
    def changes(self) -> list[str]:
        return [line for line in self.sent if not line.startswith("GET ")]

    def appears(self, *devices: str) -> None:
        self.devices = list(devices)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rsplit("/", 1)[-1]
        body = json.loads(request.content or b"{}")
        self.sent.append(f"{request.method} {path}")
        match request.method, path:
            case "GET", "username_available":
                return httpx.Response(200, json={"available": True})
            case "GET", "register":
                return httpx.Response(200, json={"nonce": "n"})
            case "POST", "register":
                return self._ends(self._register.pop(0), body)
            case "GET", "@nano:example.test":
                return self._account()
            case "GET", "devices":
                found = [{"device_id": device} for device in self.devices or ()]
                return httpx.Response(200, json={"devices": found})
            case "PUT", "@nano:example.test":
                return self._ends(self._put.pop(0) if len(self._put) > 1 else self._put[0], body)
            case "POST", "login":
                return self._session(body["device_id"])
            case "POST", "password":
                return httpx.Response(200, json={})
        raise AssertionError(self.sent[-1])

    def _ends(self, how: str, body: dict[str, Any]) -> httpx.Response:
        match how:
            case "502":
                return httpx.Response(502, content=PAGE)
            case "dies":
                raise httpx.RemoteProtocolError("cut off")
            case "full":  # MAU: the account is made before the refusal
                self.devices = []
                return httpx.Response(403, json={"errcode": "M_RESOURCE_LIMIT_EXCEEDED"})
        if "mac" not in body:
            made, self.devices = self.devices is None, self.devices or []
            if how == "works, then dies":
                raise httpx.ReadTimeout("cut off")
            return httpx.Response(201 if made else 200, json={"name": str(BOT)})
        if self.devices is not None:
            return httpx.Response(400, json={"errcode": "M_USER_IN_USE"})
        self.devices = [body["device_id"]]
        if how == "works, then dies":
            raise httpx.ReadTimeout("cut off")
        return self._session(body["device_id"])

    def _account(self) -> httpx.Response:
        if self.devices is None:
            return httpx.Response(404, json={"errcode": "M_NOT_FOUND"})
        body = {"name": str(BOT), "admin": self.admin, "deactivated": self.deactivated}
        return httpx.Response(200, json=body)

    def _session(self, device_id: str) -> httpx.Response:
        self.devices = sorted({*(self.devices or []), device_id})
        body = {"user_id": str(BOT), "device_id": device_id, "access_token": "syt_new"}
        return httpx.Response(200, json=body)


def phrase(bot: Bot, secrets: Mapping[str, Secret], purpose: Purpose, reader: UserId) -> str:
    return f"{bot.user_id} {bot.device_id} {secrets['access_token'].reveal()} {purpose.name}"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


async def create(server: Handler, store: Store, *, shared: bool = True) -> str:
    """Make the bot as `!newbot nano` would; returns the text of its card."""

    async def say(text: str) -> None:
        raise AssertionError(text)

    async def check() -> None:
        raise AssertionError("nothing is waited for")

    async def become(session: Session) -> None:
        raise AssertionError(session.device_id)

    async with wire_to(server, patience_s=1) as wire:
        account, secret = ClientApi(wire), Secret("shared") if shared else None
        accounts = Accounts.over(
            Own(UserId("adminbot", "example.test"), "OWN"),
            backend=SynapseBackend(SynapseAdmin(wire), account, secret),
            account=account,
            store=store,
            phrase=phrase,
            become=become,
        )
        _, card = await accounts.creation.create(
            BotName("nano"),
            Wanted(
                "Nano",
                "NANO1",
                password=False,
                own_identity=False,
                recovery=False,
                program=Program(),
            ),
            Order(YOU, "$act", say=say, check=check),
        )
    return str((await store.cards.find(card)).content)


CARD = "@nano:example.test NANO1 syt_new NEW"


async def test_a_bot_is_made_by_one_request_when_all_is_well(store: Store) -> None:
    server = Server("works")

    assert await create(server, store) == CARD
    assert server.changes == ["POST register"]


@pytest.mark.parametrize("how", ["502", "dies"])
async def test_an_account_that_was_not_made_is_registered_again(how: str, store: Store) -> None:
    server = Server(how, how, "works")

    assert await create(server, store) == CARD
    assert server.changes == ["POST register"] * 3
    lookups = [line for line in server.sent if line == "GET @nano:example.test"]
    assert len(lookups) == 2, "it looks before it tries again"
    assert server.devices == ["NANO1"]


async def test_an_account_that_was_made_though_the_answer_was_lost_is_taken_over(
    store: Store,
) -> None:
    server = Server("works, then dies")

    assert await create(server, store) == CARD
    assert server.changes.count("POST register") == 1
    assert server.changes[-2:] == ["POST login", "POST password"], "older tokens die"
    assert server.devices == ["NANO1"]


async def test_an_account_made_on_a_full_server_is_taken_over(store: Store) -> None:
    server = Server("full")

    assert await create(server, store) == CARD
    assert server.changes.count("POST register") == 1


def owners() -> Iterator[Any]:
    for devices in (["PHONE"], ["NANO1", "PHONE"], ["nano1"]):
        yield pytest.param(devices, {}, id=" ".join(devices))
    yield pytest.param(["NANO1"], {"admin": True}, id="server admin")
    yield pytest.param(["NANO1"], {"deactivated": True}, id="deactivated")


@pytest.mark.parametrize("how", ["502", "dies"])
@pytest.mark.parametrize(("devices", "flags"), list(owners()))
async def test_somebody_elses_account_that_came_in_between_is_not_touched(
    how: str, devices: list[str], flags: dict[str, bool], store: Store
) -> None:
    server = Server(how, "works")

    def meanwhile(request: httpx.Request) -> httpx.Response:
        try:
            return server(request)
        finally:
            if request.method == "POST" and server.devices is None:
                server.appears(*devices)
                for name, value in flags.items():
                    setattr(server, name, value)

    with pytest.raises(NameTaken):
        await create(meanwhile, store)
    assert set(server.changes) == {"POST register"}
    assert server.devices == devices
    assert await store.bots.all() == []
    assert await store.cards.open() == []


async def test_a_server_that_stays_away_is_said_so_and_nothing_is_kept(store: Store) -> None:
    server = Server(*["dies"] * 50)
    with pytest.raises(HomeserverUnreachable):
        await create(server, store)

    assert set(server.changes) == {"POST register"}
    assert await store.bots.all() == []


async def test_a_killed_making_is_gone_on_with_and_not_begun_anew(store: Store) -> None:
    """The notes are there, the account is there; the process died before the card was kept."""
    await store.acts.begin("$act", who=YOU, command="newbot", target=str(BOT), device_id="NANO1")
    await store.acts.will("$act", "make the account")
    server = Server("works")
    server.appears("NANO1")

    assert await create(server, store) == CARD
    assert "GET username_available" not in server.sent
    assert server.devices == ["NANO1"]


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("noted", [True, False])
async def test_a_taken_name_is_final_where_no_outcome_is_unknown(
    shared: bool, noted: bool, store: Store
) -> None:
    """However new and empty the account looks that came between the check and the making."""
    if noted:  # cut off before anything was to be made
        await store.acts.begin(
            "$act", who=YOU, command="newbot", target=str(BOT), device_id="NANO1"
        )
    server = Server("works")

    def meanwhile(request: httpx.Request) -> httpx.Response:
        if request.method in ("PUT", "POST"):
            server.appears()
        return server(request)

    with pytest.raises(NameTaken):
        await create(meanwhile, store, shared=shared)
    assert len(server.changes) == 1
    assert server.devices == []
    assert await store.bots.all() == []


# -- the same without the shared secret: an empty PUT makes the account


async def test_without_the_shared_secret_a_bot_is_made_by_an_empty_put(store: Store) -> None:
    server = Server()

    assert await create(server, store, shared=False) == CARD
    assert server.changes == ["PUT @nano:example.test"] * 2 + ["POST login"]


async def test_without_the_shared_secret_a_lost_answer_is_looked_up(store: Store) -> None:
    server = Server(put=("works, then dies", "works"))

    assert await create(server, store, shared=False) == CARD
    assert server.sent[1:3] == ["PUT @nano:example.test", "GET @nano:example.test"]
    assert server.devices == ["NANO1"]


@pytest.mark.parametrize("put", ["works", "dies"])
async def test_without_the_shared_secret_somebody_elses_account_gets_an_empty_put_at_most(
    put: str, store: Store
) -> None:
    server = Server(put=(put, "works"))
    bodies = []

    def meanwhile(request: httpx.Request) -> httpx.Response:
        if request.method == "PUT":
            server.appears("PHONE")
            bodies.append(request.content)
        return server(request)

    with pytest.raises(NameTaken):
        await create(meanwhile, store, shared=False)
    assert set(bodies) == {b"{}"}
    assert server.devices == ["PHONE"]
