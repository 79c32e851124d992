"""Times as the homeserver tells them. Pure."""

from datetime import UTC, datetime


def from_ms(stamp_ms: object) -> datetime | None:
    """The moment of a time stamp in milliseconds; None for anything else."""
    if not isinstance(stamp_ms, int) or stamp_ms <= 0:
        return None
    try:
        return datetime.fromtimestamp(stamp_ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):  # a time that no calendar has
        return None
