"""How long is waited between two tries."""

from itertools import islice

import pytest

from adminbot.values.backoff import pauses


@pytest.mark.parametrize(
    ("most_s", "expected"),
    [
        (10, [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]),
        (30, [0.25, 0.5, 1, 2, 4, 8, 16, 30, 30]),
        (0.1, [0.1, 0.1]),
    ],
)
def test_pauses_double_up_to_the_most(most_s: float, expected: list[float]) -> None:
    assert list(islice(pauses(most_s), len(expected))) == expected


def test_they_never_end_and_never_overflow() -> None:
    assert next(islice(pauses(10), 5000, None)) == 10
