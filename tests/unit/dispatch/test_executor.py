"""One command carried out: who may, what a crash leaves, its card. See tests/desk.py."""

import asyncio
import itertools
from pathlib import Path

import pytest

from adminbot.chat.incoming import TEXT, Incoming
from adminbot.errors import HomeserverError
from adminbot.store import InboxMessage
from adminbot.values.ids import UserId
from tests.counting import counting
from tests.desk import DM, OTHER, ROOM, YOU, Desk, Server, a_desk, nowhere, token_of, until

pytestmark = pytest.mark.anyio


async def test_a_card_does_not_go_out_after_a_brake(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.chat.no_way = True
    calls = itertools.count(1)

    async def ready_at_first(user_id: UserId) -> str:
        if next(calls) > 1:  # not to make ready, but to deliver
            await until(lambda: not desk.chat.no_way)
        return DM

    desk.chat.ready = ready_at_first  # type: ignore[method-assign]
    renewed = await desk.says("!rotate nano")
    await until(lambda: "change password" in desk.server.asked)
    await asyncio.sleep(0.1)
    await desk.asks("!revoke nano")
    assert "signed out" in await desk.asks("nano")
    seen = len(desk.chat.secrets)
    desk.chat.no_way = False
    [answer] = await desk.chat.answers(renewed)
    assert "does not go out" in answer or "so I gave this up" in answer
    assert len(desk.chat.secrets) == seen
    assert not any(card.content for card in await desk.store.cards.open())


async def test_a_card_does_not_go_out_under_a_lockdown_that_came_late(desk: Desk) -> None:
    desk.chat.no_way = True
    made = await desk.says("!newbot nano")
    await until(lambda: "register" in desk.server.asked)
    await desk.asks("!lockdown")
    await desk.asks("lockdown")
    desk.chat.no_way = False
    [answer] = await desk.chat.answers(made)
    assert "I am locked down" in answer
    assert not desk.chat.secrets


async def test_what_an_untrusted_device_types_is_refused(desk: Desk) -> None:
    for line in ("!newbot nano", "!lockdown", "!ping"):
        assert "🔒" in await desk.asks(line, trusted=False)
        assert "unencrypted" in await desk.asks(line, trusted=False, encrypted=False)
        assert "admin room" in await desk.asks(line, room_id="!elsewhere")
    assert not desk.server.accounts


async def test_nothing_is_made_that_nobody_could_read(desk: Desk) -> None:
    desk.chat.reachable = False
    assert "None of your devices may read a card" in await desk.asks("!newbot nano")
    assert not desk.server.accounts


async def test_an_act_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        made = await desk.says("!newbot nano")
        await desk.chat.answers(made)
        await desk.settled()
        # The crash came between the end of the act and its answer.
        content = Incoming(made, ROOM, str(YOU), TEXT, "!newbot nano", True, True).to_json()
        await desk.unanswer(InboxMessage(made, content, None))
        asked = list(server.asked)
    async with a_desk(tmp_path, server) as desk:
        [answer] = await desk.chat.answers(made)
        assert "✅ newbot of @nano:example.org is done" in answer
        assert server.asked == asked
        assert not desk.chat.secrets


@pytest.mark.parametrize("line", ["!newbot other", "!rotate nano", "!revoke nano"])
async def test_under_a_lockdown_nobody_begins_a_change(desk: Desk, line: str) -> None:
    await token_of(desk, "!newbot nano")
    await desk.lockdown.lock(OTHER)
    for sender in (YOU, OTHER):
        assert "❌ I am locked down" in await desk.asks(line, sender=sender)
    assert await desk.asks("!ping") == "🏓 pong"


async def test_what_was_begun_is_finished_under_a_lockdown(tmp_path: Path) -> None:
    server = Server()
    async with a_desk(tmp_path, server) as desk:
        server.hangs = lambda what: what == "register"
        made = await desk.says("!newbot nano")
        await until(lambda: "register" in server.asked)
        await desk.lockdown.lock(OTHER)
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        [answer] = await desk.chat.answers(made)
        assert "is ready" in answer
        assert not desk.chat.secrets  # the card waits for the end of the lockdown
        assert "❌ I am locked down" in await desk.asks("!newbot other")
    assert len(server.accounts) == 1


async def test_what_became_of_a_command_is_counted(desk: Desk) -> None:
    """By name, whatever was typed behind it or instead of it."""

    problems = iter([HomeserverError("no", status=403), ZeroDivisionError()])

    async def broken(user_id: UserId) -> None:
        raise next(problems)

    with counting() as counted:
        await desk.asks("!newbot nano")
        await desk.asks("!newbot nano")  # taken
        await desk.asks("!NEWBOT")  # which?
        await desk.asks("!nwebot nano")  # it asks whether newbot was meant
        await desk.asks("!deletebot nano")
        await desk.asks("!newbot nano", trusted=False)
        await desk.asks("!secret", trusted=False)
        desk.server.check_name_free = broken  # type: ignore[method-assign]
        await desk.asks("!newbot other")
        await desk.asks("!newbot other")
    commands = "adminbot_commands_total"
    assert {key: n for key, n in counted.risen().items() if key.startswith(commands)} == {
        f"{commands}{{command=newbot,outcome=done}}": 1,
        f"{commands}{{command=newbot,outcome=refused}}": 2,
        f"{commands}{{command=newbot,outcome=mistyped}}": 1,
        f"{commands}{{command=unknown,outcome=mistyped}}": 1,
        f"{commands}{{command=deletebot,outcome=asked}}": 1,
        f"{commands}{{command=unknown,outcome=refused}}": 1,
        f"{commands}{{command=newbot,outcome=failed}}": 1,
        f"{commands}{{command=newbot,outcome=bug}}": 1,
    }
    assert counted.risen()["adminbot_act_seconds_count{command=newbot}"] == 1
