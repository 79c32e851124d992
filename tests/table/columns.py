"""The six columns: each takes a bench and a command, and returns a measured cell."""

import itertools
import random
import time
import traceback

from adminbot.commands import ROUTER
from adminbot.dispatch.grammar import split
from adminbot.dispatch.router import Command
from adminbot.errors import UsageError
from tests.faults.acts import Act
from tests.faults.cases import BOT_FAULTS, SYNC, WRITE_FAULT, Point, inject, survey
from tests.faults.every_act import EVERY_ACT
from tests.faults.lab import Bench
from tests.table import judge
from tests.table.cells import Cell
from tests.table.inputs import Bad, bad_lines, undeclared
from tests.table.looks import LOOKS
from tests.table.person import (
    seen_so_far,
    shields_since,
    told_in_clear,
    told_to,
    unsigned_device,
)
from tests.table.rows import ROWS
from tests.table.seat import Seat
from tests.table.state import State, changes_since

_SOON_S = 10
_SECRET = False  # accounts are made by the admin API, as in an installation by default


def acts_of(command: str) -> list[Act]:
    """What the lab and the looks have of a command; an act begins with the command's name."""
    more = ROWS[command].acts if command in ROWS else ()
    return [
        act for act in (*EVERY_ACT, *LOOKS) if act.name.split()[0] == command or act.name in more
    ]


async def works(seat: Seat, command: Command) -> tuple[Cell, list[Point]]:
    """Every act of the command undisturbed, and every place in them where something can happen."""
    cell, points = Cell(), list[Point]()
    for act in acts_of(command.name):
        seat.spoilt |= _is_about_all(act)
        problems: list[str]
        try:
            bench = await seat.bench()
            before = seen_so_far(bench)
            points += await survey(bench, act, secret=_SECRET)
            problems = shields_since(bench, before)
        except Exception as exc:  # noqa: BLE001  # the table goes on
            problems = [_in_short(exc)]
            seat.spoilt = True
        cell.add(act.name, problems)
    if not cell.tried:
        cell.add("no act of it", ["write one in tests/faults, or in tests/table/looks.py"])
    return cell, points


def _is_about_all(act: Act) -> bool:
    """Whether it changes every bot of a bench: then there had better be few."""
    return "--all" in act.name


async def bad_input(seat: Seat, command: Command) -> Cell:
    """Each kind of bad input once: a sentence, and nothing has changed."""
    cell, row = Cell(), ROWS[command.name]
    for place in undeclared(command):
        cell.add(place, ["no bad values are known for that place: see PLACES"])
    for bad in bad_lines(command, row):
        try:
            problems = await _refused(seat, command, bad)
        except Exception as exc:  # noqa: BLE001  # the table goes on
            problems = [_in_short(exc)]
            seat.spoilt = True
        cell.add(bad.kind, problems)
    return cell


async def _refused(seat: Seat, command: Command, bad: Bad) -> list[str]:
    bench, pantry = await seat.bench(), await seat.pantry()
    before, log_at, seen = State.of(bench), len(bench.bot.log), seen_so_far(bench)
    began = time.monotonic()
    text = await _answer(bench, pantry.line(bad.line))
    if command.brake and "2 minutes" in text:  # a brake asks before it looks at the server
        text = await _answer(bench, pantry.words["bot"])
    took_s = time.monotonic() - began
    problems = judge.of_any(text, bench.secrets) + judge.of_a_refusal(text, command)
    problems += [f"that took {took_s:.0f} s"] * (took_s > _SOON_S)
    problems += [f"{table} changed" for table in await changes_since(before, bench)]
    if "Traceback" in bench.bot.log[log_at:]:
        problems.append("a traceback in the log")
    if "2 minutes" in text or "tap ✅" in text:
        await bench.ask("!cancel")
    return problems + shields_since(bench, seen)


async def _answer(bench: Bench, line: str) -> str:
    found = await bench.answers(await bench.say(line))
    return judge.as_written(found[0]) if found else ""


async def crash(seat: Seat, command: Command, points: list[Point], most: int, seed: int) -> Cell:
    """kill -9 before writes, before and after requests, then started again."""
    if not command.acts and not command.brake:
        return Cell()
    places = [it for it in points if it.fault in (*BOT_FAULTS, WRITE_FAULT)]
    chance = random.Random(seed)  # noqa: S311  # to be repeated, not to be secret
    return await _injected(seat, _spread(places, chance), most=most or len(places))


