"""How often somebody is told that a command is refused."""

import pytest

from adminbot.dispatch import rate_limit
from adminbot.dispatch.rate_limit import RefusalLimit


def test_ten_a_minute_by_person_and_room(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = RefusalLimit()
    assert [limit.allows("@you:x", "!r") for _ in range(12)] == [True] * 10 + [False] * 2
    assert limit.allows("@her:x", "!r")
    assert limit.allows("@you:x", "!other")
    assert not limit.allows("@you:x", "!r")
    monkeypatch.setattr(rate_limit, "_WITHIN_S", 0.0)  # as if the minute were over
    assert limit.allows("@you:x", "!r")
