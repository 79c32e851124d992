"""Which changes are not begun although their sender may: over the real store. No server."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.errors import Refused
from adminbot.store import Store, open_store
from adminbot.trust.change_limit import ChangeLimit
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

pytestmark = pytest.mark.anyio

YOU, HER = UserId("you", "example.org"), UserId("her", "example.org")
HOUR = timedelta(hours=1)
FRESH = timedelta()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


async def test_a_command_that_is_too_old_is_not_run(store: Store) -> None:
    limit = ChangeLimit(store, HOUR)
    await limit.check(YOU, age=HOUR)
    with pytest.raises(Refused, match="sent while I was away, 1 h 1 s ago"):
        await limit.check(YOU, age=HOUR + timedelta(seconds=1))


async def test_too_many_changes_of_one_person_are_refused_and_others_go_on(store: Store) -> None:
    limit = ChangeLimit(store, HOUR)
    for number in range(119):
        await store.acts.begin(f"${number}", who=YOU, command="x", target="x", device_id=None)
    await limit.check(YOU, age=FRESH)
    await store.acts.begin("$119", who=YOU, command="x", target="x", device_id=None)
    with pytest.raises(Refused, match="120 changes in 10 min"):
        await limit.check(YOU, age=FRESH)
    await limit.check(HER, age=FRESH)


async def test_too_many_changes_by_one_person_are_refused_and_others_go_on(store: Store) -> None:
    limit = ChangeLimit(store, HOUR)
    for n in range(120):
        await limit.check(YOU, age=FRESH)
        await store.acts.begin(f"${n}", who=YOU, command="rotate", target="x", device_id=None)
    with pytest.raises(Refused, match="120 changes in 10 min"):
        await limit.check(YOU, age=FRESH)
    await limit.check(HER, age=FRESH)
