"""What adminbot does as somebody else: for how long, in which order, what it keeps. No server."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adminbot.accounts.backends.synapse import SynapseBackend
from adminbot.accounts.signing import Kept, Signer
from adminbot.crypto.crosssigning import Identity, trusted_devices, unpadded
from adminbot.crypto.secret_storage import RecoveryKey
from adminbot.errors import ForeignIdentity, HomeserverError, HomeserverUnreachable
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.store import Store, identity_of, open_store, recovery_of
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.unit.crypto.test_crosssigning import device_of

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]
NANO = UserId("nano", "example.org")


class FakeSynapse(SynapseAdmin):
    """Gives tokens to act as somebody, and notes for how long."""

    def __init__(self) -> None:
        self.given: list[tuple[UserId, int]] = []

    async def log_in_as(self, user_id: UserId, *, for_s: int) -> Secret:
        self.given.append((user_id, for_s))
        return Secret(f"acting{len(self.given)}")


@dataclass
class FakeAccount(ClientApi):
    """The account that is acted as; `did` is shared with all that act. `breaks`: what fails."""

    token: str = "own"
    did: list[tuple[str, str, Any]] = field(default_factory=list)
    breaks: dict[str, Exception] = field(default_factory=dict)

    def acting_with(self, token: Secret) -> "FakeAccount":
        return FakeAccount(token.reveal(), self.did, self.breaks)

    def _do(self, what: str, value: Any = None) -> None:
        if problem := self.breaks.pop(what, None):
            raise problem
        self.did.append((self.token, what, value))

    async def upload_cross_signing(self, body: JSON) -> None:
        self._do("identity", body)

    async def upload_signatures(self, body: JSON) -> None:
        self._do("signatures", body)

    async def set_account_data(self, user_id: UserId, kind: str, body: JSON) -> None:
        self._do(kind, body)

    async def log_out(self) -> None:
        self._do("log out")


class Place:
    def __init__(self, store: Store) -> None:
        self.store, self.synapse, self.account = store, FakeSynapse(), FakeAccount()
        self.signer = Signer(SynapseBackend(self.synapse, self.account, None), store)

    def did(self) -> list[str]:
        return [what for _, what, _ in self.account.did]

    def uploaded(self, what: str) -> list[Any]:
        return [value for _, kind, value in self.account.did if kind == what]


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield Place(store)


async def test_the_session_that_acts_as_a_bot_is_short_and_logged_out(place: Place) -> None:
    await place.signer.sign(NANO, device_of(str(NANO), "NANO1"))

    assert all(who == NANO and 0 < for_s <= 120 for who, for_s in place.synapse.given)
    assert place.did() == ["identity", "log out", "signatures", "log out"]
    tokens = [token for token, what, _ in place.account.did if what == "log out"]
    assert tokens == ["acting1", "acting2"]
    assert "own" not in {token for token, _, _ in place.account.did}


@pytest.mark.parametrize("what", ["identity", "signatures"])
async def test_it_is_logged_out_also_when_something_fails(what: str, place: Place) -> None:
    place.account.breaks[what] = HomeserverUnreachable("HTTP 502")
    with pytest.raises(HomeserverUnreachable):
        await place.signer.sign(NANO, device_of(str(NANO), "NANO1"))
    assert place.did()[-1] == "log out"


async def test_a_log_out_that_fails_is_no_failure_of_the_act(place: Place) -> None:
    place.account.breaks["log out"] = HomeserverError("no", status=401)
    await place.signer.ensure(NANO)


async def test_the_device_that_was_signed_belongs_to_the_identity(place: Place) -> None:
    device = device_of(str(NANO), "NANO1")
    await place.signer.sign(NANO, device)
    [identity], [signatures] = place.uploaded("identity"), place.uploaded("signatures")

    theirs = signatures[str(NANO)]["NANO1"]["signatures"][str(NANO)]
    signed = device | {"signatures": {str(NANO): device["signatures"][str(NANO)] | theirs}}
    answer = {
        "device_keys": {str(NANO): {"NANO1": signed}},
        "master_keys": {str(NANO): identity["master_key"]},
        "self_signing_keys": {str(NANO): identity["self_signing_key"]},
    }
    kept = await place.signer.ensure(NANO)
    assert set(trusted_devices(answer, str(NANO), kept.master)) == {"NANO1"}


async def test_an_identity_is_kept_before_it_is_published_and_published_once(place: Place) -> None:
    """What was published cannot be replaced: ours must be the one that we can sign with."""
    place.account.breaks["identity"] = HomeserverUnreachable("killed")
    with pytest.raises(HomeserverUnreachable):
        await place.signer.ensure(NANO)
    sealed = await place.store.sealed.get(identity_of(NANO))
    assert sealed
    kept = Kept.from_json(sealed)
    await place.signer.ensure(NANO)
    assert place.uploaded("identity") == [kept.identity]

    await place.signer.ensure(NANO)
    assert len(place.uploaded("identity")) == 1


async def test_one_that_cannot_be_published_is_forgotten(place: Place) -> None:
    place.account.breaks["identity"] = ForeignIdentity(NANO)
    with pytest.raises(ForeignIdentity):
        await place.signer.ensure(NANO)
    assert await place.store.sealed.get(identity_of(NANO)) is None


def test_only_the_seed_that_signs_devices_is_kept() -> None:
    kept = Kept.new(NANO, None)
    assert kept.identity
    keys = {role: next(iter(key["keys"].values())) for role, key in kept.identity.items()}

    assert kept.self_signing.public == keys["self_signing_key"]
    assert kept.master == keys["master_key"]
    assert set(json.loads(kept.to_json())) == {"seed", "master", "identity", "storage"}
    assert kept.storage is None


async def test_a_recovery_key_opens_what_is_published_also_after_a_crash(place: Place) -> None:
    place.account.breaks["m.cross_signing.master"] = HomeserverUnreachable("killed")
    with pytest.raises(HomeserverUnreachable):
        await place.signer.ensure_with_recovery(NANO)
    first = await place.store.sealed.get(recovery_of(NANO))
    key = await place.signer.ensure_with_recovery(NANO)

    assert key.reveal() == first
    bodies = place.uploaded("identity")
    assert bodies[0] == bodies[1], "the same identity again"
    published = {what for what in place.did() if what.startswith("m.")}
    wanted = RecoveryKey.new().account_data(
        {f"m.cross_signing.{role}": bytes(32) for role in ("master", "self_signing")}
    )
    assert {kind.split(".key.")[0] for kind in published} >= {
        kind.split(".key.")[0] for kind in wanted
    }


def test_no_seed_is_in_what_is_published() -> None:
    seeds = json.loads(Identity.new_seeds())
    body = json.dumps(Identity.from_seeds(json.dumps(seeds)).upload_body(str(NANO)))
    assert not [seed for seed in seeds.values() if seed in body]


def test_of_an_identity_only_the_self_signing_seed_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds = Identity.new_seeds()
    monkeypatch.setattr(Identity, "new_seeds", staticmethod(lambda: seeds))
    raw = json.loads(seeds)
    for recovery in (None, RecoveryKey.new()):
        text = Kept.new(UserId("nano", "example.test"), recovery).to_json()
        assert raw["self_signing"] in text
        for role in ("master", "user_signing"):
            assert raw[role] not in text
            assert unpadded(bytes.fromhex(raw[role])) not in text
        if recovery:
            assert str(recovery) not in text
        assert Kept.from_json(text).master == Identity.from_seeds(seeds).master.public
