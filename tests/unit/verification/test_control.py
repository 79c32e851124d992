"""The socket by which `adminbot verify` reaches the service."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adminbot.errors import AdminbotError
from adminbot.verification import control
from tests.unit.verification.bench import ANN, Bench, a_bench, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def bench(directory: Path) -> AsyncIterator[Bench]:
    async with a_bench(directory) as made:
        yield made


@pytest.mark.parametrize("name", ["data", "d" * 200])
async def test_the_socket_may_lie_deep(bench: Bench, directory: Path, name: str) -> None:
    """An address has 107 bytes at most, a path has more."""
    data_dir = directory / name
    data_dir.mkdir(exist_ok=True)
    serving = asyncio.create_task(control.serve(data_dir, bench.verifications))
    await until((data_dir / "control").is_socket)
    async with control.dial(data_dir) as line:
        await line.send({"verify": str(ANN)})
        assert "accept it" in (await line.hear())["say"]
        bench.hear("cancel", {"code": "m.mismatched_sas"}, "$sent1")
        assert "it was said that the emoji differ" in (await line.hear())["failed"]
    serving.cancel()
    await asyncio.wait([serving])
    assert not (data_dir / "control").exists()
    with pytest.raises(AdminbotError, match="No service runs"):
        async with control.dial(data_dir):
            pass


async def test_no_socket_is_no_end(
    bench: Bench, directory: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await asyncio.wait_for(control.serve(directory / "missing", bench.verifications), 5)
    assert "no control socket" in caplog.text
