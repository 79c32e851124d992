"""What the admin API says of people and sign-up tokens."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from adminbot.errors import HomeserverError
from adminbot.homeserver.synapse_people import SynapsePeople
from adminbot.homeserver.values import PersonSeen, SigningUp, SignUpToken
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests.unit.homeserver.scripted import Script, wire_to

pytestmark = pytest.mark.anyio

ANNA = UserId("anna", "x.org")
TOKEN = "m.login.registration_token"


async def test_a_page_of_people() -> None:
    body = {
        "users": [
            {"name": "@anna:x.org", "displayname": "Anna", "last_seen_ts": 1000, "admin": 1},
            {"name": "nonsense"},
            {"name": "@b:x.org", "displayname": None, "locked": True},
            7,
        ],
        "total": 40,
    }
    script = Script(httpx.Response(200, json=body))
    async with wire_to(script) as http:
        seen, total = await SynapsePeople(http).page("a&b", start=20, count=20)
    assert total == 40
    assert seen == [
        PersonSeen(ANNA, "Anna", True, False, datetime.fromtimestamp(1, UTC)),
        PersonSeen(UserId("b", "x.org"), "", False, True, None),
    ]


@pytest.mark.parametrize(
    ("entry", "left", "until"),
    [
        ({"uses_allowed": 3, "pending": 1, "completed": 1, "expiry_time": 1000}, 1, True),
        ({"uses_allowed": None, "pending": 1, "completed": 1, "expiry_time": None}, None, False),
        ({"uses_allowed": 1, "completed": 5}, 0, False),
    ],
)
async def test_a_token_in_the_list(entry: dict[str, Any], left: int | None, until: bool) -> None:
    tokens = [{"token": "abcd"} | entry, {"token": None}, {"token": "a b"}]
    script = Script(httpx.Response(200, json={"registration_tokens": tokens}))
    async with wire_to(script) as http:
        [found] = await SynapsePeople(http).tokens()
    moment = datetime.fromtimestamp(1, UTC) if until else None
    assert found == SignUpToken(Secret("abcd"), left, moment)


async def test_a_token_that_is_there_already_is_no_error() -> None:
    exists = httpx.Response(400, json={"errcode": "M_INVALID_PARAM"})
    script = Script(exists, httpx.Response(200, json={"token": "abcd"}))
    async with wire_to(script) as http:
        await SynapsePeople(http).make_token(Secret("abcd"), uses=1, until=datetime.now(UTC))


async def test_a_token_that_cannot_be_made_is_an_error() -> None:
    wrong = httpx.Response(400, json={"errcode": "M_INVALID_PARAM"})
    script = Script(wrong, httpx.Response(404, json={"errcode": "M_NOT_FOUND"}))
    async with wire_to(script) as http:
        with pytest.raises(HomeserverError):
            await SynapsePeople(http).make_token(Secret("abcd"), uses=1, until=datetime.now(UTC))


async def test_a_token_that_is_gone_can_be_taken_back() -> None:
    async with wire_to(Script(httpx.Response(404, json={"errcode": "M_NOT_FOUND"}))) as http:
        await SynapsePeople(http).drop_token(Secret("abcd"))


@pytest.mark.parametrize(
    ("status", "body", "who"),
    [
        (403, {"errcode": "M_FORBIDDEN"}, SigningUp.SHUT),
        (401, {"flows": [{"stages": [TOKEN, "m.login.dummy"]}]}, SigningUp.BY_TOKEN),
        (401, {"flows": [{"stages": ["m.login.dummy"]}]}, SigningUp.BY_ANYBODY),
        (401, {"flows": [{"stages": [TOKEN]}, {"stages": []}]}, SigningUp.BY_ANYBODY),
        (401, {"flows": []}, SigningUp.UNKNOWN),
        (429, {"errcode": "M_LIMIT_EXCEEDED"}, SigningUp.UNKNOWN),
        (502, {}, SigningUp.UNKNOWN),
        (200, {}, SigningUp.UNKNOWN),
    ],
)
async def test_who_can_sign_up(status: int, body: dict[str, Any], who: SigningUp) -> None:
    script = Script(httpx.Response(status, json=body))
    async with wire_to(script) as http:
        assert await SynapsePeople(http).signing_up() is who
    [request] = script.requests
    assert "Authorization" not in request.headers  # Synapse refuses a request with one
