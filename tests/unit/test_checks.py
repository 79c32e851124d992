"""The checks before the bot can work: what each finds, and that it says what mends it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from adminbot.checks import check_admins, check_server_admin, check_session
from adminbot.errors import HomeserverUnreachable, RateLimited, SetupError, WrongServer
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import Session
from adminbot.store import Store, open_store
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.unit.config.good import settings
from tests.unit.homeserver.scripted import Script, refusal, wire_to

pytestmark = pytest.mark.anyio

BOT = UserId("adminbot", "example.org")
SESSION = Session(BOT, "ADMINBOT1", Secret("syt_token"))
OURS = {"user_id": str(BOT), "device_id": "ADMINBOT1"}


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


async def session_found(*answers: httpx.Response | int, session: Session = SESSION) -> str:
    """What is wrong with the session; empty: nothing."""
    async with wire_to(Script(*answers)) as http:
        try:
            await check_session(http, "http://test", session)
        except WrongServer:
            raise
        except SetupError as exc:
            return exc.message()
    return ""


async def test_a_session_that_the_homeserver_knows_is_right() -> None:
    assert await session_found(httpx.Response(200, json=OURS)) == ""


@pytest.mark.parametrize(
    "other", [{"user_id": "@else:example.org"}, {"device_id": "OTHER"}, {"device_id": None}]
)
async def test_a_token_of_another_user_or_device_is_told(other: dict[str, str | None]) -> None:
    said = await session_found(httpx.Response(200, json=OURS | other))

    assert "belongs to another user id or device id" in said
    assert "three lines" in said


async def test_a_token_that_was_ended_and_one_that_is_mistyped_are_told_apart() -> None:
    dead = httpx.Response(401, content=refusal("M_UNKNOWN_TOKEN"))
    mistyped = Session(BOT, "ADMINBOT1", Secret("syt_YWRtaW5ib3Q_abcdefghij_0Wrong"))

    assert "mistyped or cut off" in await session_found(dead)
    assert "check sum" in await session_found(dead, session=mistyped)
    whole = Session(BOT, "ADMINBOT1", Secret("syt_YWRtaW5ib3Q_abcdefghij_3rte9x"))
    said = await session_found(dead, session=whole)
    assert "that session was ended" in said
    assert "adminbot login" in said


async def test_no_usable_answer_is_looked_into_and_may_pass() -> None:
    with pytest.raises(WrongServer) as caught:
        await session_found(502)
    assert caught.value.may_pass


async def test_where_the_homeserver_itself_is_well_it_is_asked_again() -> None:
    with pytest.raises(HomeserverUnreachable):
        await session_found(502, httpx.Response(200, json={"versions": []}))


async def test_an_own_account_that_is_no_server_admin_is_told_with_its_remedy() -> None:
    async with wire_to(Script(httpx.Response(403, content=refusal("M_FORBIDDEN")))) as http:
        with pytest.raises(SetupError, match="no server admin any more") as caught:
            await check_server_admin(SynapseAdmin(http).find_account, BOT)
    assert "The admin flag" in caught.value.hint


async def test_an_admin_who_is_there_can_command_and_one_who_is_not_stops_the_start(
    store: Store,
) -> None:
    there = httpx.Response(200, json={"name": "@you:example.org"})
    async with wire_to(Script(there)) as http:
        assert await check_admins(SynapseAdmin(http).find_account, store, settings()) == ()
    async with wire_to(Script(httpx.Response(404, content=refusal("M_NOT_FOUND")))) as http:
        with pytest.raises(SetupError, match="Nobody in ADMINBOT_ADMINS can command me"):
            await check_admins(SynapseAdmin(http).find_account, store, settings())


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (httpx.Response(502), HomeserverUnreachable),
        (httpx.Response(429), RateLimited),
        (httpx.Response(403, content=refusal("M_FORBIDDEN")), SetupError),
    ],
)
async def test_a_server_that_is_down_locks_nobody_out_and_one_that_refuses_is_told(
    answer: httpx.Response, kind: type[Exception], store: Store
) -> None:
    async with wire_to(Script(answer)) as http:
        with pytest.raises(kind) as caught:
            await check_admins(SynapseAdmin(http).find_account, store, settings())
    assert type(caught.value) is kind
