"""Synapse's admin API: what is sent for a registration, and what its refusals mean."""

import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from adminbot.errors import (
    AccountGone,
    HomeserverError,
    HomeserverUnreachable,
    NameTaken,
    NotServerAdmin,
    SlashUndone,
)
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import AccountState, Session
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret
from tests.unit.homeserver.scripted import Script, refusal, wire_to

pytestmark = pytest.mark.anyio

NONCE = httpx.Response(200, json={"nonce": "thenonce"})
LOGIN = {"user_id": "@nano:x.org", "device_id": "NANO1", "access_token": "syt_new"}
NANO = UserId("nano", "x.org")


async def register(script: Script, *, admin: bool = False) -> Session:
    async with wire_to(script, patience_s=60) as http:
        return await SynapseAdmin(http).register(
            Secret("shared"),
            "nano",
            password=Secret("pass"),
            display_name="Nano",
            device_id="NANO1",
            admin=admin,
        )


@pytest.mark.parametrize(
    ("admin", "signed"),
    [
        (False, "thenonce\0nano\0pass\0notadmin\0bot"),
        (True, "thenonce\0nano\0pass\0admin"),
    ],
)
async def test_a_registration_signs_what_the_account_is_to_be(admin: bool, signed: str) -> None:
    """Source: Synapse docs/admin_api/register_api.md."""
    script = Script(NONCE, httpx.Response(200, json=LOGIN))

    assert (await register(script, admin=admin)).token == Secret("syt_new")
    sent = json.loads(script.requests[1].content)
    assert sent.pop("mac") == hmac.new(b"shared", signed.encode(), hashlib.sha1).hexdigest()
    user_type = {} if admin else {"user_type": "bot"}
    assert sent == user_type | {
        "nonce": "thenonce",
        "username": "nano",
        "password": "pass",
        "admin": admin,
        "displayname": "Nano",
        "device_id": "NANO1",
        "initial_device_display_name": "Nano",
    }


@pytest.mark.parametrize(
    ("status", "errcode", "kind", "said"),
    [
        (400, "M_USER_IN_USE", NameTaken, "`nano` already exists"),
        (403, "M_UNKNOWN", HomeserverError, "does not accept the registration shared secret"),
        (403, "M_FORBIDDEN", HomeserverError, "does not accept the registration shared secret"),
        (400, "M_UNKNOWN", HomeserverError, "refused (400 M_UNKNOWN)"),
        (502, "M_UNKNOWN", HomeserverUnreachable, "HTTP 502"),
    ],
)
async def test_a_registration_that_is_refused_is_sent_once_and_says_why(
    status: int, errcode: str, kind: type[Exception], said: str
) -> None:
    script = Script(NONCE, httpx.Response(status, content=refusal(errcode)))
    with pytest.raises(kind) as caught:
        await register(script)

    assert type(caught.value) is kind
    assert said in str(caught.value)
    assert len(script.requests) == 2


async def test_who_is_no_server_admin_and_what_is_not_there_are_told_apart() -> None:
    async with wire_to(Script(httpx.Response(403, content=refusal("M_FORBIDDEN")))) as http:
        with pytest.raises(NotServerAdmin):
            await SynapseAdmin(http).find_account(NANO)
    async with wire_to(Script(httpx.Response(404, content=refusal("M_NOT_FOUND")))) as http:
        assert await SynapseAdmin(http).find_account(NANO) is None
        with pytest.raises(AccountGone):
            await SynapseAdmin(http).devices(NANO)


@pytest.mark.parametrize("admin", [True, 1, "true", None])
async def test_only_what_is_plainly_an_admin_is_one(admin: object) -> None:
    answer = httpx.Response(200, json={"name": str(NANO), "admin": admin})
    async with wire_to(Script(answer)) as http:
        found = await SynapseAdmin(http).find_account(NANO)

    assert found
    assert found.is_admin is (admin is True)


async def test_what_is_known_of_an_account_is_taken_in_and_nothing_else() -> None:
    known = {
        "name": str(NANO),
        "locked": True,
        "creation_ts": 1_700_000_000,
        "user_type": "bot",
        "appservice_id": "bridge",
        "displayname": "Nano",
        "last_seen_ts": 1700000001000,
    }
    odd = {
        "name": str(NANO),
        "locked": "yes",
        "creation_ts": "1700000000",
        "user_type": 1,
        "appservice_id": None,
        "displayname": ["x"],
        "last_seen_ts": None,
    }
    async with wire_to(Script(httpx.Response(200, json=known))) as http:
        found = await SynapseAdmin(http).find_account(NANO)
    made_at = datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    seen = made_at + timedelta(seconds=1)
    assert found == AccountState(NANO, False, False, True, made_at, "bot", "bridge", "Nano", seen)
    async with wire_to(Script(httpx.Response(200, json=odd))) as http:
        assert await SynapseAdmin(http).find_account(NANO) == AccountState(NANO, False, False)


@pytest.mark.parametrize(
    ("name", "errcode", "is_reserved"),
    [
        ("nano", "M_USER_IN_USE", False),
        ("nano", "M_EXCLUSIVE", True),
        ("Nano", "M_INVALID_USERNAME", False),
        ("_bridge_nano", "M_INVALID_USERNAME", True),
        ("_anybody", "M_USER_IN_USE", False),
    ],
)
async def test_a_name_that_only_a_bridge_may_have_is_known(
    name: str, errcode: str, is_reserved: bool
) -> None:
    answer = httpx.Response(400, content=refusal(errcode))
    async with wire_to(Script(answer)) as http:
        assert await SynapseAdmin(http).is_reserved(UserId(name, "x.org")) is is_reserved


@pytest.mark.parametrize("erase", [True, False])
async def test_messages_are_hidden_only_where_that_is_asked_for(erase: bool) -> None:
    script = Script(httpx.Response(200, json={"id_server_unbind_result": "success"}))
    async with wire_to(script) as http:
        await SynapseAdmin(http).deactivate(NANO, erase=erase)
    assert json.loads(script.requests[0].content) == {"erase": erase}


async def test_names_are_looked_up_by_a_piece() -> None:
    users = [{"name": "@nano:x.org"}, {"name": 1}, "x", {"name": "@nono:x.org"}]
    script = Script(httpx.Response(200, json={"users": users, "total": 4}))
    async with wire_to(script) as http:
        assert await SynapseAdmin(http).people.names_with("n&") == ["nano", "nono"]
    assert script.requests[0].url.params["name"] == "n&"


async def test_a_name_with_a_slash_is_not_free_behind_a_proxy_that_undoes_it() -> None:
    """The account could be made, and then neither rotated nor signed out."""
    script = Script(httpx.Response(404, content=refusal("M_UNRECOGNIZED")))
    async with wire_to(script) as http:
        with pytest.raises(SlashUndone):
            await SynapseAdmin(http).check_name_free(UserId("e/f", "x.org"))
    assert [request.url.raw_path for request in script.requests] == [
        b"/_synapse/admin/v2/users/%40e%2Ff%3Ax.org"
    ]


async def test_what_is_missing_for_another_reason_is_not_laid_to_a_proxy() -> None:
    script = Script(httpx.Response(404, content=refusal("M_UNRECOGNIZED")))
    async with wire_to(script) as http:
        with pytest.raises(HomeserverError) as caught:
            await SynapseAdmin(http).find_account(NANO)
    assert type(caught.value) is HomeserverError
