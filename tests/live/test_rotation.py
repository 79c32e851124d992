"""A program lives on one card, is rotated under way, and goes on with its own store."""

import pytest

from tests.world import Card, World, whoami

pytestmark = pytest.mark.anyio


async def test_a_fresh_device_can_be_asked_for(world: World) -> None:
    first = await world.card("is ready", "!newbot fresh")
    second = await world.card("New token", "!rotate fresh --new-device")

    assert second.values["MATRIX_DEVICE_ID"] != first.values["MATRIX_DEVICE_ID"]
    assert (await whoami(world.homeserver, first.token))[0] == 401
    assert (await whoami(world.homeserver, second.token))[1]["device_id"] == second.values[
        "MATRIX_DEVICE_ID"
    ]


async def test_every_older_token_dies(world: World) -> None:
    """Also one that was opened beside the card's, on another device."""
    card = await world.card("is ready", "!newbot shared --password")
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "shared"},
        "password": card.values["MATRIX_PASSWORD"],
    }
    stolen = await world.human.raw("POST", "/_matrix/client/v3/login", login)
    renewed = await world.card("New token", "!rotate shared")

    assert (await whoami(world.homeserver, stolen["access_token"]))[0] == 401
    assert (await whoami(world.homeserver, card.token))[0] == 401
    assert (await whoami(world.homeserver, renewed.token))[0] == 200
    await world.human.wait_for(lambda h: card.block.redacted or None)
    assert not renewed.block.redacted
    await gone(world, card, "and is dead. The newer one is below.")
    assert "why=its time is up" not in world.bot.log
    assert "why=replaced" in world.bot.log
    await world.ask("!revoke shared")
    await world.ask("shared")
    await gone(world, renewed, "is dead: the bot is signed out.")
    assert renewed.values["MATRIX_PASSWORD"] != card.values["MATRIX_PASSWORD"]


async def gone(world: World, card: Card, text: str) -> None:
    """What the first message of a card says in the end; a new login is not offered twice."""
    await world.human.wait_for(lambda h: text in (card.intro.edited_body or "") or None, what=text)
    assert "Lost it?" not in str(card.intro.edited_body)
