"""The documents as their reader has them: what is to be typed, and what is quoted.

An indented block is to be typed, and so is a fence that says `sh`; any other fence shows
something. What stands in back-ticks is a mention. Documents made of declarations count, too.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from tests import ROOT

# Besides `adminbot` itself: what tests/live/test_documents.py types, by the beginning.
RUN_BY_A_TEST = ("mkdir -m 700", "curl -X ")
_FENCE = re.compile(r"^ *```(.*)$")
_COMMENT = re.compile(r"(^|\s)#\s.*$")
_CHOICE = re.compile(r"\( ([^()]*) \)")


@dataclass(frozen=True, slots=True)
class Typed:
    """A line that the reader shall type, or words that are mentioned, and where they stand."""

    document: str
    number: int
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.number}: {self.text}"


def documents() -> list[Path]:
    found = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")]
    return sorted(path.relative_to(ROOT) for path in found)


def typed() -> list[Typed]:
    return [line for path in documents() for line in typed_in(path)]


def typed_in(document: Path) -> Iterator[Typed]:
    """A line that ends in a backslash, or has deeper lines below it, goes on there."""
    pieces = list(_code(document))
    while pieces:
        number, text = pieces.pop(0)
        while pieces and (text.endswith("\\") or _depth(pieces[0][1]) > _depth(text)):
            text = text.removesuffix("\\") + " " + pieces.pop(0)[1].strip()
        if text := _COMMENT.sub("", text.strip()):
            yield Typed(str(document), number, " ".join(text.split()))


def _depth(text: str) -> int:
    return len(text) - len(text.lstrip())


def _code(document: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of all blocks that are to be typed."""
    fence: str | None = None
    before = ""
    for number, line in enumerate((ROOT / document).read_text("utf-8").splitlines(), start=1):
        if found := _FENCE.match(line):
            fence = found[1] if fence is None else None
            before = ""
        elif fence is not None:
            if fence == "sh":
                yield number, line
        elif line.startswith("    ") and (not before.strip() or before.startswith("    ")):
            yield number, line
            before = line
        else:
            before = line


def mentioned() -> Iterator[Typed]:
    """What stands in back-ticks within the text."""
    for path in documents():
        text = (ROOT / path).read_text("utf-8")
        prose = re.sub(r"^ *```.*?^ *```$|^    .*?$", _blank, text, flags=re.DOTALL | re.MULTILINE)
        for found in re.finditer(r"(?<!`)`([^`]+)`(?!`)", prose):
            number = prose.count("\n", 0, found.start()) + 1
            yield Typed(str(path), number, " ".join(found[1].split()))


def _blank(found: re.Match[str]) -> str:
    return "\n" * found[0].count("\n")


def ways(form: str) -> Iterator[str]:
    """The lines that a form stands for: all `[optional]` parts out or in, each `( A | B )`."""
    for kept in ("", r"\1"):
        line = re.sub(r"\[([^\[\]]*)\]", kept, form)
        choices = [found.split(" | ") for found in _CHOICE.findall(line)]
        for picked in product(*choices):
            yield _CHOICE.sub("{}", line).format(*picked)


def plain(text: str) -> str:
    """Without marks and line ends, in which a document and the program may differ."""
    return " ".join(re.sub(r"`|\*\*", "", text).split())
