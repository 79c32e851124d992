"""Changes to the code that a test must notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """One change: in `file`, `old` (there exactly once) becomes `new`; `test` must fail then."""

    file: str
    old: str
    new: str
    means: str
    test: str
