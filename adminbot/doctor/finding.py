"""What a check found: one line, and under it what mends it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from adminbot.values.text import one_line


class Level(StrEnum):
    """How bad it is; the value stands in `--json`."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"

    @property
    def sign(self) -> str:
        return {Level.OK: "✅", Level.WARNING: "⚠️", Level.ERROR: "❌"}[self]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check says of its subject; `remedy` is empty where all is well."""

    level: Level
    text: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict under its check's name. May have back-ticks around what is to be typed."""

    check: str
    level: Level
    text: str
    remedy: str = ""

    def lines(self) -> list[str]:
        head = f"{self.level.sign} {self.check}: {one_line(self.text)}"
        return [head, f"   → {one_line(self.remedy)}"] if self.remedy else [head]

    def to_json(self) -> dict[str, str]:
        return {
            "check": self.check,
            "level": self.level.value,
            "text": self.text,
            "remedy": self.remedy,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        """Raises KeyError or ValueError for what is no finding."""
        level = Level(told["level"])
        return cls(str(told["check"]), level, str(told["text"]), str(told["remedy"]))


def well(text: str) -> Verdict:
    return Verdict(Level.OK, text)


def warning(text: str, remedy: str) -> Verdict:
    return Verdict(Level.WARNING, text, remedy)


def error(text: str, remedy: str) -> Verdict:
    return Verdict(Level.ERROR, text, remedy)
