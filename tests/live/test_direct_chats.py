"""In which chat a secret goes out: the one that the person is in, and no other."""

from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Human
from tests.world import Bot, a_human, a_person, call, replies_to, trusted

pytestmark = pytest.mark.anyio


@pytest.fixture
async def person(homeserver: Homeserver, root: Person, directory: Path) -> Person:
    return await a_person(homeserver, root, f"you-{directory.name}")


async def asked(human: Human, room: str, line: str) -> str:
    event_id = await human.send(room, line)
    answer = await human.wait_message(room, lambda m: replies_to(m) == event_id)
    trusted(answer)
    return str(answer.body)


async def test_a_card_goes_where_the_person_is(
    homeserver: Homeserver, directory: Path, person: Person
) -> None:
    """The bot's invitation is open, and they talk to it in a chat that their app made."""
    async with a_human(homeserver, person) as human:
        bot = Bot(homeserver, directory)
        await bot.set_up(person.user_id)
        await bot.start()
        try:
            await human.wait_for(lambda h: len(h.invites()) == 2 or None)
            await human.join(bot.setting("ROOM"))
            [invited] = human.invites()
            me = bot.setting("USER_ID")

            # Until there is another chat, the answer says what comes first.
            said = await asked(human, bot.setting("ROOM"), "!verify")
            assert "Accept my invitation to our private chat first." in said
            said = await asked(human, bot.setting("ROOM"), f"!newbot one-{directory.name}")
            assert "Accept my invitation to our private chat first." in said
            await bot.wait_log("card delivered")

            deaf = await human.create_room(invite=[me], power_level_content_override=NO_REDACTION)
            crowded = await human.create_room(invite=[me, "@root:example.test"], is_direct=True)
            open_ = await human.create_room(invite=[me], is_direct=True, initial_state=[PUBLIC])
            theirs = await human.create_room(invite=[me], is_direct=True)
            for room in (deaf, crowded, open_, theirs):
                await human.wait_membership(room, me, "join")
            said = await asked(human, bot.setting("ROOM"), f"!newbot two-{directory.name}")
            assert "Accept my invitation" not in said
            block = await human.wait_message(theirs, lambda m: "MATRIX_" in (m.body or ""))
            trusted(block)
            for room in (deaf, crowded, open_, bot.setting("ROOM")):
                assert not any("MATRIX_" in (m.body or "") for m in human.messages(room))
            assert await direct(homeserver, bot, person.user_id) == [invited, theirs]

            # It is theirs: they let somebody in, and nothing more goes there.
            await human.invite(theirs, "@root:example.test")
            before = len(human.messages(theirs))
            said = await asked(human, bot.setting("ROOM"), f"!newbot three-{directory.name}")
            assert "Accept my invitation" in said
            await human.wait_for(lambda h: len(h.invites()) == 2 or None)
            [fresh] = set(human.invites()) - {invited}
            await human.join(fresh)
            trusted(await human.wait_message(fresh, "because @root:example.test is in it"))
            trusted(await human.wait_message(fresh, lambda m: "MATRIX_" in (m.body or "")))
            assert not any("MATRIX_" in (m.body or "") for m in human.messages(theirs)[before:])
        finally:
            await bot.stop()


NO_REDACTION = {"events": {"m.room.redaction": 100, "m.room.encryption": 100}}
PUBLIC = {"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "public"}}


async def direct(homeserver: Homeserver, bot: Bot, user_id: str) -> list[str]:
    """What the bot's account data says of its direct chats."""
    path = f"/_matrix/client/v3/user/{bot.setting('USER_ID')}/account_data/m.direct"
    answer = await call(homeserver, bot.setting("ACCESS_TOKEN"), "GET", path)
    found: list[str] = answer.json()[user_id]
    return found
