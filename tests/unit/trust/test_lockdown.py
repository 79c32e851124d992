"""What keeps a change from being begun: the rules, over the real store. No server."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.errors import Refused
from adminbot.store import Store, open_store
from adminbot.trust.lockdown import Restraint, unlock
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


async def test_a_lockdown_holds_for_everybody_and_across_a_restart(store: Store) -> None:
    restraint = Restraint(store, HOUR)
    await restraint.check(YOU, age=FRESH)
    assert not await restraint.locked()
    assert not await restraint.lock(YOU)
    assert await restraint.lock(HER), "it was so before"

    for run in (restraint, Restraint(store, HOUR)):
        assert await run.locked()
        for who in (YOU, HER):
            with pytest.raises(Refused, match="locked down") as told:
                await run.check(who, age=FRESH)
            assert "adminbot unlock" in told.value.hint
        with pytest.raises(Refused, match="locked down"):
            await run.check_unlocked()


async def test_only_the_shell_lifts_it_and_a_running_service_sees_that(store: Store) -> None:
    restraint = Restraint(store, HOUR)
    assert await unlock(store) is None
    await restraint.lock(YOU)
    lifted = await unlock(store)

    assert lifted
    assert lifted[0] == YOU
    assert not await restraint.locked()
    await restraint.check(YOU, age=FRESH)
    assert await unlock(store) is None


async def test_a_command_that_is_too_old_is_not_run(store: Store) -> None:
    restraint = Restraint(store, HOUR)
    await restraint.check(YOU, age=HOUR)
    with pytest.raises(Refused, match="sent while I was away, 1 h 1 s ago"):
        await restraint.check(YOU, age=HOUR + timedelta(seconds=1))


async def test_too_many_changes_of_one_person_are_refused_and_others_go_on(store: Store) -> None:
    restraint = Restraint(store, HOUR)
    for number in range(119):
        await store.acts.begin(f"${number}", who=YOU, command="x", target="x", device_id=None)
    await restraint.check(YOU, age=FRESH)
    await store.acts.begin("$119", who=YOU, command="x", target="x", device_id=None)
    with pytest.raises(Refused, match="120 changes in 10 min"):
        await restraint.check(YOU, age=FRESH)
    await restraint.check(HER, age=FRESH)


async def test_too_many_changes_by_one_person_are_refused_and_others_go_on(store: Store) -> None:
    restraint = Restraint(store, HOUR)
    for n in range(120):
        await restraint.check(YOU, age=FRESH)
        await store.acts.begin(f"${n}", who=YOU, command="rotate", target="x", device_id=None)
    with pytest.raises(Refused, match="120 changes in 10 min"):
        await restraint.check(YOU, age=FRESH)
    await restraint.check(HER, age=FRESH)
