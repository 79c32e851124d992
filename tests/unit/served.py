"""A control socket that is served, for tests of what talks over it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from adminbot import control


@asynccontextmanager
async def serving(data_dir: Path, words: Mapping[str, control.Word]) -> AsyncIterator[None]:
    """While the block lasts."""
    task = asyncio.create_task(control.serve(data_dir, words))
    async with asyncio.timeout(5):
        while not (data_dir / "control").is_socket():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
