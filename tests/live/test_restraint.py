"""Least harm: the emergency stop, the bot's own account, old commands."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from tests.world import World, a_world, adminbot, trusted, whoami

pytestmark = pytest.mark.anyio

YOU, OTHER = UserId("you", "example.test"), UserId("other", "example.test")


async def test_a_lockdown_refuses_every_change_until_the_shell_lifts_it(world: World) -> None:
    env = ("--env-file", world.bot.env_file)
    card = await world.card("is ready", "!newbot least-before")
    assert (await adminbot("unlock", *env))[1] == "Nothing is locked.\n"

    assert "answer within 2 minutes: lockdown" in str((await world.ask("!lockdown")).body)
    assert "Locked down" not in str((await world.ask("!ping")).body)
    assert "Locked down" in str((await world.ask("lockdown")).body)

    for line in (
        "!newbot stolen",
        "!rotate least-before",
        "!revoke least-before",
        "!deletebot least-before",
    ):
        answer = str((await world.ask(line)).body)
        assert "I am locked down and change nothing" in answer, line
        assert "adminbot unlock" in answer, line
    assert "pong" in str((await world.ask("!ping")).body)
    assert "Bots (1)" in str((await world.ask("!bots")).body)
    await world.bot.stop()
    await world.bot.start()
    assert "I am locked down" in str((await world.ask("!rotate least-before")).body)
    assert (await whoami(world.homeserver, card.token))[0] == 200

    code, out, err = await adminbot("unlock", *env)
    assert (code, f"{world.human.user_id} had locked it" in out) == (0, True), err
    await world.card("New token", "!rotate least-before")


async def test_a_yes_that_is_still_owed_does_not_get_past_a_lockdown(world: World) -> None:
    """And a lockdown in the private chat is said in the admin room."""
    card = await world.card("is ready", "!newbot least-owed")
    await world.ask("!revoke least-owed")
    await world.ask("!lockdown", room=world.dm)
    await world.ask("lockdown", room=world.dm)
    told = await world.human.wait_message(world.room, "has locked me down")
    trusted(told)
    assert world.human.user_id in str(told.body)
    assert "I am locked down" in str((await world.ask("least-owed")).body)
    assert (await whoami(world.homeserver, card.token))[0] == 200
    assert (await adminbot("unlock", "--env-file", world.bot.env_file))[0] == 0


async def test_a_yes_that_comes_too_late_is_told_so(world: World) -> None:
    card = await world.card("is ready", "!newbot least-late")
    await world.ask("!revoke least-late")
    await world.ask("!ping")
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db, db:
        passed = (now() - timedelta(seconds=1)).isoformat()
        db.execute("UPDATE question SET expires_at = ?", (passed,))
    assert "came too late" in str((await world.ask("least-late")).body)
    assert (await whoami(world.homeserver, card.token))[0] == 200


async def test_a_tap_deletes_nothing_even_of_a_bot_called_yes(world: World) -> None:
    """A reaction comes in clear, so anybody on the server's side can forge it."""
    card = await world.card("is ready", "!newbot yes")
    question = await world.ask("!deletebot yes")
    assert "answer within 2 minutes: @yes:example.test" in str(question.body)
    await world.human.react(world.room, question.event_id, "✅")
    await world.ask("!ping")
    assert (await whoami(world.homeserver, card.token))[0] == 200
    assert "is deleted" in str((await world.ask("@yes:example.test")).body)


async def test_its_own_account_is_no_bot(world: World) -> None:
    own = world.bot.setting("USER_ID")
    for line in (f"!rotate {own}", f"!revoke {own}", f"!deletebot {own}", f"!trust {own}"):
        answer = str((await world.ask(line)).body)
        assert "is my own account, so I leave it alone" in answer, line
        assert "--me-too" in answer, line
    await world.card("is ready", "!newbot least-honest")
    for line in ("!rotate least-honest --me-too", "!deletebot least-honest --me-too"):
        assert "goes with my own name" in str((await world.ask(line)).body), line
    assert (await whoami(world.homeserver, world.bot.setting("ACCESS_TOKEN")))[0] == 200


async def test_it_renews_its_own_token_when_told_so_twice(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Its device and keys stay; the token in the env file is dead, and not missed."""
    async with a_world(homeserver, root, directory) as world:
        before = world.bot.setting("ACCESS_TOKEN")
        answer = await world.ask(f"!rotate {directory.name} --me-too")
        trusted(answer)
        assert "My own token is new" in str(answer.body)
        assert await whoami(homeserver, before) == (401, (await whoami(homeserver, before))[1])
        await world.card("is ready", f"!newbot {directory.name}-x")
        await world.bot.stop()
        await world.bot.start()
        trusted(await world.ask("!ping"))
        await world.ask(f"!rotate {directory.name} --me-too")
        trusted(await world.ask("!ping"))


async def test_it_ends_itself_only_by_its_typed_name(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        question = await world.ask(f"!deletebot {directory.name} --me-too")
        assert f"answer within 2 minutes: {directory.name}" in str(question.body)
        await world.human.react(world.room, question.event_id, "✅")
        trusted(await world.ask("!ping"))
        await world.say(directory.name)
        assert world.bot.process
        assert await asyncio.wait_for(world.bot.process.wait(), 20) == 1
        assert "ended my own session" in world.bot.log
        world.bot.process = None


async def test_an_old_command_that_changes_something_is_not_run(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory, MAX_AGE="6s") as world:
        await world.bot.stop()
        old = await world.say(f"!newbot {directory.name}-old")
        harmless = await world.say("!ping")
        await asyncio.sleep(7.1)  # the homeserver names whole seconds
        fresh = await world.say(f"!newbot {directory.name}-new")
        await world.bot.start()
        told = str((await world.answer_to(old)).body)
        assert "sent while I was away" in told
        assert "Send it again" in told
        assert "pong" in str((await world.answer_to(harmless)).body)
        assert "is ready" in str((await world.answer_to(fresh)).body)
        assert "Bots (1)" in str((await world.ask("!bots")).body)
