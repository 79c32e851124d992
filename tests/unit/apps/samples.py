"""A profile that is right, to be spoiled."""

import tomllib
from typing import Any

GOOD = """
title = "Sample"
about = "a sample"
source = [{ what = "README.md", version = "1.0", read = 2026-11-26 }]
takes = "token"
format = "env"
paste_into = "`.env`"
first = ["Start `{localpart}`."]
works = "It answers."

[block]
USER = "{user_id}"
TOKEN = "{access_token}"
"""


def spoiled(**changes: Any) -> dict[str, Any]:
    """The good profile's keys with changes, dates as text; None takes a key away."""
    raw = tomllib.loads(GOOD)
    raw["source"] = [{"what": "README.md", "version": "1.0", "read": "2026-11-26"}]
    changed = raw | changes
    return {key: value for key, value in changed.items() if value is not None}
