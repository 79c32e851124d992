"""Opening the connections: a server that is down is waited for, what is wrong for good is told."""

import logging
from datetime import timedelta

import pytest

from adminbot.connections import _once_it_answers
from adminbot.errors import HomeserverUnreachable, RateLimited, SetupError, WrongServer

pytestmark = pytest.mark.anyio


class Asked:
    """Raises one failure after the other, and then answers."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = list(failures)

    async def __call__(self) -> str:
        if self._failures:
            raise self._failures.pop(0)
        return "answer"


@pytest.mark.parametrize(
    "failure",
    [
        WrongServer("Nothing listens there.", "Is Synapse up?", may_pass=True),
        HomeserverUnreachable("HTTP 502"),
        RateLimited(timedelta(seconds=1)),
    ],
)
async def test_what_may_pass_is_waited_for_and_logged(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await _once_it_answers(Asked(failure, failure)) == "answer"

    assert "next try in_s=0.25" in caplog.messages[0]
    assert "next try in_s=0.5" in caplog.messages[1]
    assert str(failure) in caplog.text


async def test_the_log_says_what_mends_a_wrong_server(caplog: pytest.LogCaptureFixture) -> None:
    await _once_it_answers(Asked(WrongServer("Nothing listens there.", "Is Synapse up?")))

    assert "Nothing listens there. Is Synapse up?" in caplog.text


async def test_what_is_wrong_for_good_is_told_at_once() -> None:
    with pytest.raises(SetupError, match="no server admin"):
        await _once_it_answers(Asked(SetupError("I am no server admin.")))
