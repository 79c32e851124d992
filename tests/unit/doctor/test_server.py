"""What the checks make of a homeserver's addresses and of our own logins."""

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from adminbot.doctor import server
from adminbot.doctor.finding import Level
from adminbot.homeserver import probe
from adminbot.values.clock import now
from tests import ROOT

pytestmark = pytest.mark.anyio


def subject(homeserver: str = "http://10.0.0.1", logins: tuple[float, ...] = ()) -> Any:
    """`logins`: how many seconds ago each was, the oldest first."""

    async def moments(_: object, *, since: datetime) -> list[datetime]:
        return [now() - timedelta(seconds=ago) for ago in logins]

    async def flows() -> set[str]:
        return {"m.login.password"}

    return SimpleNamespace(
        http=None,
        settings=SimpleNamespace(homeserver=homeserver, shared_secret=None),
        account=SimpleNamespace(login_flows=flows),
        store=SimpleNamespace(audit=SimpleNamespace(moments_of=moments)),
    )


async def _nothing(*_: object) -> None:
    return None


@pytest.mark.parametrize(
    ("url", "address", "level"),
    [
        ("http://synapse:8008", "10.1.2.3", Level.OK),
        ("http://localhost:8008", "127.0.0.1", Level.OK),
        ("http://[::1]:8008", "::1", Level.OK),
        ("http://synapse.tail1234.ts.net:8008", "100.101.102.103", Level.OK),  # Tailscale's
        ("http://matrix.example.org", "93.184.216.34", Level.WARNING),
        ("https://matrix.example.org", "93.184.216.34", Level.OK),
    ],
)
async def test_the_admin_token_in_clear_on_the_internet_is_told(
    url: str, address: str, level: Level, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def addresses(_: str) -> list[str]:
        return [address]

    monkeypatch.setattr(probe, "check_matrix", _nothing)
    monkeypatch.setattr(server, "addresses_of", addresses)
    found = await server.homeserver(subject(url))
    assert found.level is level
    assert f"{url} answers ({address})" in found.text


@pytest.mark.parametrize(
    ("logins", "told"),
    [
        ((), "5 of 5"),
        ((1,), "4 of 5"),
        ((5, 4, 3, 2, 1), "0 of 5"),
        ((334, 333.5, 333.4, 333.3, 333.2), "1 of 5"),
        ((1500, 1000, 300), "4 of 5"),
        ((1500, 1000, 500), "5 of 5"),
    ],
)
async def test_logins_come_back_one_by_one(logins: tuple[float, ...], told: str) -> None:
    found = await server.password_login(subject(logins=logins))
    assert told in found.text
    assert (found.level is Level.WARNING) == ("0 of" in told)


async def test_who_has_no_login_left_hears_when_there_is_another() -> None:
    found = await server.password_login(subject(logins=(40, 30, 20, 10, 0)))
    assert "the next in 4 min 53 s" in found.text


@pytest.mark.parametrize(
    ("version", "told"), [("1.110.0", "Synapse 1.110.0"), ("1.999.0", "the newest that was tried")]
)
async def test_a_version_newer_than_tried_is_told(
    version: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def found(*_: object) -> str:
        return version

    monkeypatch.setattr(probe, "check_admin_api", found)
    verdict = await server.version(subject())
    assert verdict.level is Level.OK
    assert told in verdict.text


def test_the_newest_that_was_tried_is_the_pinned_one() -> None:
    pins = (ROOT / "adminbot/demo/synapse-requirements.txt").read_text()
    pinned = next(line for line in pins.splitlines() if line.startswith("matrix-synapse=="))
    assert pinned.startswith(f"matrix-synapse=={'.'.join(map(str, probe.NEWEST))}.")
