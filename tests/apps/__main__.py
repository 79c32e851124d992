"""`python -m tests.apps [NAME ...]`: try the programs, print the table."""

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adminbot.demo.homeserver import Homeserver, running, stay_on_loopback, synapse_python
from tests.apps.environments import environment
from tests.apps.lab import Place, Program, Row, Unexpected, trial
from tests.apps.programs import PROGRAMS
from tests.front import authority, front
from tests.human import ensure_installed
from tests.world import MANY_LOGINS, World, a_world


def main() -> int:
    """Exit code 1 if a program was not as its card promises."""
    parser = argparse.ArgumentParser(prog="python -m tests.apps")
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--new-device", action="store_true", help="the rotation gives one")
    words = parser.parse_args()
    wanted = words.names
    chosen = [it for it in PROGRAMS if not wanted or it.app in wanted]
    stay_on_loopback()
    ensure_installed()
    with tempfile.TemporaryDirectory() as directory:
        rows = asyncio.run(_run(Path(directory), chosen, new_device=words.new_device))
    _print(rows)
    return 0 if all(row.is_good for row in rows) else 1


async def _run(directory: Path, chosen: list[type[Program]], *, new_device: bool) -> list[Row]:
    rows = []
    synapse = synapse_python(print)
    with running(directory / "synapse", synapse, extra=MANY_LOGINS) as homeserver:
        for kind in chosen:
            print(f"{kind.app} ...", file=sys.stderr, flush=True)
            home = directory / kind.app
            home.mkdir()
            row = Row(kind.app, kind.version())
            rows.append(row)
            async with _a_world(homeserver, home, kind) as (world, environ):
                await _try(
                    Place(world, home / "program", environment(kind), environ),
                    kind,
                    row,
                    new_device=new_device,
                )
    return rows


@asynccontextmanager
async def _a_world(
    homeserver: Homeserver, home: Path, kind: type[Program]
) -> AsyncIterator[tuple[World, dict[str, str]]]:
    """An adminbot of its own for each program, behind https where the program wants that."""
    root = homeserver.register(f"root-{kind.app}", admin=True)
    if not kind.by_https:
        async with a_world(homeserver, root, home / f"bot-{kind.app}") as world:
            yield world, {}
        return
    tls = authority(home)
    async with front(to=homeserver.port, tls=tls) as port:
        url = f"https://127.0.0.1:{port}"
        async with a_world(homeserver, root, home / f"bot-{kind.app}", PUBLIC_URL=url) as world:
            trusted = str(home / "ca.pem")
            yield world, {"SSL_CERT_FILE": trusted, "REQUESTS_CA_BUNDLE": trusted}


async def _try(place: Place, kind: type[Program], row: Row, *, new_device: bool) -> None:
    place.directory.mkdir()
    program = kind(place)
    try:
        await trial(program, row, new_device=new_device)
    except (Unexpected, AssertionError, TimeoutError, subprocess.SubprocessError) as exc:
        row.problem = f"{type(exc).__name__}: {exc}"
        if (place.directory / "log").exists():
            print((place.directory / "log").read_text()[-3000:], file=sys.stderr)
    finally:
        await program.end()
        await program.stack.aclose()


def _print(rows: list[Row]) -> None:
    head = ("program", "version", "trusted in", "first message", "answers")
    form = "{:<19} {:<9} {:>10}  {:<16} {:<12} {:<16} {:<12} {:>5}"
    print(form.format(*head, "after !rotate", "answers", "steps"))
    for row in rows:
        after = f"{row.trusted_s:.1f} s" if row.trusted_s is not None else "-"
        first, second = (row.first, row.answers), (row.after_rotate, row.answers_again)
        print(form.format(row.app, row.version, after, *first, *second, row.steps))
        if row.problem:
            print(f"  {row.problem.splitlines()[0][:300]}")


if __name__ == "__main__":
    sys.exit(main())
