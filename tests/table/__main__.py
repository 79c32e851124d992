"""`python -m tests.table`: prints the table; the exit code is 1 if any cell is bad."""

import argparse
import asyncio
import secrets
import sys
import tempfile
import time
from pathlib import Path

from adminbot.commands import ROUTER
from adminbot.demo.homeserver import stay_on_loopback, synapse_python
from tests.human import ensure_installed
from tests.table.cells import COLUMNS, Cells, drawn, is_good
from tests.table.columns import without_row
from tests.table.runner import Measure, measured

_PLACES = 6  # of each command, in the whole table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.table")
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="these commands")
    parser.add_argument("--column", nargs="+", default=[], choices=COLUMNS, help="these columns")
    parser.add_argument("--places", type=int, help="crashes a command, 0: at every place")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--lanes", type=int, default=2, help="servers side by side")
    args = parser.parse_args()
    commands = [it for it in ROUTER.commands if not args.only or it.name in args.only]
    if strange := set(args.only) - {it.name for it in commands}:
        parser.error(f"no such command: {', '.join(sorted(strange))}")
    if missing := without_row():
        print(f"no row in tests/table/rows.py: {', '.join(missing)}", file=sys.stderr)
    places = (0 if args.only else _PLACES) if args.places is None else args.places
    rowed = [it for it in commands if it.name not in missing]
    measure = Measure(rowed, places, args.seed, frozenset(args.column))
    began = time.monotonic()
    stay_on_loopback()
    ensure_installed()
    with tempfile.TemporaryDirectory() as directory:
        cells = asyncio.run(_run(Path(directory), measure, args.lanes))
    names = [it.name for it in commands]
    print(drawn(names, cells, measure.only))
    print(f"seed {args.seed}, {time.monotonic() - began:.0f} s")
    return 0 if is_good(names, cells, measure.only) else 1


async def _run(directory: Path, measure: Measure, lanes: int) -> Cells:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    return await measured(directory, synapse_python(say), measure, lanes=lanes, say=say)


if __name__ == "__main__":
    sys.exit(main())
