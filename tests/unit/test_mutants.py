"""The tables of `make mutants` fit the code: a guard that moves takes its entry along."""

import pytest

from tests.mutants import Mutant
from tests.mutants.table import MUTANTS, why_stale

NAMED = [pytest.param(it, id=f"{nr} {it.file}: {it.means}") for nr, it in enumerate(MUTANTS)]


@pytest.mark.parametrize("mutant", NAMED)
def test_an_entry_can_be_applied_and_its_tests_are_there(mutant: Mutant) -> None:
    assert why_stale(mutant) == ""


def test_no_entry_is_there_twice() -> None:
    assert len(set(MUTANTS)) == len(MUTANTS)


@pytest.mark.parametrize(
    ("stale", "why"),
    [
        (Mutant("adminbot/none.py", "", "", "", ""), "no such file"),
        (Mutant("adminbot/trust/pins.py", "no such text", "", "", ""), "0 times"),
        (Mutant("adminbot/trust/pins.py", "return", "", "", ""), "times"),
        (Mutant("adminbot/trust/pins.py", "class TrustPolicy:", "class", "", ""), "is no Python"),
        (
            Mutant("adminbot/trust/pins.py", "class TrustPolicy:", "class TrustPolicy: #", "", ""),
            "chan",
        ),
        (
            Mutant("adminbot/trust/pins.py", "class TrustPolicy:", "class It:", "", ""),
            "names no test",
        ),
        (
            Mutant(
                "adminbot/trust/pins.py", "class TrustPolicy:", "class It:", "", "tests/none.py"
            ),
            "there is no test tests/none.py",
        ),
    ],
)
def test_a_stale_entry_is_told(stale: Mutant, why: str) -> None:
    assert why in why_stale(stale)
