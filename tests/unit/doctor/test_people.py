"""What the checks of the admins leave alone."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adminbot.doctor import people
from adminbot.doctor.finding import Level
from adminbot.store import open_store
from adminbot.trust.admins import left_out
from adminbot.values.ids import UserId
from tests.unit.config.good import settings

pytestmark = pytest.mark.anyio


async def test_a_look_at_an_admin_who_is_not_there_shuts_nobody_out(tmp_path: Path) -> None:
    """Remembered as absent, an account made afterwards would wait for `adminbot trust`."""
    accounts: dict[UserId, Any] = {}

    async def find(user_id: UserId) -> Any:
        return accounts.get(user_id)

    chosen = settings(ADMINS="@you:example.org @late:example.org")
    accounts[chosen.admins[0]] = SimpleNamespace(is_deactivated=False)
    async with open_store(tmp_path, chosen.sealer) as store:
        it: Any = SimpleNamespace(
            synapse=SimpleNamespace(find_account=find), store=store, settings=chosen
        )
        found = await people.admins(it)
        assert found.level is Level.WARNING
        assert "@late:example.org is left out" in found.text

        accounts[chosen.admins[1]] = SimpleNamespace(is_deactivated=False)
        assert await left_out(find, store, chosen.user_id, chosen.admins) == ()
