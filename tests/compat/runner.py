"""A row of the table: its servers are started, everything is tried, what came of it is kept."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adminbot.commands import ROUTER
from adminbot.demo.homeserver import Homeserver, running
from tests.compat.nginx import Nginx, nginx
from tests.compat.postgres import Postgres
from tests.compat.rows import ODD, Row
from tests.compat.synapses import python_of
from tests.compat.trial import COLUMNS, Trial
from tests.table.runner import Measure, measured
from tests.world import MANY_LOGINS, Bot, World, a_human, a_person, adminbot, join_all, on_server

GOOD, BAD, NOT_TRIED = "✓", "✗", "–"


@dataclass
class Result:
    """`cells` by column; `refusal`: what setup said instead; `notes`: what else was seen."""

    row: Row
    cells: dict[str, str] = field(default_factory=dict)
    refusal: str = ""
    notes: list[str] = field(default_factory=list)
    is_good: bool = True

    def fails(self, column: str, why: str) -> None:
        self.cells[column] = BAD
        self.notes.append(f"{column}: {why}")
        self.is_good = False


@dataclass(frozen=True)
class Place:
    """Where a row is tried. `url`: the address that setup is given."""

    directory: Path
    homeserver: Homeserver
    url: str
    nginx: Nginx | None = None


async def tried(row: Row, directory: Path, postgres: Postgres) -> Result:
    """Everything in a row."""
    result = Result(row)
    with _place(row, directory, postgres) as place:
        try:
            await _main_job(row, place, result)
        except Exception as exc:  # noqa: BLE001  # the table goes on without this row
            result.fails("ready", f"{type(exc).__name__}: {exc}")
    if row.tries_every_command:
        await _every_command(row, directory / "commands", result)
    return result


@contextmanager
def _place(row: Row, directory: Path, postgres: Postgres) -> Iterator[Place]:
    extra = MANY_LOGINS + (postgres.database() if row.on_postgres else "")
    with running(directory / "synapse", python_of(row.synapse), extra=extra) as homeserver:
        if not row.site:
            yield Place(directory, homeserver, homeserver.url)
            return
        with nginx(row.site, homeserver.port) as front:
            port = front.https if row.by == "https" else front.http
            yield Place(directory, homeserver, f"{row.by}://127.0.0.1:{port}{row.below}", front)


async def _main_job(row: Row, place: Place, result: Result) -> None:
    root = place.homeserver.register("root", admin=True)
    person = await a_person(place.homeserver, root, "you")
    home = place.directory / "adminbot"
    home.mkdir()
    bot = Bot(place.homeserver, home, via=place.url)
    ca_file = place.nginx.ca_file if place.nginx and row.knows_ca else None
    trusting = ["--ca-file", ca_file] if ca_file else []
    words = [*bot.setup_words([person.user_id]), "--keep-shared-secret", *trusting]
    code, _, err = await adminbot(*words)
    if code or row.refused:
        _refused(row, place, err, result)
        return
    result.cells["setup"] = GOOD
    async with (
        a_human(place.homeserver, person, password=person.password) as human,
        _serving(bot),
    ):
        result.cells["ready"] = GOOD
        world = World(place.homeserver, bot, human, *await join_all(human, bot))
        tls = ssl.create_default_context(cafile=ca_file) if ca_file else None
        await _steps(Trial(world, place.directory / "program", tls), result)
        if row.hears:
            await _odd(world, result)
        if place.nginx and row.quiet_s:
            await _quiet(world, place.nginx, result)


def _refused(row: Row, place: Place, err: str, result: Result) -> None:
    """It must be what the row says, and nothing may have been made."""
    if not row.refused or row.refused not in err:
        result.fails("setup", err or "was not refused")
        return
    made = on_server(place.homeserver, "SELECT name FROM users WHERE name LIKE '@adminbot:%'")
    if made:
        result.fails("setup", "an account was made")
        return
    result.refusal = _first_sentence(err)


def _first_sentence(said: str) -> str:
    found = re.match(r"(?s)(.*?\.)(\s|$)", said.removeprefix("adminbot: "))
    text = found[1] if found else said
    # As a person would see it, at an address of theirs.
    return re.sub(r"127\.0\.0\.1:\d+", "matrix.example.org", text)


@asynccontextmanager
async def _serving(bot: Bot) -> AsyncIterator[None]:
    await bot.start()
    try:
        yield
    finally:
        await bot.stop()


async def _steps(trial: Trial, result: Result) -> None:
    for column, step in trial.steps:
        try:
            await step()
        except Exception as exc:  # noqa: BLE001  # a cell of the table
            result.fails(column, f"{trial.said} {type(exc).__name__}: {exc}".strip())
            return
        result.cells[column] = GOOD
    if "Its messages stay" in trial.said:
        said = _first_sentence(trial.said.partition("\n")[2])
        result.notes.append(f"!deletebot --erase: {said}")


async def _odd(world: World, result: Result) -> None:
    said = str((await world.ask(ODD)).body)
    result.notes.append(f"{ODD}: {_first_sentence(said)}")
    if result.row.hears not in said:
        result.fails("!newbot", f"not told {result.row.hears}")


async def _quiet(world: World, front: Nginx, result: Result) -> None:
    """Nobody types for longer than nginx waits: it asks neither too often, nor too rarely."""
    before = front.requests("/sync?")
    await asyncio.sleep(result.row.quiet_s)
    asked = front.requests("/sync?") - before
    code, health, err = await adminbot("health", "--env-file", world.bot.env_file)
    began = time.monotonic()
    await world.ask("!ping")
    took = time.monotonic() - began
    given_up = front.requests('" 504 ')
    result.notes.append(
        f"quiet for {result.row.quiet_s} s: {asked} syncs; {given_up} given up by nginx since "
        f"the start; {(health + err).strip()}; then a pong after {took:.1f} s"
    )
    if code or took > 5 or asked > result.row.quiet_s or given_up > 2:
        result.fails("ready", "not so when nobody speaks")


async def _every_command(row: Row, directory: Path, result: Result) -> None:
    """`make table` on this Synapse, its column `works`."""
    measure = Measure(list(ROUTER.commands), places=0, seed=1, only=frozenset({"works"}))
    cells = await measured(directory, python_of(row.synapse), measure, lanes=2, say=lambda _: None)
    problems = [problem for cell in cells.values() for problem in cell.problems]
    bad = [it for it in problems if not row.lacks or not it.startswith(f"{row.lacks}: ")]
    right = sum(not cell.problems for cell in cells.values())
    result.cells["every"] = f"{right}/{len(measure.commands)}"
    for problem in bad:
        result.fails("every", problem)


def drawn(results: list[Result]) -> str:
    """A column as wide as its name; where setup refuses, what it says stands in their place."""
    columns = (*COLUMNS, "every")
    name_wide = max(len(result.row.name) for result in results)
    lines = ["  ".join([" " * name_wide, *columns])]
    for result in results:
        cells = [result.cells.get(column, NOT_TRIED) for column in columns]
        texts = [f"{cell:^{len(column)}}" for cell, column in zip(cells, columns, strict=True)]
        shown = [result.refusal] if result.refusal else texts
        lines.append("  ".join([f"{result.row.name:{name_wide}}", *shown]).rstrip())
        lines += [f"    {note}" for note in result.notes]
    return "\n".join(lines)
