"""Times."""

from datetime import UTC

from adminbot.values.clock import now


def test_times_are_aware() -> None:
    assert now().tzinfo is UTC
