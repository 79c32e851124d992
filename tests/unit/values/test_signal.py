"""Who wants to know is called."""

from adminbot.values.signal import Signal


def test_each_who_wants_to_know_is_called_in_order() -> None:
    told: list[tuple[str, int]] = []
    signal: Signal[[int]] = Signal()
    signal(1)  # to nobody
    signal.connect(lambda number: told.append(("first", number)))
    signal.connect(lambda number: told.append(("second", number)))
    signal(2)
    signal(3)
    assert told == [("first", 2), ("second", 2), ("first", 3), ("second", 3)]
