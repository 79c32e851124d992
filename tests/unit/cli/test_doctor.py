"""`adminbot doctor` beside services that do not tell it what it wants to know."""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from adminbot import control
from adminbot.cli import doctor
from adminbot.doctor.finding import Finding, Level
from adminbot.doctor.subject import NOT_RUNNING, OTHER_VERSION, SILENT, STARTING
from adminbot.errors import SetupError
from tests.unit.served import serving

pytestmark = pytest.mark.anyio

OK = {"finding": {"check": "clock", "level": "ok", "text": "right", "remedy": ""}}


@asynccontextmanager
async def service(
    data_dir: Path, *said: dict[str, Any], silent: bool = False
) -> AsyncIterator[None]:
    """A service that says this to the doctor."""

    async def answer(_: object, line: control.Line) -> None:
        for value in said:
            await line.send(value)
        await asyncio.sleep(60 if silent else 0)

    async with serving(data_dir, {"doctor": answer}):
        yield


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[SetupError]:
    """What is known of the service where the doctor looks for itself."""
    known: list[SetupError] = []

    @asynccontextmanager
    async def from_outside(_: object, why: SetupError) -> AsyncIterator[None]:
        known.append(why)
        yield

    async def examine(_: object) -> AsyncIterator[Finding]:
        yield Finding("service", Level.ERROR, "looked at", "")

    monkeypatch.setattr(doctor, "from_outside", from_outside)
    monkeypatch.setattr(doctor, "examine", examine)
    monkeypatch.setattr(doctor, "_ANSWER_S", 0.05)
    return known


async def found(data_dir: Path) -> list[str]:
    settings: Any = argparse.Namespace(data_dir=data_dir)
    return [it.check async for it in doctor._of(settings)]


async def test_what_the_service_found_is_told(tmp_path: Path, looked: list[SetupError]) -> None:
    async with service(tmp_path, OK, {"done": True}):
        assert await found(tmp_path) == ["clock"]
    assert not looked


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ((), SILENT),
        (({"failed": "It is starting.", "starting": True},), STARTING),
        (({"failed": "The service did not understand that."},), OTHER_VERSION),
        (({"finding": {"check": "of tomorrow", "level": "strange"}},), OTHER_VERSION),
    ],
)
async def test_a_service_that_does_not_tell_hangs_nobody(
    said: tuple[dict[str, Any], ...],
    known: SetupError,
    tmp_path: Path,
    looked: list[SetupError],
) -> None:
    async with service(tmp_path, *said, silent=True):
        assert await found(tmp_path) == ["service"]
    assert looked == [known]


async def test_a_socket_that_a_killed_service_left_is_no_service(
    tmp_path: Path, looked: list[SetupError]
) -> None:
    control._bound(tmp_path).close()
    assert await found(tmp_path) == ["service"]
    assert looked == [NOT_RUNNING]


async def test_a_service_that_falls_silent_later_is_told_once(
    tmp_path: Path, looked: list[SetupError]
) -> None:
    async with service(tmp_path, OK, silent=True):
        with pytest.raises(SetupError, match="does not answer"):
            await found(tmp_path)
    assert not looked
