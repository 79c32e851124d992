"""Everything that the lab interrupts: a new subject is one more line."""

from tests.faults import acts

EVERY_ACT = (*acts.ACTS,)
