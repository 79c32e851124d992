"""Everything that the lab interrupts: a new subject is one more line."""

from tests.faults import (
    acts,
    acts_adopt,
    acts_bulk,
    acts_care,
    acts_faces,
    acts_people,
    acts_rooms,
    acts_trust,
    acts_watch,
)

EVERY_ACT = (
    *acts.ACTS,
    *acts_adopt.ACTS,
    *acts_bulk.ACTS,
    *acts_care.ACTS,
    *acts_faces.ACTS,
    *acts_people.ACTS,
    *acts_rooms.ACTS,
    *acts_trust.ACTS,
    *acts_watch.ACTS,
)
