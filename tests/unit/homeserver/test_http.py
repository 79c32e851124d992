"""Requests: patience, and the token's way.

The server is an httpx.MockTransport only where a real one cannot be made to misbehave.
"""

import asyncio
import traceback
from datetime import timedelta
from typing import Any

import httpx
import pytest

from adminbot.errors import (
    AdminbotError,
    HomeserverError,
    HomeserverUnreachable,
)
from adminbot.homeserver.http import open_http
from adminbot.values.secret import Secret
from tests.counting import counting
from tests.unit.homeserver.scripted import PAGE, Script, refusal, wire_to

pytestmark = pytest.mark.anyio

NO_ANSWER = [
    *(httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadTimeout, httpx.ReadError),
    *(httpx.RemoteProtocolError, httpx.PoolTimeout, httpx.DecodingError, httpx.WriteError),
]


@pytest.mark.parametrize("failure", NO_ANSWER)
async def test_a_failure_of_the_network_is_an_unreachable_homeserver(
    failure: type[httpx.HTTPError],
) -> None:
    """And what httpx says of it, the URL and the headers, stays out of the chain."""
    async with wire_to(Script(failure)) as wire:
        with pytest.raises(HomeserverUnreachable) as caught:
            await wire.ask("GET", "/x")

    assert failure.__name__ in str(caught.value)
    text = "".join(traceback.format_exception(caught.value))
    assert "syt_secret" not in text
    assert "http://test" not in text


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, 502, 200])
async def test_a_request_that_may_be_repeated_is(failure: Any) -> None:
    page = httpx.Response(200, content=PAGE) if failure == 200 else failure
    script = Script(page, httpx.Response(200, content='{"a": 1}'))
    async with wire_to(script, patience_s=5) as wire:
        assert await wire.ask("PUT", "/x", {"b": 2}) == (200, {"a": 1})

    assert len(script.requests) == 2
    assert script.requests[0].content == script.requests[1].content == b'{"b":2}'


@pytest.mark.parametrize("failure", [httpx.ReadTimeout, 502])
async def test_with_once_it_is_sent_once(failure: Any) -> None:
    script = Script(failure, 200)
    async with wire_to(script, patience_s=60) as wire:
        with pytest.raises(HomeserverUnreachable):
            await wire.ask("POST", "/x", {}, once=True)

    assert len(script.requests) == 1


async def test_patience_ends() -> None:
    script = Script(httpx.ConnectError)
    async with asyncio.timeout(5), wire_to(script, patience_s=0.5) as wire:
        with pytest.raises(HomeserverUnreachable):
            await wire.ask("GET", "/x")

    assert len(script.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(429, content='{"retry_after_ms": 60000}'),
        httpx.Response(401, content=refusal("M_UNKNOWN_TOKEN")),
        httpx.Response(403, content=refusal()),
    ],
)
async def test_a_plain_no_is_not_asked_again(answer: httpx.Response) -> None:
    script = Script(answer)
    async with wire_to(script, patience_s=60) as wire:
        with pytest.raises(HomeserverError):
            await wire.ask("GET", "/x")

    assert len(script.requests) == 1


async def test_the_token_travels_in_the_header_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    script = Script(502, 200)
    async with wire_to(script, patience_s=5) as wire:
        await wire.ask("POST", "/x?y=1", {"a": 1})
        await wire.acting_with(Secret("syt_other")).ask("GET", "/y")
        wire.token = None
        await wire.ask("GET", "/z")
        assert "syt_" not in repr(wire)

    tokens = [request.headers.get("Authorization") for request in script.requests]
    assert tokens == ["Bearer syt_secret", "Bearer syt_secret", "Bearer syt_other", None]
    for request in script.requests:
        assert "syt_" not in str(request.url)
        assert b"syt_" not in request.content
    assert "syt_" not in caplog.text


async def test_a_token_that_fits_no_header_is_our_own_error() -> None:
    async with open_http("http://127.0.0.1:9", Secret("syt_…"), patience=timedelta()) as wire:
        with pytest.raises(AdminbotError):
            await wire.ask("GET", "/x")


async def test_a_body_that_is_no_unicode_is_our_own_error() -> None:
    """A display name can hold half a surrogate pair: JSON may, UTF-8 may not."""
    async with wire_to(Script(200)) as wire:
        with pytest.raises(AdminbotError):
            await wire.ask("PUT", "/x", {"displayname": "\ud83e"})


async def test_no_proxy_of_the_environment_is_given_the_token(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        await writer.drain()
        writer.close()

    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        async with open_http(f"http://127.0.0.1:{port}", Secret("syt_secret")) as wire:
            assert await wire.ask("GET", "/x", once=True) == (200, {})


async def test_each_request_is_counted_also_without_an_answer() -> None:
    users = "/_synapse/admin/v2/users/%40sync%2Fx%3Aexample.org"
    with counting() as counted:
        async with wire_to(Script(httpx.ReadTimeout, 502, 200), patience_s=5) as wire:
            await wire.ask("GET", users)
        async with wire_to(Script(httpx.Response(429, content=PAGE))) as wire:
            await wire.look("/_matrix/client/versions")
            with pytest.raises(HomeserverError):
                await wire.download("/_matrix/client/v1/media/download/x/y", most=9)
    requests = "adminbot_homeserver_requests_total"
    assert counted.risen() == {
        f"{requests}{{endpoint=admin_users,status=none}}": 1,
        f"{requests}{{endpoint=admin_users,status=5xx}}": 1,
        f"{requests}{{endpoint=admin_users,status=2xx}}": 1,
        f"{requests}{{endpoint=versions,status=429}}": 1,
        f"{requests}{{endpoint=media,status=429}}": 1,
    }
