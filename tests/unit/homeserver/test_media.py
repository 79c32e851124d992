"""Files by their address: bounded, and over the older endpoint where there is no newer."""

import httpx
import pytest

from adminbot.errors import HomeserverError, HomeserverUnreachable, TooLarge, UsageError
from adminbot.homeserver.media import Media
from tests.unit.homeserver.scripted import Script, wire_to

pytestmark = pytest.mark.anyio

FILE = "mxc://x.org/abc"


async def test_a_file_is_read_up_to_a_limit() -> None:
    async with wire_to(Script(httpx.Response(200, content=b"x" * 100))) as http:
        assert await Media(http).download(FILE, most=100) == b"x" * 100
    async with wire_to(Script(httpx.Response(200, content=b"x" * 101))) as http:
        with pytest.raises(TooLarge):
            await Media(http).download(FILE, most=100)


async def test_an_old_synapse_is_asked_in_the_old_way() -> None:
    unknown = httpx.Response(404, json={"errcode": "M_UNRECOGNIZED"})
    async with wire_to(Script(unknown, httpx.Response(200, content=b"x"))) as http:
        assert await Media(http).download(FILE, most=100) == b"x"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404, json={"errcode": "M_NOT_FOUND"}), HomeserverError),
        (httpx.Response(502, text="<html>"), HomeserverUnreachable),
        (httpx.Response(302, headers={"Location": "http://x"}), HomeserverUnreachable),
        (httpx.Response(204), HomeserverUnreachable),
    ],
)
async def test_what_is_no_file(answer: httpx.Response, error: type[Exception]) -> None:
    async with wire_to(Script(answer)) as http:
        with pytest.raises(error):
            await Media(http).download(FILE, most=100)


@pytest.mark.parametrize(
    "address",
    ["", "None", "http://x.org/abc", "mxc://x.org/../admin", "mxc://x.org/a?b", "mxc:///a"],
)
async def test_an_address_that_is_none_is_not_asked_for(address: str) -> None:
    async with wire_to(Script()) as http:
        with pytest.raises(UsageError):
            await Media(http).download(address, most=100)


async def test_an_upload_is_sent_as_it_is() -> None:
    script = Script(httpx.Response(200, json={"content_uri": FILE}))
    async with wire_to(script) as http:
        assert await Media(http).upload(b"\x89PNG", "image/png") == FILE
