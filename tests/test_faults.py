"""The fault lab in small: the places that matter most and a few others. `make faults` does all."""

from pathlib import Path

import pytest

from tests.faults import runner
from tests.faults.cases import Point

pytestmark = pytest.mark.anyio

SEND = "PUT /_matrix/client/v3/rooms/*/send/m.room.encrypted/*"
KEY = "PUT /_matrix/client/v3/sendToDevice/m.room.encrypted/*"
# What was lost or doubled once, or would cost most.
ALWAYS = [
    ("newbot", "page_502", KEY, 1),
    ("newbot", "error_500", KEY, 1),
    ("newbot", "bot killed after", "POST /_synapse/admin/v1/register", 1),
    ("newbot", "wrong_json", "POST /_matrix/client/v3/login", 1),
    ("rotate", "bot killed before", SEND, 2),
    ("rotate", "unheard", "POST /_matrix/client/v3/login", 1),
    ("rotate", "server killed after", "POST /_matrix/client/v3/account/password", 1),
    ("ping", "half_json", "GET /_matrix/client/v3/sync", 1),
]
MORE = 16


@pytest.mark.timeout(400)
async def test_nothing_is_lost_doubled_or_leaked(tmp_path: Path, synapse: Path) -> None:
    report = await runner.run(
        tmp_path,
        synapse,
        seed=1,
        sample=MORE,
        lanes=2,
        wanted=lambda point: True,
        say=print,
        always=is_always,
    )
    print(report.table())
    assert report.is_clean, report.table()
    assert sum(outcome.hit for outcome in report.outcomes) >= len(ALWAYS), report.table()


def is_always(point: Point) -> bool:
    return (point.act.name, point.fault, point.kind, point.nth) in ALWAYS
