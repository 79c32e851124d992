"""Where nothing answers at all: what is said of it."""

import pytest

from adminbot.demo.homeserver import free_port
from adminbot.errors import AdminbotError
from adminbot.homeserver.probe import find_server

pytestmark = pytest.mark.anyio


async def refusal(url: str) -> str:
    with pytest.raises(AdminbotError) as caught:
        await find_server(url)
    return caught.value.message()


async def test_what_no_connection_comes_of() -> None:
    nowhere = f"127.0.0.1:{free_port()}"
    assert f"Nothing listens at {nowhere} (connection refused)" in await refusal(
        f"http://{nowhere}"
    )
    assert "Nobody here knows a machine called no-such.invalid (DNS)" in await refusal(
        "http://no-such.invalid:8008"
    )
