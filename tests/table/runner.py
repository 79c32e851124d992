"""Measures cells on benches side by side: a command after the other, then all in one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from adminbot.dispatch.router import Command
from tests.table import columns
from tests.table.cells import Cells, unmeasured
from tests.table.seat import Seat

Say = Callable[[str], None]
Job = Callable[[Seat], Awaitable[Cells]]


@dataclass(frozen=True)
class Measure:
    """What is measured: `places` at most of each command are tried for a crash, 0: all."""

    commands: list[Command]
    places: int
    seed: int
    only: frozenset[str]

    def jobs(self) -> list[Job]:
        jobs: list[Job] = [self._at_once]
        jobs += [self._of(command) for command in self.commands]
        return jobs

    def _wants(self, *names: str) -> bool:
        return not self.only or bool(self.only.intersection(names))

    def _of(self, command: Command) -> Job:
        async def job(seat: Seat) -> Cells:
            name, cells = command.name, Cells()
            if self._wants("works", "crash", "rate limit"):
                cells[name, "works"], points = await columns.works(seat, command)
                if self._wants("rate limit"):
                    cells[name, "rate limit"] = await columns.rate_limit(seat, points)
                if self._wants("crash"):
                    cells[name, "crash"] = await columns.crash(
                        seat, command, points, self.places, self.seed
                    )
            if self._wants("bad input"):
                cells[name, "bad input"] = await columns.bad_input(seat, command)
            return cells

        return job

    async def _at_once(self, seat: Seat) -> Cells:
        cells = Cells()
        for column, measure in (("lockdown", columns.lockdown), ("untrusted", columns.untrusted)):
            if self._wants(column):
                found = await measure(seat, self.commands)
                cells |= {(name, column): cell for name, cell in found.items()}
        return cells


async def measured(
    directory: Path, synapse: Path, measure: Measure, *, lanes: int, say: Say
) -> Cells:
    """All cells; what could not be measured is a bad one."""
    queue, cells = measure.jobs(), Cells()

    async def lane(number: int) -> None:
        async with Seat.taken(directory / f"lane{number}", synapse, measure.seed) as seat:
            while queue:
                found = await _done(queue.pop(0), seat)
                cells.update(found)
                for (name, column), cell in found.items():
                    say(f"!{name}, {column}: {cell}")
                    for problem in cell.problems:
                        say(f"  {problem}")

    async with asyncio.TaskGroup() as group:
        for number in range(min(lanes, len(queue))):
            group.create_task(lane(number))
    return cells


async def _done(job: Job, seat: Seat) -> Cells:
    try:
        return await job(seat)
    except Exception as exc:  # noqa: BLE001  # the table goes on without these cells
        seat.spoilt = True
        return unmeasured(f"{type(exc).__name__}: {exc}"[:400])
