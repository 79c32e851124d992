"""What is counted and measured: a line where it happens, as for the log.

A metric is a row in table.py. Who counts knows nothing of Prometheus, and nothing is counted where
nobody asked for metrics (`use`). No user id, no room id and no word that a person typed is ever a
label: a metric has its labels' values beforehand.
"""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from adminbot.metrics.endpoints import endpoint_of, status_of
from adminbot.metrics.table import REQUESTS, Metric

if TYPE_CHECKING:
    from adminbot.metrics.meter import Meter

R = TypeVar("R")
# Of this task and the tasks that it starts: two services in one process count apart.
_meter: ContextVar["Meter | None"] = ContextVar("meter", default=None)


def use(meter: "Meter") -> None:
    """Count and measure from now on, in this task and in those that it starts."""
    _meter.set(meter)


def count(metric: Metric, *values: str, times: int = 1) -> None:
    """`values`: of the metric's labels, in their order."""
    if meter := _meter.get():
        meter.count(metric, values, times)


def observe(metric: Metric, seconds: float, *values: str) -> None:
    if meter := _meter.get():
        meter.observe(metric, values, seconds)


@contextmanager
def timed(metric: Metric, *values: str) -> Iterator[None]:
    """Observe how long the block takes, unless it raises."""
    began = time.monotonic()
    yield
    observe(metric, time.monotonic() - began, *values)


async def counted(path: str, request: Awaitable[R], status: Callable[[R], int]) -> R:
    """The answer to a request to the homeserver; a request without an answer is counted, too."""
    code = 0
    try:
        answer = await request
        code = status(answer)
    finally:
        if _meter.get():
            count(REQUESTS, endpoint_of(path), status_of(code))
    return answer
