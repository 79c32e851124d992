"""The client-server API: what its answers mean where Synapse's own would not tell."""

import json

import httpx
import pytest

from adminbot.errors import HomeserverError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import Invitation
from adminbot.values.ids import UserId
from tests.unit.homeserver.scripted import Script, wire_to

pytestmark = pytest.mark.anyio


async def test_a_signature_that_was_not_taken_is_told() -> None:
    """The server answers 200 all the same."""

    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"failures": {"@nano:x": {"NANO1": {"status": 400}}}})

    async with wire_to(refuse) as wire:
        with pytest.raises(HomeserverError, match="did not take the device's signature"):
            await ClientApi(wire).upload_signatures({})


async def test_to_look_at_invitations_makes_nobody_seem_online() -> None:
    """And ids that are none are passed over, names and senders that are none are empty."""
    state = [
        {"type": "m.room.name", "content": {"name": ["nonsense"]}},
        {"type": "m.room.member", "sender": "@x:x.org", "content": {"membership": "invite"}},
        "nonsense",
    ]
    rooms = {"!abcdefghijkl:x.org": {"invite_state": {"events": state}}, "no id": {}}
    script = Script(httpx.Response(200, json={"rooms": {"invite": rooms}}))
    async with wire_to(script) as wire:
        [invitation] = await ClientApi(wire).invitations()
    assert invitation == Invitation("!abcdefghijkl:x.org", "", "@x:x.org")
    assert script.requests[0].url.params["set_presence"] == "offline"


@pytest.mark.parametrize("body", [{}, {"rooms": []}, {"rooms": {"invite": []}}])
async def test_no_invitations(body: dict[str, object]) -> None:
    async with wire_to(Script(httpx.Response(200, json=body))) as wire:
        assert await ClientApi(wire).invitations() == []


async def test_an_invitation_to_a_chat_says_that_it_is_direct() -> None:
    script = Script(httpx.Response(200, json={"event_id": "$x"}))
    async with wire_to(script) as wire:
        await ClientApi(wire).invite_to_chat("!a:x.org", UserId("you", "x.org"))
    [request] = script.requests
    assert request.url.raw_path.endswith(b"/rooms/%21a%3Ax.org/state/m.room.member/%40you%3Ax.org")
    assert json.loads(request.content) == {"membership": "invite", "is_direct": True}
