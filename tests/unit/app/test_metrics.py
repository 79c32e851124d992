"""What is a state: read from what is known, whatever of it is known."""

import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adminbot.app.metrics import _states
from adminbot.errors import StateError
from adminbot.metrics.table import AWAITED, CARDS_OPEN, METRICS, ONE_TIME_KEYS, SYNC_AGE, Kind
from adminbot.store import Bot, Store, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer

pytestmark = pytest.mark.anyio

YOU = UserId("you", "example.org")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as store:
        yield store


def service(store: Store, *, keys: int | None = 49) -> Any:
    client = SimpleNamespace(olm=SimpleNamespace(uploaded_key_count=keys))
    return SimpleNamespace(
        opened=SimpleNamespace(store=store, client=client),
        sync=SimpleNamespace(done_at=now() - timedelta(seconds=7)),
    )


async def test_before_the_first_sync_only_that_there_was_none_is_known() -> None:
    states = await _states(None, now() - timedelta(seconds=90))
    assert states.keys() == {SYNC_AGE}
    assert 90 <= states[SYNC_AGE] < 95


async def test_every_state_of_the_table_is_read(store: Store) -> None:
    for number, name in enumerate(("nano", "pico", "slow")):
        made = Bot(UserId(name, "example.org"), name, f"D{number}", False, YOU, now(), now())
        await store.hand_over(made, event_id=f"${name}", reader=YOU, card="{}")
    await store.cards.gone(1)
    async with store._db.transaction():
        await store._db.execute("UPDATE bot SET paused = 1 WHERE user_id LIKE '@slow:%'")
    states = await _states(service(store), now() - timedelta(days=1))
    assert states.keys() == {it for it in METRICS if it.kind is Kind.GAUGE}
    assert 7 <= states[SYNC_AGE] < 12
    assert (states[CARDS_OPEN], states[AWAITED], states[ONE_TIME_KEYS]) == (2, 2, 49)
    assert len(await store.cards.open()) == 2
    assert len(await store.awaited.all()) == 2


async def test_a_disk_that_gives_nothing_takes_nothing_else_away(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full() -> int:
        raise StateError

    monkeypatch.setattr(store.cards, "count_open", full)
    assert (await _states(service(store), now())).keys() == {SYNC_AGE, ONE_TIME_KEYS}


def test_where_nobody_wants_metrics_their_library_is_not_loaded() -> None:
    loaded = "import sys, adminbot.cli, adminbot.app.run; exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", loaded], check=False).returncode == 0
