"""`adminbot health`: what the service says, judged."""

import argparse
from contextlib import asynccontextmanager
from typing import Any

import pytest

from adminbot.cli import health
from adminbot.errors import SetupError

pytestmark = pytest.mark.anyio


class _Service:
    def __init__(self, answer: dict[str, Any]) -> None:
        self._answer = answer

    async def send(self, value: dict[str, Any]) -> None:
        assert value == {"health": True}

    async def hear(self) -> dict[str, Any]:
        return self._answer


async def ask(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]) -> None:
    @asynccontextmanager
    async def dial(_: object) -> Any:
        yield _Service(answer)

    monkeypatch.setattr("adminbot.control.dial", dial)
    monkeypatch.setattr("adminbot.config.sources.load", lambda _: argparse.Namespace(data_dir="x"))
    await health.main(argparse.Namespace(env_file=".env"))


@pytest.mark.parametrize("age_s", [0, 30.2, 119.9])
async def test_a_young_sync_is_health(
    age_s: float, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    await ask(monkeypatch, {"done": {"sync_age_s": age_s}})
    assert capsys.readouterr().out.startswith("✅ the last sync is ")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ({"done": {"sync_age_s": 120}}, "is 2 min old"),
        ({"done": {"sync_age_s": None}}, "cannot say"),
        ({"done": True}, "cannot say"),
        ({}, "cannot say"),
        ({"failed": "The service is still starting."}, "still starting"),
    ],
)
async def test_anything_else_is_not(
    answer: dict[str, Any], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SetupError, match=told):
        await ask(monkeypatch, answer)
