"""The `{placeholders}` of a profile, and how values get into their places. Pure."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from adminbot.values.secret import Secret
from adminbot.values.text import safe_to_quote

# A text, or a table as TOML has it: texts, numbers, booleans, lists and tables.
Block = str | dict[str, Any]

SECRETS = frozenset({"access_token", "password", "recovery_key"})
# Already in a form that every place takes: a host with its port, and one letter or none.
RAW = frozenset({"host", "s_if_https"})
PUBLIC = RAW | {
    "homeserver",
    "server_name",
    "user_id",
    "localpart",
    "display_name",
    "device_id",
    "room_id",
    "room",
    "owner",
    "owner_regex",
}
KNOWN = PUBLIC | SECRETS

PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_MOST_QUOTED = 100


class _Left:
    """What is left of a place whose value is missing: nothing, not even its key."""


_LEFT_OUT = _Left()


def names_in(block: object) -> set[str]:
    """The names of all placeholders in a block or in a text."""
    return {name for text in texts_in(block) for name in PLACEHOLDER.findall(text)}


def texts_in(block: object) -> Iterator[str]:
    """All texts in a block that are filled: values, not keys."""
    match block:
        case str():
            yield block
        case dict():
            for value in block.values():
                yield from texts_in(value)
        case list() | tuple():
            for value in block:
                yield from texts_in(value)


def fill(block: Block, values: Mapping[str, str], escape: Callable[[str], str]) -> Any:
    """The block with its values, each `escape`d; places without a value are left out."""
    filled = _fill(block, values, escape)
    return {} if filled is _LEFT_OUT else filled


def _fill(part: Any, values: Mapping[str, str], escape: Callable[[str], str]) -> Any:
    match part:
        case str():
            names = set(PLACEHOLDER.findall(part))
            if not names <= values.keys():
                return _LEFT_OUT
            return PLACEHOLDER.sub(
                lambda it: values[it[1]] if it[1] in RAW else escape(values[it[1]]), part
            )
        case dict():
            table = {key: _fill(value, values, escape) for key, value in part.items()}
            return {key: value for key, value in table.items() if value is not _LEFT_OUT}
        case list():
            every = [_fill(value, values, escape) for value in part]
            return [value for value in every if value is not _LEFT_OUT]
    return part


def fill_words(text: str, values: Mapping[str, str | Secret]) -> str:
    """A text for a person with its values. A value that is missing shows as `…`."""

    def shown(name: str) -> str:
        value = values.get(name, "…")
        # The checker lets no secret into a text. `str` of a Secret does not print the secret.
        return safe_to_quote(str(value), _MOST_QUOTED)

    return PLACEHOLDER.sub(lambda it: shown(it[1]), text)
