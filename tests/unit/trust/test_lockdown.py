"""The lockdown, over the real store. No server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.errors import Refused, StateError
from adminbot.store import Entry, Store, open_store
from adminbot.trust.lockdown import Lockdown
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

pytestmark = pytest.mark.anyio

YOU, HER = UserId("you", "example.org"), UserId("her", "example.org")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


async def test_a_lockdown_holds_for_everybody_and_across_a_restart(store: Store) -> None:
    lockdown = Lockdown(store)
    await lockdown.check_unlocked()
    assert not await lockdown.locked()
    assert not await lockdown.lock(YOU)
    assert await lockdown.lock(HER), "it was so before"

    for run in (lockdown, Lockdown(store)):
        assert await run.locked()
        with pytest.raises(Refused, match="locked down") as told:
            await run.check_unlocked()
        assert "adminbot unlock" in told.value.hint


async def test_only_the_shell_lifts_it_and_a_running_service_sees_that(store: Store) -> None:
    lockdown, shell = Lockdown(store), Lockdown(store)
    assert await shell.unlock() is None
    await lockdown.lock(YOU)
    lifted = await shell.unlock()

    assert lifted
    assert lifted[0] == YOU
    assert not await lockdown.locked()
    await lockdown.check_unlocked()
    assert await shell.unlock() is None


async def test_no_lockdown_begins_or_ends_unnoted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One transaction: where the audit cannot be written, nothing was done."""

    async def fails(entry: Entry) -> None:
        raise StateError

    lockdown, put = Lockdown(store), store.audit.put
    monkeypatch.setattr(store.audit, "put", fails)
    with pytest.raises(StateError):
        await lockdown.lock(YOU, "PHONE")
    assert not await lockdown.locked()
    monkeypatch.setattr(store.audit, "put", put)
    await lockdown.lock(YOU, "PHONE")
    monkeypatch.setattr(store.audit, "put", fails)
    with pytest.raises(StateError):
        await lockdown.unlock()
    assert await lockdown.locked()
    monkeypatch.setattr(store.audit, "put", put)
    await lockdown.unlock()
    found = [(it.who, it.device, it.what) async for it in store.audit.since(None, "")]
    assert found == [(str(YOU), "PHONE", "lockdown"), ("shell", "", "unlock")]
