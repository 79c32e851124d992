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
    synapse = synapse_python(print)
    with tempfile.TemporaryDirectory() as directory:
        report = asyncio.run(
            runner.run(
                Path(directory),
                synapse,
                seed=args.seed,
                sample=args.sample,
                lanes=args.lanes,
                wanted=lambda p: (args.act or "") in p.act.name and (args.fault or "") in p.fault,
                say=lambda text: print(text, file=sys.stderr, flush=True),
            )
        )
    print(report.table())
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
