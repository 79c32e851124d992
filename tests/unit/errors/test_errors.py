"""The tree of errors: what stands in the room's docstring is what there is."""

import re
from collections.abc import Iterator

from adminbot import errors
from adminbot.errors import AdminbotError


def drawn(of: type[AdminbotError], before: str = "") -> Iterator[str]:
    for kind in of.__subclasses__():
        yield f"{before}{kind.__name__}"
        yield from drawn(kind, f"{before}    ")


def test_the_tree_shows_each_error_below_its_own() -> None:
    """By name and depth, in the order in which they are defined or not."""
    text = errors.__doc__ or ""
    shown = re.findall(r"^([ │├└─]*)([A-Z]\w+)  ", text, re.M)
    told = {(len(before), name) for before, name in shown if name != "AdminbotError"}
    there = {(len(line) - len(line.lstrip()) + 4, line.strip()) for line in drawn(AdminbotError)}
    assert told == there
