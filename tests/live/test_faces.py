"""A bot's name and picture on a real homeserver; the picture comes encrypted, as from Element."""

from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from tests.human import Seen
from tests.world import World, call, on_server, replies_to, send_picture, trusted

pytestmark = pytest.mark.anyio


def photo() -> bytes:
    """As from a phone: large, on its side, with the maker's name."""
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "PhoneMaker"
    out = BytesIO()
    Image.new("RGB", (1200, 600), "red").save(out, "JPEG", exif=exif)
    return out.getvalue()


async def profile(world: World, name: str) -> dict[str, Any]:
    path = f"/_matrix/client/v3/profile/@{name}:example.test"
    answer = await call(world.homeserver, world.human.access_token, "GET", path)
    return dict(answer.json())


async def avatar(world: World, name: str) -> tuple[bytes, Image.Image]:
    """What everybody sees as the bot's picture."""
    address = (await profile(world, name))["avatar_url"].removeprefix("mxc://")
    path = f"/_matrix/client/v1/media/download/{address}"
    answer = await call(world.homeserver, world.human.access_token, "GET", path)
    answer.raise_for_status()
    assert answer.headers["Content-Type"] == "image/jpeg"
    return answer.content, Image.open(BytesIO(answer.content))


async def reply(world: World, line: str, event_id: str) -> Seen:
    relation = {"m.in_reply_to": {"event_id": event_id}}
    sent = await world.human.send(world.room, line, relates_to=relation)
    return await world.answer_to(sent)


async def send(world: World, data: bytes) -> str:
    return await send_picture(world.homeserver, world.human, world.room, data)


async def test_a_bot_gets_a_name(world: World) -> None:
    card = await world.card("is ready", "!newbot named")
    room = await world.human.create_room(invite=["@named:example.test"])
    path = f"/_matrix/client/v3/rooms/{room}/join"
    (await call(world.homeserver, card.token, "POST", path, {})).raise_for_status()
    assert "is called Ada L. now" in str((await world.ask("!setname named Ada L.")).body)
    assert (await profile(world, "named"))["displayname"] == "Ada L."
    assert "Ada L." in str((await world.ask("!bot named")).body)
    assert "is called" in str((await world.ask("!setname named ⚙️ Ada")).body)
    path = f"/_matrix/client/v3/rooms/{room}/state/m.room.member/@named:example.test"
    seen = await call(world.homeserver, world.human.access_token, "GET", path)
    assert seen.json()["displayname"] == "⚙️ Ada", "also in the rooms where it is"
    for bad, why in (
        ("named", "needs a display name"),
        (f"named {'x' * 101}", "1 to 100 characters"),
        ("named a\u202eb", "can be seen"),
        ("nobody-here x", "not one of my bots"),
    ):
        assert why in str((await world.ask(f"!setname {bad}")).body)
    assert (await profile(world, "named"))["displayname"] == "⚙️ Ada"


async def test_a_bot_gets_a_picture(world: World) -> None:
    await world.card("is ready", "!newbot faced")
    picture = await send(world, photo())
    assert "has that picture now" in str((await reply(world, "!setpic faced", picture)).body)
    data, seen = await avatar(world, "faced")
    assert seen.size == (256, 512)
    assert b"PhoneMaker" not in data
    assert not seen.getexif()

    before = (await profile(world, "faced"))["avatar_url"]
    assert "Which picture" in str((await world.ask("!setpic faced")).body)
    sent = await send(world, photo())
    answer = await world.human.wait_message(world.room, lambda it: replies_to(it) == sent)
    trusted(answer)
    assert "has that picture now" in str(answer.body)
    assert (await profile(world, "faced"))["avatar_url"] != before

    before = (await profile(world, "faced"))["avatar_url"]
    how = {"caption": "!setpic faced"}
    sent = await send_picture(world.homeserver, world.human, world.room, photo(), **how)
    assert "has that picture now" in str((await world.answer_to(sent)).body)
    assert (await profile(world, "faced"))["avatar_url"] != before
    puppets = "SELECT 1 FROM access_tokens WHERE puppets_user_id = '@faced:example.test'"
    assert not on_server(world.homeserver, puppets)


async def test_what_is_no_picture(world: World) -> None:
    await world.card("is ready", "!newbot blank")
    words = await world.say("hello there")
    assert "is no picture" in str((await reply(world, "!setpic blank", words)).body)
    busy = photo()[:-2] + b"\xff\xda\x00\x02" * 200
    for data in (b"<svg/>", photo()[:200], busy, b""):
        sent = await send(world, data or b"x")
        assert "no picture that I can read" in str(
            (await reply(world, "!setpic blank", sent)).body
        )
    huge = await send(world, b"x" * (10 * 2**20 + 1))
    assert "larger than 10 MiB" in str((await reply(world, "!setpic blank", huge)).body)
    gone = await send(world, photo())
    await world.human.redact(world.room, gone)
    assert "❌" in str((await reply(world, "!setpic blank", gone)).body)
    assert "avatar_url" not in await profile(world, "blank")
    assert "Traceback" not in world.bot.log
