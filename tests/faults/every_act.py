"""Everything that the lab interrupts: a new subject is one more line."""

from tests.faults import acts, acts_bulk, acts_faces, acts_people, acts_rooms

EVERY_ACT = (*acts.ACTS, *acts_bulk.ACTS, *acts_rooms.ACTS, *acts_people.ACTS, *acts_faces.ACTS)
