"""What is made to happen to an act, where in it, and what became of it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import web

from tests.faults import setup
from tests.faults.acts import Act, Case, Problems
from tests.faults.lab import Bench, wait_until
from tests.faults.proxy import FAULTS, Exchange, Handler

SYNC = "GET /_matrix/client/v3/sync"
FROZEN_S, DOWN_S = 2.5, 1.0
_AFTERWARDS_S, _UNASKED_S = 0.7, 3  # what belongs to an act comes within that time

BOT_FAULTS = {
    "bot killed before": "kill -9, request not seen",
    "bot killed after": "kill -9, request carried out",
}
WRITE_FAULT = "bot killed at write"
SERVER_FAULTS = {
    "server killed before": "homeserver killed, request not seen",
    "server killed after": "homeserver killed, request carried out",
    "server restarts": "homeserver restarts, request not seen",
    "server frozen": f"homeserver stopped for {FROZEN_S} s",
}
KINDS = {
    **BOT_FAULTS,
    WRITE_FAULT: "kill -9 before a write to its database",
    **SERVER_FAULTS,
    **FAULTS,
}


@dataclass(frozen=True)
class Point:
    """One fault at one place of an act: the n-th request of a kind, or the n-th write.

    `secret`: the bot makes accounts with the shared secret; without it, by the admin API.
    """

    act: Act
    secret: bool
    fault: str
    kind: str
    nth: int

    def __str__(self) -> str:
        return f"{self.act.name}: {self.fault} {self.kind} #{self.nth}"


@dataclass
class Outcome:
    """What became of one fault; without problems it was survived."""

    point: Point
    hit: bool
    problems: Problems


async def survey(bench: Bench, act: Act, *, secret: bool) -> list[Point]:
    """Do an act undisturbed; returns every place in it where something can happen.

    Of requests that come again and again (looking for a device) the first two count.
    """
    case = Case(bench, bench.name(), {}, must_succeed=True)
    await act.before(case)
    bench.proxy.seen.clear()
    bench.arm(10**6)
    event_id = await act.trigger(case)
    if event_id:
        assert await bench.answers(event_id)
    await asyncio.sleep(_AFTERWARDS_S if event_id else _UNASKED_S)
    seen, writes = list(bench.proxy.seen), int(bench.kill_file.with_suffix(".seen").read_text())
    bench.disarm()
    problems = await act.after(case, event_id)
    assert not problems, (act.name, problems)
    requests: Counter[str] = Counter()
    points = [Point(act, secret, WRITE_FAULT, "write", n) for n in range(1, writes + 1)]
    for exchange in seen:
        if exchange.kind == SYNC and act.name != "ping":
            continue
        requests[exchange.kind] += 1
        if requests[exchange.kind] > 2 and "/send/" not in exchange.kind:
            continue
        for fault in (*BOT_FAULTS, *SERVER_FAULTS, *FAULTS):
            points.append(Point(act, secret, fault, exchange.kind, requests[exchange.kind]))
    return points


async def survey_setup(bench: Bench) -> list[Point]:
    """Every place in a setup; of requests that come again and again the first two count."""
    return [
        Point(setup.SETUP, False, fault, kind, nth)
        for kind, count in (await setup.requests(bench)).items()
        for nth in range(1, min(count, 2) + 1)
        for fault in (*BOT_FAULTS, *FAULTS)
    ]


async def _inject_setup(bench: Bench, point: Point) -> Outcome:
    bench = setup.a_new_bot(bench)
    fault: str | Handler = point.fault
    if point.fault in BOT_FAULTS:
        carried_out = point.fault == "bot killed after"
        fault = _killing_bot(bench, asyncio.Event(), carried_out=carried_out)
    trap = bench.proxy.trap(point.kind, point.nth, fault)
    await setup.begin(bench)
    problems = await setup.after(bench)
    bench.proxy.disarm()
    return Outcome(point, trap.sprung.is_set(), problems)


async def inject(bench: Bench, point: Point) -> Outcome:
    """Let one fault happen, see the act through, and judge."""
    if point.act is setup.SETUP:
        return await _inject_setup(bench, point)
    only_a_crash = point.fault in (*BOT_FAULTS, WRITE_FAULT)
    case = Case(bench, bench.name(), {}, must_succeed=only_a_crash)
    await point.act.before(case)
    log_at = len(bench.bot.log)
    if point.fault == WRITE_FAULT:
        hit, event_id = await _killed_at_write(bench, point, case)
    else:
        hit, event_id = await _at_request(bench, point, case)
    problems = await point.act.after(case, event_id)
    bench.disarm()
    said = bench.bot.log[log_at:]
    problems += [("leaked", "a token in the log") for it in bench.secrets if it in said]
    if "Traceback" in said:
        problems.append(("leaked", "a traceback in the log"))
    return Outcome(point, hit, problems)


async def _killed_at_write(bench: Bench, point: Point, case: Case) -> tuple[bool, str]:
    bench.arm(point.nth)
    event_id = await point.act.trigger(case)
    hit = await bench.died(8)
    bench.disarm()
    if hit:
        await bench.restart()
    return hit, event_id


async def _at_request(bench: Bench, point: Point, case: Case) -> tuple[bool, str]:
    over = asyncio.Event()  # set when the disturbance is over
    fault: str | Handler = point.fault
    if point.fault not in FAULTS:
        fault = {
            "bot killed before": _killing_bot(bench, over, carried_out=False),
            "bot killed after": _killing_bot(bench, over, carried_out=True),
            "server killed before": _stopping(bench, over, signal.SIGKILL, carried_out=False),
            "server killed after": _stopping(bench, over, signal.SIGKILL, carried_out=True),
            "server restarts": _stopping(bench, over, signal.SIGTERM, carried_out=False),
            "server frozen": _freezing(bench, over),
        }[point.fault]
    trap = bench.proxy.trap(point.kind, point.nth, fault)
    event_id = await point.act.trigger(case)
    # What does not come within the act is not there this time: the marks under a command may.
    await wait_until(lambda: trap.sprung.is_set() or bench.has_answer(event_id), 8)
    hit = bool(await wait_until(trap.sprung.is_set, 1.5))
    bench.proxy.disarm()
    if hit and point.fault not in FAULTS:
        await asyncio.wait_for(over.wait(), 60)
        if point.fault in BOT_FAULTS:
            await bench.restart()
    return hit, event_id


def _killing_bot(bench: Bench, over: asyncio.Event, *, carried_out: bool) -> Handler:
    async def fault(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        if carried_out:
            await bench.proxy.ask(exchange)
        assert bench.bot.process
        with suppress(ProcessLookupError):
            bench.bot.process.send_signal(signal.SIGKILL)
        await bench.bot.process.wait()
        over.set()
        return web.Response()

    return fault


def _stopping(bench: Bench, over: asyncio.Event, how: int, *, carried_out: bool) -> Handler:
    async def fault(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        if carried_out:
            await bench.proxy.ask(exchange)
        await _in_thread(lambda: bench.homeserver.stop(how))
        if request.transport:
            request.transport.abort()
        await asyncio.sleep(DOWN_S)
        try:
            await _in_thread(bench.homeserver.start)
        finally:
            over.set()
        return web.Response()

    return _unhurried(fault)


def _freezing(bench: Bench, over: asyncio.Event) -> Handler:
    async def fault(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        pid = bench.homeserver.pid
        assert pid
        os.kill(pid, signal.SIGSTOP)

        async def thaw() -> None:
            await asyncio.sleep(FROZEN_S)
            os.kill(pid, signal.SIGCONT)
            over.set()

        thawing = asyncio.create_task(thaw())
        try:
            return await bench.proxy.hand_on(request, exchange)
        finally:
            await asyncio.shield(thawing)

    return _unhurried(fault)


def _unhurried(fault: Handler) -> Handler:
    """To the end, also when the bot hangs up: the server must come back."""

    async def whole(request: web.Request, exchange: Exchange) -> web.StreamResponse:
        return await asyncio.shield(asyncio.create_task(_awaited(fault(request, exchange))))

    return whole


async def _awaited(it: Awaitable[web.StreamResponse]) -> web.StreamResponse:
    return await it


async def _in_thread(call: Callable[[], None]) -> None:
    await asyncio.to_thread(call)
