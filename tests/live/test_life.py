"""What may happen to it: killed, stopped, started twice, robbed of its store, kept waiting."""

import asyncio
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from adminbot.demo.homeserver import Homeserver, Person, running
from tests.human import Human
from tests.world import (
    MANY_LOGINS,
    Bot,
    World,
    a_human,
    a_world,
    join_all,
    replies_to,
    send_without_key,
    trusted,
    whoami,
)

pytestmark = pytest.mark.anyio


async def test_commands_sent_while_it_was_down_are_each_answered_once(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """25 of them, more than one sync brings, and some of them acts."""
    async with a_world(homeserver, root, directory) as world:
        await world.bot.stop()
        sent = [await world.say(f"!newbot {directory.name}-{n}") for n in range(5)]
        sent += [await world.say("!ping") for _ in range(115)]
        await world.bot.start()
        for event_id in sent:
            await world.answer_to(event_id, within_s=60)
        answers = [replies_to(m) for m in world.human.messages(world.room)]
        assert [answers.count(event_id) for event_id in sent] == [1] * len(sent)
        assert "Bots (5)" in str((await world.ask("!bots")).body)

        await world.bot.stop(signal.SIGKILL)
        await world.bot.start()
        await world.ask("!ping")
        answers = [replies_to(m) for m in world.human.messages(world.room)]
        assert [answers.count(event_id) for event_id in sent] == [1] * len(sent)


@pytest.mark.parametrize("delay_ms", [0, 60, 110, 160, 210, 260, 320, 400, 500])
async def test_killed_in_the_middle_of_newbot_it_finishes(world: World, delay_ms: int) -> None:
    """Whatever was true when it died, one bot, one answer and one working card come of it."""
    name = f"killed{delay_ms}"
    before = len(world.human.messages(world.dm))
    event_id = await world.say(f"!newbot {name}")
    await asyncio.sleep(delay_ms / 1000)
    await world.bot.stop(signal.SIGKILL)
    await world.bot.start()
    answer = await world.answer_to(event_id)

    assert f"@{name}:example.test" in str(answer.body)
    card = await world.next_card(after=before)
    status, body = await whoami(world.homeserver, card.token)
    assert (status, body.get("device_id")) == (200, card.values["MATRIX_DEVICE_ID"])
    await world.ask("!ping")
    blocks = [
        m for m in world.human.messages(world.dm)[before:] if (m.body or "").startswith("MATRIX_")
    ]
    assert len(blocks) == 1
    answers = [m for m in world.human.messages(world.room) if replies_to(m) == event_id]
    assert len(answers) == 1


@pytest.mark.parametrize("delay_ms", [0, 80, 130, 180, 230, 300, 400])
async def test_killed_in_the_middle_of_rotate_it_finishes(world: World, delay_ms: int) -> None:
    name = f"rot{delay_ms}"
    first = await world.card("is ready", f"!newbot {name}")
    before = len(world.human.messages(world.dm))
    event_id = await world.say(f"!rotate {name}")
    await asyncio.sleep(delay_ms / 1000)
    await world.bot.stop(signal.SIGKILL)
    await world.bot.start()
    await world.answer_to(event_id)
    card = await world.next_card(after=before)

    assert (await whoami(world.homeserver, card.token))[0] == 200
    assert (await whoami(world.homeserver, first.token))[0] == 401
    assert card.values["MATRIX_DEVICE_ID"] == first.values["MATRIX_DEVICE_ID"]


async def test_a_question_outlives_a_restart(world: World) -> None:
    await world.card("is ready", "!newbot asked")
    await world.ask("!deletebot asked")
    await world.bot.stop(signal.SIGKILL)
    await world.bot.start()
    assert "is deleted" in str((await world.ask("asked")).body)


async def test_only_the_person_who_was_asked_can_confirm(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    other = homeserver.register(f"other-{directory.name}")
    async with a_world(homeserver, root, directory) as world, a_human(homeserver, other) as second:
        await world.bot.stop()
        text = world.bot.env_file.read_text()
        admins = world.bot.setting("ADMINS")
        world.bot.env_file.write_text(text.replace(admins, f"{admins},{other.user_id}"))
        await world.bot.start()
        await second.wait_for(lambda h: len(h.invites()) == 2 or None)
        for room in list(second.invites()):
            await second.join(room)
        card = await world.card("is ready", f"!newbot {directory.name}-mine")
        question = await world.ask(f"!revoke {directory.name}-mine")
        await second.react(world.room, question.event_id, "✅")
        await second.send(world.room, f"{directory.name}-mine")
        event_id = await second.send(world.room, "!ping")
        await second.wait_message(world.room, lambda m: replies_to(m) == event_id)
        assert (await whoami(homeserver, card.token))[0] == 200
        await world.ask(f"{directory.name}-mine")
        assert (await whoami(homeserver, card.token))[0] == 401


async def test_cards_vanish_in_time_also_across_a_restart(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory, CARD_TTL="3s") as world:
        card = await world.card("is ready", f"!newbot {directory.name}-a")
        await world.human.wait_for(lambda h: card.block.redacted or None, timeout=10)
        await world.human.wait_for(
            lambda h: "is removed" in (card.intro.edited_body or "") or None
        )
        second = await world.card("is ready", f"!newbot {directory.name}-b")
        await world.bot.stop(signal.SIGKILL)
        await asyncio.sleep(3)
        assert not second.block.redacted
        await world.bot.start()
        await world.human.wait_for(lambda h: second.block.redacted or None, timeout=10)


async def test_sigterm_ends_it_quickly_and_a_second_one_is_refused(world: World) -> None:
    second = Bot(world.homeserver, world.bot.directory)
    second.log_file.rename(second.directory / "log.kept")
    await second.start(ready=False)
    assert second.process
    assert await asyncio.wait_for(second.process.wait(), 10) == 1
    assert second.log.count("\n") == 1
    assert "Another adminbot already runs" in second.log
    (second.directory / "log.kept").rename(second.log_file)

    began = time.monotonic()
    assert await world.bot.stop() == 0
    assert time.monotonic() - began < 5
    await world.bot.start()


async def test_a_lost_crypto_store_costs_a_device_and_nothing_else(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """It comes back trusted under the same identity, also when the cure itself is cut off."""
    async with a_world(homeserver, root, directory) as world:
        bot_id = f"@{directory.name}:example.test"
        await world.ask("!ping")
        before = await keys(world, bot_id)
        for cut_ms in (150, 350):
            await world.bot.stop()
            shutil.rmtree(world.bot.data_dir / "crypto")
            await world.bot.start(ready=False)
            await asyncio.sleep(cut_ms / 1000)
            await world.bot.stop(signal.SIGKILL)
            await world.bot.start()
            answer = await world.ask("!ping")
            trusted(answer)
        after = await keys(world, bot_id)
        assert after["master_keys"] == before["master_keys"]
        [device] = after["device_keys"][bot_id]
        assert device != next(iter(before["device_keys"][bot_id]))
        await world.card("is ready", f"!newbot {directory.name}-x")


async def keys(world: World, user_id: str) -> dict[str, dict[str, Any]]:
    found = await world.human.raw(
        "POST", "/_matrix/client/v3/keys/query", {"device_keys": {user_id: []}}
    )
    assert isinstance(found, dict)
    return found


async def test_it_waits_for_a_homeserver_that_is_down_or_restarts(
    synapse: Path, directory: Path
) -> None:
    with running(directory / "synapse", synapse, extra=MANY_LOGINS) as server:
        you = server.register("you")
        bot = Bot(server, directory)
        async with a_human(server, you) as human:
            await bot.set_up(you.user_id)
            server.stop()
            await bot.start(ready=False)
            await bot.wait_log("waiting for the homeserver")
            server.start()
            await bot.wait_log("\nready ")
            room, _ = await join_all(human, bot)
            await ping(human, room)
            server.stop(signal.SIGKILL)
            await asyncio.sleep(1)
            server.start()
            await ping(human, room)
            event_id = await human.send(room, "!newbot caught")
            await asyncio.sleep(0.03)
            server.stop(signal.SIGKILL)
            server.start()
            answer = await human.wait_message(
                room, lambda m: replies_to(m) == event_id, timeout=60
            )
            assert "@caught:example.test" in str(answer.body)
            assert "❌" not in str(answer.body)
        assert await bot.stop() == 0


async def ping(human: Human, room: str) -> None:
    event_id = await human.send(room, "!ping")
    await human.wait_message(room, lambda m: replies_to(m) == event_id, timeout=60)


async def test_no_secret_is_left_in_a_log_or_a_file(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Tokens, passwords and keys of everything that was made here, at the chattiest log level."""
    async with a_world(homeserver, root, directory, LOG_LEVEL="debug") as world:
        first = await world.card("is ready", f"!newbot {directory.name}-s --password --recovery")
        second = await world.card("New token", f"!rotate {directory.name}-s")
        await world.ask("!newbot you nonsense$")
        await world.bot.stop(signal.SIGKILL)
        await world.bot.start()
        await world.ask("!ping")
        secrets = [
            *(
                card.values[name]
                for card in (first, second)
                for name in card.values
                if name in ("MATRIX_ACCESS_TOKEN", "MATRIX_PASSWORD", "MATRIX_RECOVERY_KEY")
            ),
            world.bot.setting("ACCESS_TOKEN"),
            world.bot.setting("STORE_KEY"),
            homeserver.shared_secret,
        ]
        assert len(secrets) == 8
        contents = everything_in(directory)
        assert len(contents) > 3
        for name, content in contents.items():
            for secret in secrets:
                assert secret.encode() not in content, name


def everything_in(directory: Path) -> dict[str, bytes]:
    """The content of every file except the two that are meant to hold secrets."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {
        str(path): path.read_bytes() for path in files if path.name not in ("env", "shared-secret")
    }


async def test_an_unreadable_message_is_answered_with_the_remedy(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Where it may have been meant for the bot, and in no other room that it is in."""
    async with a_world(homeserver, root, directory) as world:
        bot = world.bot.setting("USER_ID")
        crowded = await world.human.create_room(invite=[bot, root.user_id], encrypted=True)
        await world.human.wait_membership(crowded, bot, "join")
        await send_without_key(world.human, crowded, session="c" * 43)
        event_id = await send_without_key(world.human, world.room)
        told = await world.answer_to(event_id, within_s=30)
        assert "I could not read that message" in str(told.body)
        assert world.bot.log.count("message not readable") == 2
        await world.ask("!ping")
        assert all(
            m.type == "m.room.member" for m in world.human.messages(crowded) if m.sender == bot
        )


async def test_a_message_whose_key_is_still_awaited_is_not_lost_in_a_crash(world: World) -> None:
    """It comes again after the start, and is answered as if nothing had happened."""
    event_id = await send_without_key(world.human, world.room)
    await asyncio.sleep(1)
    assert "not readable" not in world.bot.log
    await world.bot.stop(signal.SIGKILL)
    await world.bot.start()
    told = await world.answer_to(event_id, within_s=30)
    assert "I could not read that message" in str(told.body)


async def test_a_card_can_be_read_in_a_chat_that_is_joined_only_afterwards(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """The admin joins the admin room alone, and types before the bot's very first start."""
    person = homeserver.register(f"you-{directory.name}")
    async with a_human(homeserver, person) as human:
        bot = Bot(homeserver, directory)
        await bot.set_up(person.user_id)
        await human.wait_for(lambda h: len(h.invites()) == 2 or None)
        room = bot.setting("ROOM")
        await human.join(room)
        [dm] = human.invites()
        event_id = await human.send(room, f"!newbot {directory.name}-x")
        await bot.start()
        await human.wait_message(room, lambda m: replies_to(m) == event_id)
        await human.join(dm)
        block = await human.wait_message(dm, lambda m: (m.body or "").startswith("MATRIX_"))
        trusted(block)
        assert await bot.stop() == 0


async def test_a_chat_that_the_admin_left_is_used_again(world: World) -> None:
    """One direct chat per admin: who left is invited again, to the same room."""
    await world.human.leave(world.dm)
    event_id = await world.say("!newbot returned")
    room = await world.human.wait_invite()
    assert room == world.dm
    await world.human.join(room)
    await world.answer_to(event_id)
    block = await world.human.wait_message(
        world.dm, lambda m: "@returned:" in (m.body or "") and "MATRIX_" in (m.body or "")
    )
    trusted(block)
