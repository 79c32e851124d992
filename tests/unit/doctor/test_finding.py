"""A finding: its lines, and its way through JSON."""

import pytest

from adminbot.doctor.finding import Finding, Level

HURT = Finding("state", Level.ERROR, "It is\nbroken.", "Mend\rit.")


def test_a_remedy_stands_under_what_is_not_well() -> None:
    assert HURT.lines() == ["❌ state: It is\\x0abroken.", "   → Mend\\x0dit."]
    assert Finding("state", Level.OK, "whole").lines() == ["✅ state: whole"]
    assert Finding("state", Level.WARNING, "x").lines() == ["⚠️ state: x"]


def test_it_is_the_same_after_json() -> None:
    assert Finding.from_json(HURT.to_json()) == HURT
    with pytest.raises(ValueError, match="fatal"):
        Finding.from_json(HURT.to_json() | {"level": "fatal"})
