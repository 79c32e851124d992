"""A place at a bench: the same one for many acts, a fresh one when it is used up or spoilt."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Self

from tests.faults.lab import Bench, a_bench, rows
from tests.table.pantry import Pantry

_MOST = 90  # changes: the bot allows 120 in ten minutes, and one act may make some more


class Seat:
    """`spoilt`: something went wrong, and what follows would only be a consequence."""

    def __init__(self, directory: Path, synapse: Path, seed: int) -> None:
        self._directory = directory
        self._synapse = synapse
        self._seed = seed
        self._stack = AsyncExitStack()
        self._bench: Bench | None = None
        self._pantry: Pantry | None = None
        self._made = 0
        self.spoilt = False

    @classmethod
    @asynccontextmanager
    async def taken(cls, directory: Path, synapse: Path, seed: int) -> AsyncIterator[Self]:
        seat = cls(directory, synapse, seed)
        try:
            yield seat
        finally:
            await seat._stack.aclose()

    async def bench(self) -> Bench:
        """Never ask for it in the middle of an act: it may be another one."""
        if self._bench and not self.spoilt and _changes(self._bench) < _MOST:
            return self._bench
        self._bench = self._pantry = None
        await self._stack.aclose()
        self._made += 1
        place = self._directory / str(self._made)
        made = a_bench(place, self._synapse, self._seed, shared_secret=False)
        self._bench = await self._stack.enter_async_context(made)
        self.spoilt = False
        return self._bench

    async def pantry(self) -> Pantry:
        """The ingredients at the bench last asked for."""
        assert self._bench
        if self._pantry is None:
            self._pantry = await Pantry.filled(self._bench)
        return self._pantry


def _changes(bench: Bench) -> int:
    return len(rows(bench.truth.bot, "SELECT 1 FROM act"))
