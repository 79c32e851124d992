"""`python -m tests.faults`: every fault at every place of every act, and what came of it."""

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from adminbot.demo.homeserver import stay_on_loopback, synapse_python
from tests.faults import runner
from tests.human import ensure_installed


def main() -> int:
    """Run; the exit code is 1 if anything was lost, duplicated or leaked."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6))
    parser.add_argument("--sample", type=int, help="so many faults, chosen by the seed")
    parser.add_argument("--lanes", type=int, default=3, help="servers side by side")
    parser.add_argument("--act", help="only acts whose name holds this")
    parser.add_argument("--fault", help="only faults whose name holds this")
    args = parser.parse_args()
    stay_on_loopback()
    ensure_installed()
    with tempfile.TemporaryDirectory() as directory:
        report = asyncio.run(_run(Path(directory), args))
    print(report.table())
    return 0 if report.is_clean else 1


async def _run(directory: Path, args: argparse.Namespace) -> runner.Report:
    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    synapse = synapse_python(say)
    points = [
        point
        for point in await runner.survey_all(
            directory, synapse, args.seed, say, only=args.act or ""
        )
        if (args.fault or "") in point.fault
    ][: args.sample]
    say(f"{len(points)} faults, seed {args.seed}")
    return await runner.inject_all(
        directory, synapse, points, seed=args.seed, lanes=args.lanes, say=say
    )


if __name__ == "__main__":
    sys.exit(main())
