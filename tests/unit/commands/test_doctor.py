"""`!doctor`, on a small screen: what is wrong first, what is well in one line."""

import pytest

from adminbot.doctor.finding import Finding, Level
from tests.desk import Desk

pytestmark = pytest.mark.anyio


async def test_errors_come_first_and_what_is_well_in_one_line(desk: Desk) -> None:
    desk.findings = [
        Finding("a", Level.OK, "fine"),
        Finding("b", Level.WARNING, "odd", "Look."),
        Finding("c", Level.ERROR, "broken", "Mend `it`."),
    ]
    said = await desk.asks("!doctor")
    assert said == "❌ c: broken\nMend it.\n⚠️ b: odd\nLook.\n✅ One more is well: a"


async def test_all_is_well(desk: Desk) -> None:
    desk.findings = [Finding("a", Level.OK, "fine"), Finding("b", Level.OK, "fine")]
    assert await desk.asks("!doctor") == "✅ All 2 checks are well: a, b"
