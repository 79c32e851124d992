"""`adminbot verify` over the control socket."""

import asyncio
from functools import partial
from pathlib import Path

import pytest

from adminbot import control
from adminbot.verification import shell
from tests.unit.verification.bench import ANN, a_bench, until

pytestmark = pytest.mark.anyio


async def test_a_comparison_goes_over_the_socket(directory: Path) -> None:
    async with a_bench(directory) as bench:
        words: dict[str, control.Word] = {"verify": partial(shell.attend, bench.verifications)}
        serving = asyncio.create_task(control.serve(directory, words))
        await until((directory / "control").is_socket)
        async with control.dial(directory) as line:
            await line.send({"verify": str(ANN)})
            assert "accept it" in (await line.hear())["say"]
            bench.hear("cancel", {"code": "m.mismatched_sas"}, "$sent1")
            assert "it was said that the emoji differ" in (await line.hear())["failed"]
        serving.cancel()
        await asyncio.wait([serving])


async def test_who_is_no_user_id_is_not_understood(directory: Path) -> None:
    async with a_bench(directory) as bench:
        words: dict[str, control.Word] = {"verify": partial(shell.attend, bench.verifications)}
        serving = asyncio.create_task(control.serve(directory, words))
        await until((directory / "control").is_socket)
        async with control.dial(directory) as line:
            await line.send({"verify": "nobody"})
            assert "did not understand" in (await line.hear())["failed"]
        serving.cancel()
        await asyncio.wait([serving])
