"""What only a real Synapse and a real client can show."""

from tests.mutants import Mutant

MUTANTS: tuple[Mutant, ...] = ()
