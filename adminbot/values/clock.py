"""The time, on a clock that cannot be set while we run."""

import time
from datetime import UTC, datetime, timedelta


def _elapsed_s() -> float:
    """Seconds on a clock that cannot be set and goes on while the machine sleeps."""
    # Linux's CLOCK_MONOTONIC stops during suspend; CLOCK_BOOTTIME exists on Linux only.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


_STARTED = datetime.now(UTC), _elapsed_s()


def now() -> datetime:
    """The present time, aware, UTC.

    The machine's clock is read once, at start: setting the clock by a day makes no card stay a day
    longer and no question wait a day for its answer.
    """
    at, elapsed_s = _STARTED
    return at + timedelta(seconds=_elapsed_s() - elapsed_s)


def until(ttl: timedelta) -> datetime:
    """The moment `ttl` from now."""
    return now() + ttl
