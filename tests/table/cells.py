"""One measured result, and the table of all. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

COLUMNS = ("works", "bad input", "crash", "rate limit", "lockdown", "untrusted")


@dataclass
class Cell:
    """`tried`: variants, kinds of input, or places; `failed` of them have `problems`.

    `of`: how many there are, if not all were tried.
    """

    tried: int = 0
    of: int = 0
    failed: int = 0
    problems: list[str] = field(default_factory=list)

    def add(self, what: str, problems: Iterable[str], *, was_tried: bool = True) -> bool:
        """One more; returns whether there are problems."""
        found = [f"{what}: {it}" for it in problems]
        self.tried += was_tried or bool(found)
        self.failed += bool(found)
        self.problems += found
        return bool(found)

    def __str__(self) -> str:
        if self.problems:
            return f"✗ {self.failed} of {self.tried}"
        if not self.tried:
            return "–"
        return f"✓ {self.tried}" + (f"/{self.of}" if self.of > self.tried else "")


Cells = dict[tuple[str, str], Cell]  # command, column
_LEGEND = (
    "works: variants tried. bad input: kinds. crash: places where it was killed, of how many.\n"
    "rate limit: kinds of requests that met a 429, of how many (some do not come twice).\n"
    "lockdown, untrusted: what was typed. – : changes nothing, or asks nothing of the server."
)
_NOT_MEASURED = Cell(problems=["not measured"])


def unmeasured(why: str) -> Cells:
    """In place of what could not be measured."""
    return {("?", "works"): Cell(1, failed=1, problems=[why])}


def drawn(commands: Iterable[str], cells: Cells, only: Collection[str] = ()) -> str:
    """The table, and below it what went wrong. `only`: these columns."""
    columns = [it for it in COLUMNS if not only or it in only]
    lines = [f"{'command':12}" + "".join(f"{column:>12}" for column in columns)]
    lines.append("-" * len(lines[0]))
    wrong = []
    for command in commands:
        row = [cells.get((command, column), _NOT_MEASURED) for column in columns]
        lines.append(f"!{command:11}" + "".join(f"{cell!s:>12}" for cell in row))
        for column, cell in zip(columns, row, strict=True):
            wrong += [f"✗ !{command}, {column}: {problem}" for problem in cell.problems]
    wrong += [f"✗ {why}" for why in cells.get(("?", "works"), Cell()).problems]
    return "\n".join([*lines, _LEGEND, "", *wrong]).rstrip()


def is_good(commands: Iterable[str], cells: Cells, only: Collection[str] = ()) -> bool:
    """Whether every cell was measured, and none is bad."""
    columns = [it for it in COLUMNS if not only or it in only]
    wanted = [(command, column) for command in commands for column in columns]
    is_whole = all(key in cells for key in wanted)
    return is_whole and not any(cell.problems for cell in cells.values())
