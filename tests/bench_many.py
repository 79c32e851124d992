"""Ten thousand bots against twelve: the same commands in the same run; and fifty made at once."""

import asyncio
import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path
from statistics import median

import httpx

from adminbot.demo.homeserver import Homeserver, running, synapse_python
from adminbot.values.clock import now
from tests.bench import (
    SETTLE_S,
    SYNAPSE,
    PlainHttp,
    answered,
    carded,
    idle_cpu,
    resident_and_cpu,
    say,
)
from tests.world import World, a_world, replies_to, trusted

FEW, MANY, AT_ONCE = 12, 10_000, 50
LIMIT = 1.3


async def _medians(world: World, names: Callable[[], str], rounds: int) -> dict[str, float]:
    """Seconds of each command, with the others between."""
    took: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        for line in ("!bots", "!bot b1", "!audit"):
            await asyncio.sleep(SETTLE_S)
            seconds = await answered(world.human, world.room, line)
            took.setdefault(line, []).append(seconds)
        took.setdefault("!newbot", []).append(await carded(world, f"!newbot {names()}"))
        say(f"round {number}/{rounds}")
    return {line: median(all_s[1:]) for line, all_s in took.items()}  # the first warms up


async def _at_once(world: World, wire: PlainHttp) -> tuple[float, float]:
    """Fifty bots by one command; fifty registrations over the bare wire, one after the other."""
    names = " ".join(f"many{number}" for number in range(AT_ONCE))
    began = time.monotonic()
    event_id = await world.say(f"!newbots {names}")
    answer = await world.human.wait_message(
        world.room,
        lambda seen: replies_to(seen) == event_id and "are ready" in (seen.body or ""),
        timeout=120,
    )
    trusted(answer)
    took = (answer.decrypted_at or 0) - began
    alone = sum([await wire.register() for _ in range(AT_ONCE)])
    return took, alone


def _fill(server: Homeserver, world: World) -> None:
    """Bots and audit entries as if they had been made over months; the accounts are there, too."""
    made = (now() - timedelta(days=30)).isoformat()
    names = [f"@old{number}:example.test" for number in range(MANY - FEW)]
    with closing(sqlite3.connect(server.directory / "homeserver.db", timeout=60)) as db, db:
        db.executemany(
            "INSERT INTO users (name, creation_ts, admin, is_guest, user_type) "
            "VALUES (?, 1, 0, 0, 'bot')",
            [(name,) for name in names],
        )
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db, db:
        db.execute(
            "UPDATE act SET began_at = ?", (made,)
        )  # 120 changes in ten minutes are allowed
        db.executemany(
            "INSERT INTO bot (user_id, display_name, device_id, has_password, made_by, made_at, "
            "token_at) VALUES (?, 'old', 'OLD1', 0, ?, ?, ?)",
            [(name, world.human.user_id, made, made) for name in names],
        )
        db.executemany(
            "INSERT INTO audit (at, ended_at, who, device, kind, what, target, outcome, event_id) "
            "VALUES (?, ?, ?, 'PHONE', 'change', 'newbot', ?, 'done', ?)",
            [(made, made, world.human.user_id, name, f"${name}") for name in names],
        )


async def bench_many(rounds: int, idle_s: float) -> bool:
    """Measure, print; True if every limit is kept."""
    numbers = iter(range(10**6))

    def name() -> str:
        return f"new{next(numbers)}"

    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(running(home / "hs", synapse_python(say), extra=SYNAPSE))
        http = httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60)
        wire = PlainHttp(server, await stack.enter_async_context(http))
        root = server.register("root", admin=True)
        world = await stack.enter_async_context(a_world(server, root, home / "adminbot"))
        for number in range(1, max(2, FEW - rounds)):
            await carded(world, f"!newbot b{number}")
        few = await _medians(world, name, rounds)
        took, alone = await _at_once(world, wire)
        for number in range(AT_ONCE):
            await world.ask(f"!watch many{number} 1h")
        await asyncio.sleep(20)
        watched = await idle_cpu(world, idle_s)
        await world.bot.stop()
        await asyncio.to_thread(_fill, server, world)
        began = time.monotonic()
        await world.bot.start()
        ready = time.monotonic() - began
        many = await _medians(world, name, rounds)
        resident, _ = resident_and_cpu(world)
    found = [
        (f"{line}, {MANY} bots / {FEW}", many[line] / few[line], LIMIT, many[line]) for line in few
    ]
    found += [
        (f"!newbots of {AT_ONCE} / {AT_ONCE} registrations", took / alone, 1.05, took),
        ("ready, s", ready, 2, ready),
        ("resident, MiB", resident, 90, 0),
        (f"CPU, {AT_ONCE} watched bots, %", watched, 0.3, 0),
    ]
    for what, is_, limit, seconds in found:
        verdict = "ok" if is_ <= limit else "MISSED"
        print(f"{what:<44}{is_:>9.3f}{limit:>8g}{seconds * 1000:>9.0f} ms  {verdict}")
    print(json.dumps({"few_s": few, "many_s": many, "at_once_s": took, "registrations_s": alone}))
    return all(is_ <= limit for _, is_, limit, _ in found)
