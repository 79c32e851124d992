"""How often a person is told of a refused command."""

import time
from collections import defaultdict, deque

_MOST, _WITHIN_S = 10, 60.0


class RefusalLimit:
    """Refusals a minute, by person and room: a refusal costs more than the refused message."""

    def __init__(self) -> None:
        self._told_at: defaultdict[tuple[str, str], deque[float]] = defaultdict(
            lambda: deque(maxlen=_MOST)
        )

    def allows(self, sender: str, room_id: str) -> bool:
        """Whether this person may be refused once more in this room; counts the refusal if so."""
        told_at = self._told_at[sender, room_id]
        if len(told_at) == _MOST and time.monotonic() - told_at[0] < _WITHIN_S:
            return False
        told_at.append(time.monotonic())
        return True
