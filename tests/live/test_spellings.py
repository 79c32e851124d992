"""What phones make of a command, typed by Element's own library against a real server."""

import pytest

from tests.human import Seen
from tests.world import World, on_server, replies_to, trusted

pytestmark = pytest.mark.anyio


def exists(world: World, name: str) -> bool:
    return bool(
        on_server(world.homeserver, "SELECT 1 FROM users WHERE name = ?", f"@{name}:example.test")
    )


async def answer(world: World, body: str, formatted: str | None = None) -> str:
    event_id = await world.human.send(world.room, body, formatted_body=formatted)
    return str((await world.answer_to(event_id)).body)


async def test_a_bot_is_made_however_a_phone_writes_it(world: World) -> None:
    card = await world.card("is ready", "！Newbot. dashes “My — bot” —device DASHED1 ")
    assert card.values["MATRIX_DEVICE_ID"] == "DASHED1"
    card = await world.card("is ready", "\u200f! NEWBOT\u00a0Wide\u200bName —password")
    assert card.values["MATRIX_USER_ID"] == "@widename:example.test"
    assert card.values["MATRIX_PASSWORD"]
    [row] = on_server(
        world.homeserver, "SELECT displayname FROM profiles WHERE user_id = ?", "dashes"
    )
    assert row[0] == "My — bot"


async def test_a_pill_names_the_bot_also_by_another_name(world: World) -> None:
    await world.card("is ready", "!newbot piller bot")
    link = "https://matrix.to/#/@piller:example.test"
    for shown in ("bot", "My 👾 <pal>"):
        html = shown.replace("<", "&lt;").replace(">", "&gt;")
        said = await answer(world, f"!bot {shown}", f'!bot <a href="{link}">{html}</a>')
        assert "@piller:example.test" in said
    said = await answer(world, f"!bot [bot]({link})", f'!bot <a href="{link}">bot</a>')
    assert "@piller:example.test" in said


async def test_a_slash_and_two_in_a_message_are_told(world: World) -> None:
    assert "Type: !newbot slashed" in await answer(world, "/newbot slashed")
    assert "One command a message" in await answer(world, "!newbot solo\n!newbot duo")
    assert not any(exists(world, name) for name in ("slashed", "solo", "duo"))


@pytest.mark.parametrize(
    "line",
    [
        "!newbot na\u202eno",
        "!newbot na\x07\x1b[31mno",
        "!newbot ``x`y`",
        "!newbot " + "x" * 10_000,
        "!newbot x " + "y" * 10_000,
        "!bot 🤖 🙏",
        "!ping 🙏",
        "!newbot\u2026",
    ],
    ids=lambda line: line[:14].encode("unicode_escape").decode(),
)
async def test_what_cannot_be_meant_gets_a_sentence(world: World, line: str) -> None:
    said = await answer(world, line)
    assert said.startswith("❌"), said
    assert len(said) < 500
    assert not set("\u202e\x07\x1b") & set(said)
    assert "Traceback" not in world.bot.log


async def test_talk_in_a_private_chat_is_not_answered(world: World) -> None:
    """What a keyboard left the prefix off is talk: the next command's answer comes first."""
    for line in ("newbot talk", "Newbot talk", "/me waves", "¡ping"):
        await world.say(line, room=world.dm)
    pong = await world.say("!ping", room=world.dm)
    trusted(await world.answer_to(pong, room=world.dm))

    def is_answer(seen: Seen) -> bool:
        return seen.sender == world.bot.setting("USER_ID") and replies_to(seen) is not None

    told = [seen for seen in world.human.messages(world.dm) if is_answer(seen)]
    assert [replies_to(seen) for seen in told] == [pong]
    assert not exists(world, "talk")
