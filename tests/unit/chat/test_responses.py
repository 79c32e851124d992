"""What is dropped of what others send, and what is not."""

import sqlite3

import pytest
from peewee import PeeweeException

from adminbot.chat.responses import senseless_dropped, storing
from adminbot.errors import StateError

LOCKED: Exception = PeeweeException("database is locked")  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "problem", [RecursionError("deep"), TypeError("no dict"), OverflowError("no such year")]
)
def test_what_makes_no_sense_is_dropped_and_said_so(
    problem: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with senseless_dropped("a message"):
        raise problem
    assert caplog.messages == [f"dropped a message why={type(problem).__name__}"]


@pytest.mark.parametrize("problem", [StateError(), LOCKED, sqlite3.OperationalError()])
def test_what_our_own_side_could_not_do_is_not_dropped(problem: Exception) -> None:
    """Or a key that could not be kept would never come again."""
    with pytest.raises(type(problem)), senseless_dropped("a message"):
        raise problem


@pytest.mark.parametrize("problem", [LOCKED, sqlite3.DatabaseError("damaged")])
def test_a_store_of_nios_that_cannot_be_written_is_a_state_error(problem: Exception) -> None:
    with pytest.raises(StateError), storing():
        raise problem
