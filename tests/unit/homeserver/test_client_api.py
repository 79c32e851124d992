"""The client-server API: what its answers mean where Synapse's own would not tell."""

import httpx
import pytest

from adminbot.errors import HomeserverError
from adminbot.homeserver.client_api import ClientApi
from tests.unit.homeserver.scripted import wire_to

pytestmark = pytest.mark.anyio


async def test_a_signature_that_was_not_taken_is_told() -> None:
    """The server answers 200 all the same."""

    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"failures": {"@nano:x": {"NANO1": {"status": 400}}}})

    async with wire_to(refuse) as wire:
        with pytest.raises(HomeserverError, match="did not take the device's signature"):
            await ClientApi(wire).upload_signatures({})
