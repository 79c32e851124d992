"""Guards taken away one at a time: each must turn a test red. `make mutants` runs the tables.

`pure` and `apps` need no server, `turns` and `spellings` neither (over the desk); `live` has a
real one.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change that nobody may make unnoticed.

    `file`: below the repository, such as `adminbot/trust/pins.py`. `old` is in it exactly once.
    `means`: what it would mean, in one plain clause.
    `test`: the pytest node id that must turn red; of several, with spaces between, one must.
    """

    file: str
    old: str
    new: str
    means: str
    test: str

    @property
    def tests(self) -> list[str]:
        return self.test.split()