def _spread(points: list[Point], chance: random.Random) -> list[Point]:
    """In an order in which each act comes as often as the others."""
    by_act: dict[str, list[Point]] = {}
    for point in chance.sample(points, len(points)):
        by_act.setdefault(point.act.name, []).append(point)
    turns = itertools.zip_longest(*by_act.values())
    return [point for turn in turns for point in turn if point]


async def rate_limit(seat: Seat, points: list[Point]) -> Cell:
    """429 at the first request of each kind."""
    places: dict[str, Point] = {}
    for point in points:
        if point.fault == "limited" and point.kind != SYNC:
            places.setdefault(point.kind, point)
    return await _injected(seat, list(places.values()), most=len(places))


async def _injected(seat: Seat, points: list[Point], *, most: int) -> Cell:
    """Until so many were hit, or twice as many were tried: some do not come again."""
    cell = Cell(of=len(points))
    seat.spoilt |= any(_is_about_all(point.act) for point in points)
    for point in points[: 2 * most]:
        if cell.tried == most:
            break
        is_hit, problems = True, list[str]()
        try:
            outcome = await inject(await seat.bench(), point)
            is_hit = outcome.hit
            problems = [f"{word}: {why}" for word, why in outcome.problems]
        except Exception as exc:  # noqa: BLE001  # the table goes on
            problems = [_in_short(exc)]
        seat.spoilt |= cell.add(str(point), problems, was_tried=is_hit)
    if points and not cell.tried:
        cell.add("none of the places", ["nothing was hit"])
    return cell


def _is_declared(command: Command, template: str) -> bool:
    try:
        command.usage.read(split(template)[1:])
    except UsageError:
        return False
    return True


# -- what is measured for many commands at once


async def lockdown(seat: Seat, commands: list[Command]) -> dict[str, Cell]:
    """Every command in a lockdown."""
    bench, pantry = await seat.bench(), await seat.pantry()
    await bench.ask("!lockdown")
    assert "Locked down" in await bench.ask("lockdown")
    cells = dict[str, Cell]()
    for command in commands:
        row, cell = ROWS[command.name], Cell()
        for template in dict.fromkeys((row.good, *row.also, *row.looks)):
            if not _is_declared(command, template):
                continue
            before = State.of(bench)
            text = await _answer(bench, pantry.line(template))
            must_refuse = template not in row.looks and (command.acts or template in row.also)
            problems = judge.of_any(text, bench.secrets)
            problems += judge.in_a_lockdown(text, must_refuse=must_refuse)
            problems += [f"{table} changed" for table in await changes_since(before, bench)]
            cell.add(f"!{template}", problems)
            if "2 minutes" in text:
                await bench.ask("!cancel")
        cells[command.name] = cell
    code, _, err = await bench.shell("unlock")
    assert code == 0, err
    return cells


async def untrusted(seat: Seat, commands: list[Command]) -> dict[str, Cell]:
    """Every command from a device of the admin that nobody has signed, and in clear."""
    bench, pantry = await seat.bench(), await seat.pantry()
    cells = dict[str, Cell]()
    async with unsigned_device(bench) as rogue:
        for number, command in enumerate(commands):
            if number % 4 == 0:  # ten refusals a minute are told, and no more
                await bench.restart()
            before, line = State.of(bench), pantry.line(ROWS[command.name].good)
            text = await told_to(bench, rogue, line)
            cell = cells[command.name] = Cell()
            cell.add("unsigned", judge.of_any(text, bench.secrets) + judge.untrusted(text))
            text = await told_in_clear(bench, line)
            problems = judge.of_any(text, bench.secrets) + judge.in_clear(text)
            problems += [f"{table} changed" for table in await changes_since(before, bench)]
            cell.add("in clear", problems)
    return cells


def without_row() -> list[str]:
    return [command.name for command in ROUTER.commands if command.name not in ROWS]


def _in_short(exc: BaseException) -> str:
    where = traceback.extract_tb(exc.__traceback__)[-1]
    said = str(exc) or where.line
    return f"{type(exc).__name__} in {where.name}, line {where.lineno}: {said}"[:400]
