"""Pauses between tries after failures."""

from collections.abc import Iterator

_FIRST_S = 0.25


def pauses(most_s: float) -> Iterator[float]:
    """Seconds to wait after each failure: doubled each time up to `most_s`, without an end.

    After a success, begin with a new iterator.
    """
    pause_s = _FIRST_S
    while True:
        yield min(pause_s, most_s)
        pause_s = min(2 * pause_s, most_s)
