"""`python -m tests.mutants`: every guard of the tables taken away once, and which test told."""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.mutants import Mutant, runner
from tests.mutants.table import MUTANTS


def main() -> int:
    """Run; the exit code is 1 if any survived or could not be tried."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("-j", type=int, default=2, metavar="N", help="so many side by side")
    parser.add_argument("--only", default="", metavar="WORD", help="entries that hold this word")
    parser.add_argument("--limit", type=float, default=300, metavar="S", help="seconds an entry")
    args = parser.parse_args()
    chosen = [it for it in MUTANTS if args.only in _text(it)]

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    with tempfile.TemporaryDirectory() as directory:
        verdicts = asyncio.run(
            runner.judge_all(chosen, Path(directory), lanes=args.j, limit_s=args.limit, say=say)
        )
    print(runner.table(verdicts))
    print(runner.closing(verdicts))
    return 0 if all(it.said == runner.KILLED for it in verdicts) else 1


def _text(it: Mutant) -> str:
    return "\n".join((it.file, it.old, it.new, it.means, it.test))


if __name__ == "__main__":
    sys.exit(main())
