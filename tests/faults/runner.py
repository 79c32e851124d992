"""Runs points on benches side by side and counts."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.acts import PROBLEMS
from tests.faults.cases import KINDS, Outcome, Point, inject, survey, survey_setup
from tests.faults.every_act import EVERY_ACT
from tests.faults.lab import Bench, a_bench
from tests.faults.setup import SETUP

_PER_BENCH = 25  # the bot allows 120 changes in ten minutes, and a case makes up to four

Say = Callable[[str], None]


@dataclass
class Report:
    """What was injected and what became of it."""

    seed: int
    took_s: float = 0
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        return not any(outcome.problems for outcome in self.outcomes)

    def table(self) -> str:
        """Faults by kind: injected, survived, lost, duplicated, leaked."""
        head = f"{'fault':48} injected survived   lost duplicated leaked"
        hit = [outcome for outcome in self.outcomes if outcome.hit]
        lines = [head, "-" * len(head)]
        for fault, what in KINDS.items():
            lines.append(_row(what, [it for it in hit if it.point.fault == fault]))
        lines += ["-" * len(head), _row("all", hit)]
        acts = Counter(outcome.point.act.name for outcome in hit)
        lines.append("by act: " + ", ".join(f"{name} {count}" for name, count in acts.items()))
        missed = len(self.outcomes) - len(hit)
        lines.append(f"{missed} did not happen: the request did not come again")
        lines.append(f"seed {self.seed}, {self.took_s:.0f} s")
        for outcome in self.outcomes:
            lines += [f"{word.upper()} {outcome.point}: {why}" for word, why in outcome.problems]
        return "\n".join(lines)


def _row(what: str, outcomes: list[Outcome]) -> str:
    injected, survived = len(outcomes), sum(not outcome.problems for outcome in outcomes)
    lost, duplicated, leaked = (
        sum(any(word == found for found, _ in outcome.problems) for outcome in outcomes)
        for word in PROBLEMS
    )
    return f"{what:48} {injected:8} {survived:8} {lost:6} {duplicated:10} {leaked:6}"


async def survey_all(
    directory: Path, synapse: Path, seed: int, say: Say, *, only: str = ""
) -> list[Point]:
    """Every place in every act where something can happen, in the seed's order.

    `only`: acts whose name holds this.
    """
    points: list[Point] = []
    acts = [act for act in EVERY_ACT if only in act.name]
    for secret in (True, False):
        place = directory / f"survey-{secret}"
        async with a_bench(place, synapse, seed, shared_secret=secret) as bench:
            for act in acts:
                if act.makes_account or not secret:
                    points += await survey(bench, act, secret=secret)
            if not secret and only in SETUP.name:
                points += await survey_setup(bench)
    random.Random(seed).shuffle(points)  # noqa: S311  # to be repeated, not to be secret
    say(f"{len(points)} places where something can happen")
    return points


async def inject_all(
    directory: Path, synapse: Path, points: list[Point], *, seed: int, lanes: int, say: Say
) -> Report:
    """Inject one after the other, on so many benches side by side."""
    began, report = time.monotonic(), Report(seed)
    queues = [[p for p in points if p.secret], [p for p in points if not p.secret]]

    async def lane(number: int) -> None:
        made = 0
        while any(queues):
            made += 1
            queue = max(queues, key=len)
            place = directory / f"lane{number}-{made}"
            async with a_bench(place, synapse, seed, shared_secret=queue is queues[0]) as bench:
                await _work(bench, queue, report, say)

    async with asyncio.TaskGroup() as group:
        for number in range(lanes):
            group.create_task(lane(number))
    report.took_s = time.monotonic() - began
    return report


async def _work(bench: Bench, queue: list[Point], report: Report, say: Say) -> None:
    for _ in range(_PER_BENCH):
        if not queue:
            return
        point = queue.pop(0)
        try:
            outcome = await inject(bench, point)
        except (AssertionError, TimeoutError) as exc:
            outcome = Outcome(point, True, [("lost", f"{type(exc).__name__}: {exc}"[:300])])
        report.outcomes.append(outcome)
        if outcome.problems:
            say(f"{point}: {outcome.problems}\n{bench.bot.log[-2500:]}\n")
            return  # what follows would only be a consequence
        if len(report.outcomes) % 25 == 0:
            say(f"{len(report.outcomes)} done")
