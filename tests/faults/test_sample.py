"""The fault lab in small: the places that matter most, in every act. `make faults` does all."""

from pathlib import Path

import pytest

from tests.faults import runner
from tests.faults.cases import SYNC, WRITE_FAULT, Point
from tests.faults.every_act import EVERY_ACT
from tests.faults.setup import SETUP

pytestmark = pytest.mark.anyio

SEND = "PUT /_matrix/client/v3/rooms/*/send/m.room.encrypted/*"
KEY = "PUT /_matrix/client/v3/sendToDevice/m.room.encrypted/*"
LOGIN = "POST /_matrix/client/v3/login"
PASSWORD = "POST /_matrix/client/v3/account/password"
USER = "PUT /_synapse/admin/v2/users/*"
# What was lost or doubled once, or would cost most: act, with the shared secret, fault, where.
# A room's key is handed out at its first message: those two come first on their benches.
PLACES: list[tuple[str, bool, str, str, int]] = [
    ("newbot", True, "page_502", KEY, 1),
    ("newbot", False, "error_500", KEY, 1),
    ("newbot", True, "bot killed after", "POST /_synapse/admin/v1/register", 1),
    ("newbot", True, "server killed after", "POST /_synapse/admin/v1/register", 1),
    ("newbot", False, "wrong_json", LOGIN, 1),
    ("newbot", False, "unheard", USER, 1),
    ("newbot --recovery", False, WRITE_FAULT, "write", 9),
    ("rotate", False, "bot killed before", SEND, 2),
    ("rotate", False, "unheard", LOGIN, 1),
    ("rotate", False, "server restarts", PASSWORD, 1),
    ("rotate --new-device", False, "bot killed after", LOGIN, 1),
    ("revoke", False, "bot killed after", USER, 1),
    ("revoke over rotate", False, "bot killed after", USER, 1),
    ("deletebot", False, WRITE_FAULT, "write", 5),
    ("rotate --me-too", False, "bot killed after", PASSWORD, 1),
    ("take a card back", False, "bot killed after", SEND, 1),
    ("ping", False, "half_json", SYNC, 1),
    ("setup", False, "bot killed after", "POST /_matrix/client/v3/createRoom", 2),
    ("setup", False, "bot killed after", "POST /_matrix/client/v3/keys/upload", 1),
    ("setup", False, "wrong_json", "POST /_matrix/client/v3/keys/upload", 1),
]


@pytest.mark.timeout(400)
async def test_nothing_is_lost_doubled_or_leaked(tmp_path: Path, synapse: Path) -> None:
    acts = {act.name: act for act in (*EVERY_ACT, SETUP)}
    points = [Point(acts[a], secret, fault, kind, n) for a, secret, fault, kind, n in PLACES]
    report = await runner.inject_all(tmp_path, synapse, points, seed=1, lanes=2, say=print)
    assert report.is_clean, report.table()
    assert all(outcome.hit for outcome in report.outcomes), report.table()
