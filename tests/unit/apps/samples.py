"""A profile that is right, to be spoiled, and one of each form."""

import tomllib
from collections.abc import Iterator
from typing import Any

from adminbot.apps.catalog import _profile
from adminbot.apps.checking import problems
from adminbot.apps.formats import Format
from adminbot.apps.profile import Profile

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


_TABLE = {"User": "{user_id}", "Token": "{access_token}", "Name": "{display_name}", "Port": 8008}
_BLOCKS: dict[Format, Any] = {
    Format.ENV: {name.upper(): value for name, value in _TABLE.items()},
    Format.FORM: _TABLE,
    Format.URL: "x{s_if_https}://{access_token}@{host}/{user_id}?name={display_name}",
    Format.SHELL: 'T={access_token}\nprintf %s "$T" | curl {homeserver} {display_name} {user_id}',
    Format.PYTHON: "run({homeserver}, name={display_name}, login=[{user_id}, {access_token}])",
}
_NESTED = {"matrix": _TABLE | {"on": True, "allow": ["{owner}", "*"], "none": []}}


def of_each_form() -> Iterator[Profile]:
    """A profile of each form, with values in all places that the form has."""
    for form in Format:
        raw = spoiled(format=str(form), block=_BLOCKS.get(form, _NESTED))
        assert problems(raw) == []
        yield _profile(f"a-{form}", raw)
