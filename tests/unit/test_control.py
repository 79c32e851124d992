"""The socket by which the shell reaches the service."""

import asyncio
from pathlib import Path

import pytest

from adminbot import control
from adminbot.errors import SetupError
from tests.unit.served import serving

pytestmark = pytest.mark.anyio


async def _echo(value: object, line: control.Line) -> None:
    await line.send({"done": value})


ECHO = {"echo": _echo}


@pytest.mark.parametrize("name", ["data", "d" * 200])
async def test_the_socket_may_lie_deep_and_is_its_owners_alone(tmp_path: Path, name: str) -> None:
    """An address has 107 bytes at most, a path has more."""
    data_dir = tmp_path / name
    data_dir.mkdir()
    async with serving(data_dir, ECHO):
        assert (data_dir / "control").stat().st_mode & 0o777 == 0o600
        assert await control.is_served(data_dir)
        async with control.dial(data_dir) as line:
            await line.send({"echo": "ä"})
            assert await line.hear() == {"done": "ä"}
            with pytest.raises(SetupError, match="stopped in between"):
                await line.hear()
    assert not (data_dir / "control").exists()
    assert not await control.is_served(data_dir)
    with pytest.raises(SetupError, match="No service runs"):
        async with control.dial(data_dir):
            pass


@pytest.mark.parametrize(
    "said", [b"{}", b'{"echo": 1, "more": 2}', b'{"other": 1}', b"[]", b"x", b"[" * 70_000]
)
async def test_nonsense_is_not_understood_and_ends_nothing(tmp_path: Path, said: bytes) -> None:
    async with serving(tmp_path, ECHO):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control"))
        writer.write(said + b"\n")
        assert b"did not understand" in await reader.readline()
        writer.close()
        async with control.dial(tmp_path) as line:
            await line.send({"echo": 1})
            assert await line.hear() == {"done": 1}


async def test_who_connects_and_says_nothing_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "_FIRST_S", 0.05)
    async with serving(tmp_path, ECHO):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "control"))
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


async def test_no_socket_is_no_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    await asyncio.wait_for(control.serve(tmp_path / "missing", {}), 5)
    assert "no control socket" in caplog.text
