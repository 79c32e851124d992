"""`python -m tests.compat`: prints the table; the exit code is 1 if a row is not as it must be."""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from pathlib import Path

from adminbot.demo.homeserver import stay_on_loopback
from tests.compat.postgres import Postgres, postgres
from tests.compat.rows import ROWS, Row
from tests.compat.runner import Result, drawn, tried
from tests.compat.servers import version_of
from tests.compat.synapses import newest
from tests.human import ensure_installed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.compat")
    parser.add_argument("--only", metavar="WORD", help="rows whose names have this in them")
    only = parser.parse_args().only
    chosen = [row for row in ROWS if not only or only.lower() in row.name.lower()]
    if not chosen:
        parser.error(f"no row is called {only}: " + "; ".join(row.name for row in ROWS))
    logging.getLogger("nio").setLevel(logging.CRITICAL)  # the program's own worries
    stay_on_loopback()
    ensure_installed()
    began = time.monotonic()
    versions = f"PostgreSQL {version_of('postgres')}; nginx {version_of('nginx')} before Synapse "
    with tempfile.TemporaryDirectory() as directory, postgres() as database:
        results = asyncio.run(_run(chosen, Path(directory), database))
    print(drawn(results))
    print(f"\n{versions}{newest()}; {time.monotonic() - began:.0f} s")
    return 0 if all(result.is_good for result in results) else 1


async def _run(chosen: list[Row], directory: Path, database: Postgres) -> list[Result]:
    results = []
    for number, row in enumerate(chosen):
        print(f"{row.name} ...", file=sys.stderr, flush=True)
        results.append(await tried(row, directory / str(number), database))
    return results


if __name__ == "__main__":
    sys.exit(main())
