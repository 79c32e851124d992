"""A throw-away PostgreSQL of Debian's, and a database in it for each Synapse."""

import itertools
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.compat.servers import own_directory, process, program, wait_until, without_rights


class Postgres:
    """A cluster that runs; it listens in its directory alone."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = itertools.count(1)

    def database(self) -> str:
        """A fresh database, as lines of homeserver.yaml that win over the ones before."""
        name = f"synapse{next(self._numbers)}"
        _run("createdb", "--host", str(self._directory), "--username", "synapse", name)
        return (
            "\ndatabase: {name: psycopg2, args: {user: synapse, cp_min: 1, cp_max: 5, "
            f'dbname: {name}, host: "{self._directory}"}}}}\n'
        )


@contextmanager
def postgres() -> Iterator[Postgres]:
    with own_directory() as directory:
        data = directory / "data"
        _run(
            *("initdb", "--pgdata", str(data), "--username", "synapse", "--auth", "trust"),
            *("--encoding", "UTF8", "--locale", "C", "--no-sync"),
        )
        # As Synapse wants it: UTF-8, and sorted as C does. On a socket only, in haste.
        settings = ("-c", "listen_addresses=", "-c", "fsync=off")
        with process(
            directory, program("postgres"), "-D", str(data), "-k", str(directory), *settings
        ):
            wait_until(lambda: _is_ready(directory), directory)
            yield Postgres(directory)


def _is_ready(directory: Path) -> bool:
    asked = [program("pg_isready"), "--quiet", "--host", str(directory)]
    return subprocess.run(asked, check=False).returncode == 0


def _run(name: str, *words: str) -> None:
    done = subprocess.run(
        [program(name), *words],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        **without_rights(),
    )
    assert done.returncode == 0, done.stderr
