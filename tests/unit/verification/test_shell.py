"""`adminbot verify` over the control socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from adminbot import control
from adminbot.verification import shell
from tests.unit.served import serving
from tests.unit.verification.bench import ANN, Bench, a_bench

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def dialled(directory: Path) -> AsyncIterator[tuple[Bench, control.Line]]:
    async with (
        a_bench(directory) as bench,
        serving(directory, {"verify": partial(shell.attend, bench.verifications)}),
        control.dial(directory) as line,
    ):
        yield bench, line


async def test_a_comparison_goes_over_the_socket(directory: Path) -> None:
    async with dialled(directory) as (bench, line):
        await line.send({"verify": str(ANN)})
        assert "accept it" in (await line.hear())["say"]
        bench.hear("cancel", {"code": "m.mismatched_sas"}, "$sent1")
        assert "it was said that the emoji differ" in (await line.hear())["failed"]


async def test_who_is_no_user_id_is_not_understood(directory: Path) -> None:
    async with dialled(directory) as (_, line):
        await line.send({"verify": "nobody"})
        assert "did not understand" in (await line.hear())["failed"]
