"""The time, on a clock that nobody sets while we run."""

import time
from datetime import UTC, datetime, timedelta


def _elapsed_s() -> float:
    """Seconds that nobody can set, and that count while the machine sleeps."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


_STARTED = datetime.now(UTC), _elapsed_s()


def now() -> datetime:
    """The present, aware, UTC.

    The machine's clock is asked once, at start: whoever sets it by a day makes no card stay a
    day longer and no question wait a day for its yes.
    """
    at, elapsed_s = _STARTED
    return at + timedelta(seconds=_elapsed_s() - elapsed_s)


def until(ttl: timedelta) -> datetime:
    """The moment `ttl` from now."""
    return now() + ttl
