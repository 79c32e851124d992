"""How long to wait between two tries of what failed."""

from collections.abc import Iterator

_FIRST_S = 0.25


def pauses(most_s: float) -> Iterator[float]:
    """Seconds to wait after each failure: twice as long each time, `most_s` in the end, for ever.

    After a success, begin with a new iterator.
    """
    pause_s = _FIRST_S
    while True:
        yield min(pause_s, most_s)
        pause_s = min(2 * pause_s, most_s)
