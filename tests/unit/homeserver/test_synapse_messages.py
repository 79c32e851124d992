"""Synapse's admin API for the removal of messages: what is sent, and what the answers mean."""

import json
from typing import Any

import httpx
import pytest

from adminbot.errors import HomeserverError, HomeserverUnreachable
from adminbot.homeserver.synapse_messages import SynapseMessages
from adminbot.homeserver.values import Removal, RemovalState
from adminbot.values.ids import UserId
from tests.unit.homeserver.scripted import Script, refusal, wire_to

pytestmark = pytest.mark.anyio

NANO = UserId("nano", "x.org")


async def test_all_rooms_that_it_is_in_are_meant() -> None:
    script = Script(httpx.Response(200, json={"redact_id": "abc"}))
    async with wire_to(script) as http:
        assert await SynapseMessages(http).redact(NANO) == "abc"
    [request] = script.requests
    assert request.url.raw_path == b"/_synapse/admin/v1/user/%40nano%3Ax.org/redact"
    assert json.loads(request.content) == {"rooms": [], "limit": 10_000}


async def test_what_synapse_is_at_already_is_no_error() -> None:
    answer = httpx.Response(400, content=refusal("M_UNKNOWN"))
    async with wire_to(Script(answer)) as http:
        assert await SynapseMessages(http).redact(NANO) is None


@pytest.mark.parametrize(
    ("status", "errcode"), [(404, "M_UNRECOGNIZED"), (403, "M_FORBIDDEN"), (400, "M_BAD_JSON")]
)
async def test_other_refusals_are_told_apart(status: int, errcode: str) -> None:
    answer = httpx.Response(status, content=refusal(errcode))
    async with wire_to(Script(answer)) as http:
        with pytest.raises(HomeserverError) as caught:
            await SynapseMessages(http).redact(NANO)
    assert caught.value.errcode == errcode


@pytest.mark.parametrize(
    ("answer", "means"),
    [
        ({"status": "active"}, Removal(RemovalState.GOES_ON)),
        ({"status": "scheduled"}, Removal(RemovalState.GOES_ON)),
        ({"status": "a word of a later version"}, Removal(RemovalState.GOES_ON)),
        ({"status": "complete", "failed_redactions": {}}, Removal(RemovalState.DONE)),
        ({"status": "complete"}, Removal(RemovalState.DONE)),
        ({"status": "complete", "failed_redactions": {"$e": "x"}}, Removal(RemovalState.DONE, 1)),
        ({"status": "failed", "error": "x"}, Removal(RemovalState.FAILED)),
    ],
)
async def test_how_far_it_is(answer: dict[str, Any], means: Removal) -> None:
    async with wire_to(Script(httpx.Response(200, json=answer))) as http:
        assert await SynapseMessages(http).removal_of("abc") == means


async def test_an_answer_that_is_none_is_no_answer() -> None:
    async with wire_to(Script(httpx.Response(200, json={"status": 1}))) as http:
        with pytest.raises(HomeserverUnreachable):
            await SynapseMessages(http).removal_of("abc")
