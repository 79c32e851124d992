"""Whose devices count: three modes, what is pinned, whether emoji were compared. No server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.config import Trust
from adminbot.store import Store, open_store
from adminbot.trust.pins import PinState, TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer
from tests.unit.crypto.test_crosssigning import (
    JSON,
    YOU,
    answer_of,
    device_of,
    identity,
    signed_by,
)

pytestmark = pytest.mark.anyio

ME = UserId.parse(YOU)
MINE, OTHER = identity(), identity()
ROGUE = device_of(name="ROGUE")
SEEN = answer_of(MINE, signed_by(MINE, device_of()), ROGUE)
RESET = answer_of(OTHER, signed_by(OTHER, device_of()), ROGUE)
NO_IDENTITY: JSON = {"device_keys": SEEN["device_keys"]}
ALL = frozenset({"PHONE", "ROGUE"})
GOOD = frozenset({"PHONE"})
NONE: frozenset[str] = frozenset()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


async def pin(store: Store, pinned: str) -> None:
    """`pinned`: none, same or other; with `verified`, emoji were compared with it."""
    if not pinned.startswith("none"):
        master = (OTHER if pinned.startswith("other") else MINE).master.public
        await store.pins.pin(ME, master)
        if pinned.endswith("verified"):
            await store.pins.verified(ME, master)


P, V, A = Trust.PINNED, Trust.VERIFIED, Trust.ANY
OK, WAITS, CHANGED = PinState.AS_PINNED, PinState.NOT_VERIFIED, PinState.CHANGED
TABLE = [
    # mode, what is pinned, what the server shows → devices, standing, gets secrets
    (P, "none", SEEN, GOOD, OK, True),
    (P, "same", SEEN, GOOD, OK, True),
    (P, "same, verified", SEEN, GOOD, OK, True),
    (P, "other", SEEN, NONE, CHANGED, False),
    (P, "other, verified", SEEN, NONE, CHANGED, False),
    (P, "none", NO_IDENTITY, NONE, PinState.NO_IDENTITY, False),
    (P, "same", NO_IDENTITY, NONE, CHANGED, False),
    (V, "none", SEEN, GOOD, WAITS, False),
    (V, "same", SEEN, GOOD, WAITS, False),
    (V, "same, verified", SEEN, GOOD, OK, True),
    (V, "other", SEEN, NONE, CHANGED, False),
    (V, "other, verified", SEEN, NONE, CHANGED, False),
    (V, "none", NO_IDENTITY, NONE, PinState.NO_IDENTITY, False),
    (V, "same, verified", NO_IDENTITY, NONE, CHANGED, False),
    (A, "none", SEEN, ALL, PinState.UNKNOWN, True),
    (A, "same", SEEN, ALL, PinState.UNKNOWN, True),
    (A, "other, verified", SEEN, ALL, PinState.UNKNOWN, True),
    (A, "none", NO_IDENTITY, ALL, PinState.UNKNOWN, True),
]


@pytest.mark.parametrize(("mode", "pinned", "shown", "devices", "standing", "gets"), TABLE)
async def test_which_devices_count(
    mode: Trust,
    pinned: str,
    shown: JSON,
    devices: frozenset[str],
    standing: PinState,
    gets: bool,
    store: Store,
) -> None:
    policy = TrustPolicy(mode, (ME,), store)
    await pin(store, pinned)

    assert set(await policy.trusted(YOU, shown)) == devices
    assert policy.standing(YOU) is standing
    assert policy.may_receive(YOU) is gets


@pytest.mark.parametrize("mode", [P, V])
async def test_the_first_identity_is_remembered_and_nobody_has_compared_it(
    mode: Trust, store: Store
) -> None:
    await TrustPolicy(mode, (ME,), store).trusted(YOU, SEEN)
    found = await store.pins.find(YOU)

    assert found
    assert (found.master_key, found.verified) == (MINE.master.public, False)
    again = TrustPolicy(mode, (ME,), store)
    assert await again.trusted(YOU, RESET) == {}
    assert again.standing(YOU) is CHANGED


@pytest.mark.parametrize("mode", list(Trust))
async def test_nobody_but_an_admin_has_devices_that_count(mode: Trust, store: Store) -> None:
    policy = TrustPolicy(mode, (UserId("other", "example.org"),), store)

    assert await policy.trusted(YOU, SEEN) == {}
    assert await store.pins.find(YOU) is None
    assert not policy.is_admin(YOU)


async def test_before_anything_is_known_nobody_gets_anything(store: Store) -> None:
    await pin(store, "same, verified")
    policy = TrustPolicy(V, (ME,), store)

    assert policy.standing(YOU) is PinState.UNKNOWN
    assert not policy.may_receive(YOU)


async def test_compared_emoji_count_at_once_and_for_that_identity_only(store: Store) -> None:
    policy = TrustPolicy(V, (ME,), store)
    await policy.trusted(YOU, SEEN)
    await policy.verified(ME, MINE.master.public)
    assert policy.may_receive(YOU)

    await policy.trusted(YOU, RESET)
    assert not policy.may_receive(YOU)
    await policy.verified(ME, OTHER.master.public)
    assert policy.standing(YOU) is CHANGED
    await policy.trusted(YOU, RESET)
    assert not policy.may_receive(YOU)


async def test_a_change_is_alarmed_until_everybody_was_told(store: Store) -> None:
    await pin(store, "same")
    policy = TrustPolicy(P, (ME,), store)
    told: list[tuple[UserId, str]] = []
    policy.identity_changed.connect(lambda who, master: told.append((who, master)))

    await policy.trusted(YOU, RESET)
    await policy.trusted(YOU, RESET)
    assert told == [(ME, OTHER.master.public)] * 2
    await store.pins.alarmed(ME, OTHER.master.public)
    await policy.trusted(YOU, RESET)
    assert len(told) == 2
    await policy.trusted(YOU, NO_IDENTITY)
    assert told[2:] == [(ME, "none")]


async def test_what_the_operator_accepts_counts_and_the_old_one_no_more(store: Store) -> None:
    """`adminbot trust` writes the pin beside the running service."""
    await pin(store, "same, verified")
    policy = TrustPolicy(P, (ME,), store)
    await policy.trusted(YOU, RESET)
    await store.pins.pin(ME, OTHER.master.public)

    assert set(await policy.trusted(YOU, RESET)) == GOOD
    assert policy.standing(YOU) is OK
    assert await policy.trusted(YOU, SEEN) == {}
    assert policy.standing(YOU) is CHANGED


async def test_after_the_operator_accepted_another_one_emoji_are_compared_anew(
    store: Store,
) -> None:
    await pin(store, "same, verified")
    await store.pins.pin_anew(ME, OTHER.master.public)
    policy = TrustPolicy(V, (ME,), store)

    await policy.trusted(YOU, RESET)
    assert policy.standing(YOU) is WAITS
