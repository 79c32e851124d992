"""Applies each mutant in a copy of the tree and runs its tests there; the tree stays as it is."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests import ROOT
from tests.mutants import Mutant
from tests.mutants.table import mutated, why_stale

T = TypeVar("T")
Say = Callable[[str], None]
KILLED, SURVIVED = "killed", "SURVIVED"
_PASSED, _FAILED = 0, 1  # pytest's exit codes
_MODULES = "tests/human/node_modules"  # installed, not tracked
_WHICH = "import adminbot, tests; print(adminbot.__file__, tests.__file__)"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: killed, survived, or why that is not known."""

    mutant: Mutant
    said: str

    def row(self) -> str:
        it = self.mutant
        return f"| {it.file} | {_change(it)} | {it.means} | {it.test} | {self.said} |"


def _change(it: Mutant) -> str:
    """Old → new, each on one line, from a little before the first difference on."""
    old, new = " ".join(it.old.split()), " ".join(it.new.split())
    pairs = enumerate(zip(old, new, strict=False))
    first = next((at for at, (a, b) in pairs if a != b), min(len(old), len(new)))
    cut = max(0, first - 25)
    return " → ".join(f"`{text[cut : cut + 80]}`" for text in (old, new)).replace("|", "\\|")


def table(verdicts: Iterable[Verdict]) -> str:
    head = "| file | what is changed | what it would mean | which test | |"
    return "\n".join([head, "|---|---|---|---|---|", *(it.row() for it in verdicts)])


def closing(verdicts: Iterable[Verdict]) -> str:
    counts = Counter(it.said if it.said in (KILLED, SURVIVED) else "not run" for it in verdicts)
    kinds = (KILLED, SURVIVED, "not run")
    return f"{counts.total()} mutants: " + ", ".join(f"{counts[kind]} {kind}" for kind in kinds)


def _files() -> list[str]:
    """What is tracked, or would be."""
    asked = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(asked, cwd=ROOT, capture_output=True, check=True).stdout
    return [name for name in listed.decode().split("\0") if (ROOT / name).is_file()]


class Copy:
    """The tree in another place, where its own code is what runs."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._environ = os.environ | {
            "PYTHONPATH": str(place),
            "PYTHONDONTWRITEBYTECODE": "1",  # its stamp is a second wide: two mutants fit in
        }

    async def make(self) -> None:
        """Raises RuntimeError when not the copy is what would run."""
        for name in _files():
            target = self._place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        if (ROOT / _MODULES).is_dir():
            (self._place / _MODULES).symlink_to(ROOT / _MODULES)
        # By content and not by time, so that what is not changed need not be compiled again.
        compiled = ("-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "adminbot")
        await self._python(*compiled, limit_s=120)
        _, said = await self._python("-c", _WHICH, limit_s=60)
        if any(not line.startswith(str(self._place)) for line in said.split()):
            raise RuntimeError(f"not the copy in {self._place} is what runs: {said}")

    async def judge(self, mutant: Mutant, limit_s: float) -> Verdict:
        path = self._place / mutant.file
        before = path.read_bytes()
        path.write_text(mutated(mutant))
        try:
            code, _ = await self.pytest("-x", *mutant.tests, limit_s=limit_s)
        finally:
            path.write_bytes(before)
        told = {_PASSED: SURVIVED, _FAILED: KILLED, None: f"took more than {limit_s:.0f} s"}
        return Verdict(mutant, told.get(code, f"the tests did not run (pytest: {code})"))

    async def red(self, tests: list[str], limit_s: float) -> set[str]:
        """Those of the tests that fail as things are; all, if that cannot be told."""
        code, said = await self.pytest("-rfE", *tests, limit_s=limit_s)
        if code == _PASSED:
            return set()
        failed = re.findall(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
        found = {test for test in tests if any(_is_of(it, test) for it in failed)}
        return found or set(tests)

    async def pytest(self, *words: str, limit_s: float) -> tuple[int | None, str]:
        # Two plugins that no entry needs, and whose import takes longer than most tests.
        quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:xdist")
        return await self._python("-m", "pytest", *quiet, *words, limit_s=limit_s)

    async def _python(self, *words: str, limit_s: float) -> tuple[int | None, str]:
        """Returns the exit code, None when the time was up, and what was printed."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *words),
            cwd=self._place,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), limit_s)
        except TimeoutError:
            return None, ""
        finally:
            await _end(process)
        return process.returncode, said.decode(errors="replace")


async def _end(process: asyncio.subprocess.Process) -> None:
    """As ^C would, so that servers that a test has started end, too; then the rough way."""
    for how, within_s in ((signal.SIGINT, 20), (signal.SIGKILL, 20)):
        if process.returncode is not None:
            return
        os.killpg(process.pid, how)
        try:
            await asyncio.wait_for(process.communicate(), within_s)
        except TimeoutError:
            continue


def _is_of(failed: str, test: str) -> bool:
    return failed == test or failed.startswith((f"{test}[", f"{test}::"))


async def judge_all(
    mutants: list[Mutant], place: Path, *, lanes: int, limit_s: float, say: Say
) -> list[Verdict]:
    """In the order given. A test that is red on the unchanged tree kills nothing."""
    copies = [Copy(place / f"copy{lane}") for lane in range(lanes)]
    await asyncio.gather(*(copy.make() for copy in copies))
    verdicts = {it: Verdict(it, f"stale: {why}") for it in mutants if (why := why_stale(it))}

    tests = sorted({test for it in mutants if it not in verdicts for test in it.tests})
    say(f"{len(tests)} tests on the unchanged tree")
    red: set[str] = set()

    async def try_tests(copy: Copy, some: list[str]) -> None:
        red.update(await copy.red(some, limit_s * len(some)))

    async def try_mutant(copy: Copy, mutant: Mutant) -> None:
        if is_red := red & set(mutant.tests):
            verdict = Verdict(mutant, f"red as it is: {min(is_red)}")
        else:
            verdict = await copy.judge(mutant, limit_s)
        verdicts[mutant] = verdict
        say(f"{verdict.said}: {mutant.file}: {mutant.means}")

    size = len(tests) // lanes + 1
    parts = [tests[start : start + size] for start in range(0, len(tests), size)]
    await _side_by_side(copies, parts, try_tests)
    left = sorted((it for it in mutants if it not in verdicts), key=lambda it: it.test)
    await _side_by_side(copies, left, try_mutant)
    return [verdicts[it] for it in mutants]


async def _side_by_side(
    copies: list[Copy], jobs: list[T], do: Callable[[Copy, T], Awaitable[None]]
) -> None:
    """Each copy takes the next job when it is free."""
    waiting = iter(jobs)

    async def lane(copy: Copy) -> None:
        for job in waiting:
            await do(copy, job)

    async with asyncio.TaskGroup() as group:
        for copy in copies:
            group.create_task(lane(copy))
