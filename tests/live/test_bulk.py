"""Many bots by one command: one card, one message of progress, over a kill -9, with brakes."""

import asyncio
import signal

import pytest

from tests.human import Seen
from tests.world import Card, World, on_server, replies_to, trusted, whoami

pytestmark = pytest.mark.anyio


def sections(card: Card) -> dict[str, dict[str, str]]:
    """The sections of a card by user id, each as names and values."""
    found = {}
    for section in card.text.split("\n\n"):
        head, *lines = section.split("\n")
        found[head.removeprefix("# ")] = dict(line.split("=", 1) for line in lines)
    return found


async def many(world: World, event_id: str, word: str, *, after: int) -> tuple[str, Card]:
    """The answer to a long command, past its message of progress, and the card."""
    answer = await world.human.wait_message(
        world.room,
        lambda seen: replies_to(seen) == event_id and word in (seen.body or ""),
        timeout=60,
    )
    trusted(answer)
    return str(answer.body), await world.next_card(after=after, begins="# @", within_s=60)


async def there_is(world: World, user_id: str) -> None:
    """Once the account is on the server."""
    async with asyncio.timeout(20):
        while not on_server(world.homeserver, "SELECT 1 FROM users WHERE name = ?", user_id):  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_bots_are_made_rotated_and_signed_out_together(world: World) -> None:
    before = len(world.human.messages(world.dm))
    own = world.bot.directory.name
    made = await world.say(f"!newbots Ma mb mc MA ) {own}")
    text, card = await many(world, made, "bots are ready", after=before)
    assert "✅ 3 of 4 bots are ready." in text
    assert "“Ma” became ma." in text
    assert "“)” cannot be a name" in text
    assert f"❌ 1 failed:\n• {own}:" in text
    first = sections(card)
    assert list(first) == [f"@{name}:example.test" for name in ("ma", "mb", "mc")]
    for user_id, values in first.items():
        status, who = await whoami(world.homeserver, values["MATRIX_ACCESS_TOKEN"])
        assert (status, who["user_id"], who["device_id"]) == (
            200,
            user_id,
            values["MATRIX_DEVICE_ID"],
        )

    assert "New tokens for" in str((await world.ask("!rotate --all")).body)
    before = len(world.human.messages(world.dm))
    text, card = await many(world, await world.say("all"), "New tokens for", after=before)
    second = sections(card)
    for user_id, values in first.items():
        assert (await whoami(world.homeserver, values["MATRIX_ACCESS_TOKEN"]))[0] == 401
        assert second[user_id]["MATRIX_DEVICE_ID"] == values["MATRIX_DEVICE_ID"]
        token = second[user_id]["MATRIX_ACCESS_TOKEN"]
        assert (await whoami(world.homeserver, token))[0] == 200

    asked = await world.ask("!revoke --all")
    assert "out everywhere?" in str(asked.body)
    await world.human.react(world.room, asked.event_id, "✅")
    done = await world.human.wait_message(
        world.room, lambda seen: "signed out everywhere" in (seen.body or ""), timeout=60
    )
    trusted(done)
    for values in second.values():
        assert (await whoami(world.homeserver, values["MATRIX_ACCESS_TOKEN"]))[0] == 401

    await world.human.react(world.dm, card.block.event_id, "🗑️")
    await world.human.wait_for(lambda h: card.block.redacted or None)


async def test_a_kill_in_the_middle_loses_no_login(world: World) -> None:
    """The second run makes the rest; one card has all; nobody has two tokens."""
    names = [f"kill-{number}" for number in range(8)]
    before = len(world.human.messages(world.dm))
    asked = await world.say("!newbots " + " ".join(names))
    await there_is(world, "@kill-3:example.test")
    await world.bot.stop(signal.SIGKILL)
    await world.bot.start()
    text, card = await many(world, asked, "8 bots are ready", after=before)
    assert "I was cut off" in text
    found = sections(card)
    assert len(found) == 8
    for user_id, values in found.items():
        rows = on_server(
            world.homeserver, "SELECT token FROM access_tokens WHERE user_id = ?", user_id
        )
        assert [row["token"] for row in rows] == [values["MATRIX_ACCESS_TOKEN"]]


async def test_a_cancel_ends_a_long_command(world: World) -> None:
    names = " ".join(f"stop-{number}" for number in range(40))
    before = len(world.human.messages(world.dm))
    asked = await world.say(f"!newbots {names}")
    await there_is(world, "@stop-2:example.test")
    assert "begin no further one" in str((await world.ask("!cancel")).body)
    text, card = await many(world, asked, "of 40 bots are ready", after=before)
    assert "you stopped me." in text
    made = on_server(world.homeserver, "SELECT name FROM users WHERE name LIKE '@stop-%'")
    assert {row["name"] for row in made} == set(sections(card))


async def test_a_long_command_has_one_message_of_progress(world: World) -> None:
    names = " ".join(f"long-{number}" for number in range(50))
    before = len(world.human.messages(world.dm))
    asked = await world.say(f"!newbots {names}")
    _, card = await many(world, asked, "✅ 50 bots are ready", after=before)
    assert len(sections(card)) == 50

    def totals() -> list[Seen]:
        bodies = [(m, m.body or "") for m in world.human.messages(world.room)]
        return [m for m, body in bodies if " of 50" in body and not body.startswith("* ")]

    assert len(totals()) <= 1
    if totals():
        await world.human.wait_for(
            lambda h: "🏁 50 of 50" in (totals()[0].edited_body or "") or None, what="the end"
        )
