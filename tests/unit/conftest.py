"""`make check` runs all of this in half a minute: no test here may need Node or a Synapse."""

import pytest


@pytest.fixture(scope="session")
def synapse() -> None:
    """Every fixture with a server in it stands on this one (tests/conftest.py)."""
    pytest.fail("tests/unit has neither Node nor a Synapse: move this test to tests/live.")
