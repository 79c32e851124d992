"""A row of the settings table: how a variable is read, and what the manual says about the setting.

`required`, `optional` and `defaulting` make a dataclass field that carries a row; mypy checks that
the parser's type is the field's.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from adminbot.config.parsing import WrongValue

T = TypeVar("T")
PREFIX = "ADMINBOT_"
_ROW = "row"


class WrongSetting(Exception):
    """A variable cannot be used; `str()` has its name and the reason, and not its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One setting.

    `parse` gets a text that is not empty, without blanks around it. `help` and `closing` are the
    lines of the explanation in the manual. `missing` says what is wrong where a required setting
    is not set. For any other setting `default` is parsed then; without a default the value is
    None.
    """

    name: str
    parse: Callable[[str], object]
    help: str
    closing: str
    example: str = ""
    heading: str = ""
    secret: bool = False
    default: str = ""
    missing: str | None = None

    @property
    def variable(self) -> str:
        return PREFIX + self.name

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that set the setting: a secret has a second one, which names a file."""
        return (self.variable, f"{self.variable}_FILE") if self.secret else (self.variable,)

    def value(self, env: Mapping[str, str]) -> Any:
        """The setting's value by these variables. Raises WrongSetting."""
        text = self.text(env) or self.default
        if not text:
            if self.missing:
                raise WrongSetting(f"{self.variable} {self.missing}")
            return None
        try:
            return self.parse(text)
        except WrongValue as exc:
            raise WrongSetting(f"{self.variable} {exc}") from None

    def text(self, env: Mapping[str, str]) -> str:
        """What these variables set, directly or in a file; empty: nothing. Raises WrongSetting."""
        text, *paths = (env.get(variable, "").strip() for variable in self.variables)
        if not any(paths):
            return text
        if text:
            both = f"{self.variable} is set both directly and as {self.variable}_FILE"
            raise WrongSetting(f"{both}: keep one")
        try:
            content = Path(paths[0]).read_text(encoding="utf-8").strip()
        except (OSError, ValueError):  # no such file, no UTF-8, a name that cannot be one
            raise WrongSetting(f"{self.variable}_FILE names a file that cannot be read") from None
        if not content:
            raise WrongSetting(f"{self.variable}_FILE names an empty file")
        return content


def required(
    name: str,
    parse: Callable[[str], T],
    help: str,
    *,
    secret: bool = False,
    missing: str = "is missing",
    **shown: str,
) -> T:
    """A setting without which adminbot does not start. `shown`: `example`, `heading`."""
    closing = "Required, here or as a file." if secret else "Required."
    return _field(name, parse, help, closing, secret=secret, missing=missing, **shown)


def optional(
    name: str,
    parse: Callable[[str], T],
    help: str,
    *,
    unset: str = "not set",
    secret: bool = False,
    **shown: str,
) -> T | None:
    """A setting whose value may be None, where nothing is set; `unset` says what happens then."""
    return _field(name, parse, help, f"Default: {unset}", secret=secret, **shown)


def defaulting(name: str, parse: Callable[[str], T], default: str, help: str, **shown: str) -> T:
    """A setting whose text is `default` where nothing is set."""
    return _field(name, parse, help, f"Default: {default}", default=default, **shown)


def _field(name: str, parse: Callable[[str], T], help: str, closing: str, **more: Any) -> T:
    row = Row(name=name, parse=parse, help=inspect.cleandoc(help), closing=closing, **more)
    made: T = field(metadata={_ROW: row})
    return made


def row_of(of: Field[Any]) -> Row:
    row: Row = of.metadata[_ROW]
    return row
