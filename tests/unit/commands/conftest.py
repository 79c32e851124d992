"""The desk of tests/desk.py, as a fixture."""

from tests.desk import desk, short_blink

__all__ = ["desk", "short_blink"]
