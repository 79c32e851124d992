"""The main job, as a person with the strictest client sees it."""

import re

import pytest

from adminbot.demo.homeserver import Person
from tests.world import World, another_login, call, trusted, whoami

pytestmark = pytest.mark.anyio


async def test_newbot_gives_a_login_that_works(world: World) -> None:
    """The card's token is the new bot's, on the card's device, which has no keys yet."""
    card = await world.card("@nanobot:example.test is ready", "!newbot nanobot My pal --for env")

    assert re.fullmatch(
        r"MATRIX_HOMESERVER=http://127\.0\.0\.1:\d+\n"
        r"MATRIX_USER_ID=@nanobot:example\.test\n"
        r"MATRIX_DEVICE_ID=NANOBOT[A-Z0-9]+\n"
        r"MATRIX_ACCESS_TOKEN=syt_\S+",
        str(card.block.body),
    )
    assert set(card.block.content) == {
        *("msgtype", "body", "format", "formatted_body", "m.mentions")
    }
    assert card.block.content["m.mentions"] == {}
    status, body = await whoami(world.homeserver, card.token)
    assert status == 200
    assert body["user_id"] == card.values["MATRIX_USER_ID"]
    assert body["device_id"] == card.values["MATRIX_DEVICE_ID"]
    keys = await world.human.raw(
        "POST", "/_matrix/client/v3/keys/query", {"device_keys": {body["user_id"]: []}}
    )
    assert keys["device_keys"].get(body["user_id"], {}) == {}
    name = await world.human.raw("GET", f"/_matrix/client/v3/profile/{body['user_id']}")
    assert name["displayname"] == "My pal"


async def test_a_card_rings_and_the_answers_do_not(world: World) -> None:
    card = await world.card("is ready", "!newbot ringer")
    answer = await world.ask("!ping")

    assert card.intro.msgtype == "m.text"
    assert card.intro.content["m.mentions"] == {}, "a private chat rings anyway"
    assert answer.msgtype == "m.notice"
    assert card.token not in str(card.intro.content)


async def test_the_working_mark_is_replaced_by_the_outcome(world: World) -> None:
    event_id = await world.say("!newbot marked")
    await world.answer_to(event_id)

    await world.human.wait_for(lambda h: set(h.reactions(event_id)) == {"✅"} or None)
    event_id = await world.say("!newbot marked")
    await world.answer_to(event_id)
    await world.human.wait_for(lambda h: set(h.reactions(event_id)) == {"❌"} or None)


async def test_newbot_leaves_an_existing_account_as_it_is(world: World) -> None:
    """Not a byte of a person's account changes, whatever way the name is typed."""

    async def account() -> object:
        user_id = world.human.user_id
        own = await world.human.raw("GET", "/_matrix/client/v3/devices")
        whole = await call(
            world.homeserver,
            world.bot.setting("ACCESS_TOKEN"),
            "GET",
            f"/_synapse/admin/v2/users/{user_id}",
        )
        seen = whole.json()
        seen.pop("last_seen_ts", None)
        return seen, [d["device_id"] for d in own["devices"]]

    before = await account()
    name = world.human.user_id[1:].split(":")[0]
    for typed in (name, name.upper(), world.human.user_id, f'"{name}"'):
        answer = await world.ask(f"!newbot {typed} Evil --password")
        assert "already exists, and is not one of my bots, so I leave it alone" in str(answer.body)

    assert await account() == before
    status, _ = await whoami(world.homeserver, world.human.access_token)
    assert status == 200


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("!newbot bad$name", "only a-z 0-9"),
        ("!newbot 🤖", "For example: !newbot nanobot"),
        ("!newbot _under", "may not begin with _"),
        ("!newbot 12345", "may not be all digits"),
        ("!newbot " + "a" * 300, "255 characters at most"),
        ("!newbot @x:elsewhere.org", "on example.test only"),
        ("!newbot", "needs a name"),
        ("!newbot x --fro y", "has no --fro"),
        ("!newbot x --device", "wants a value"),
        ("!newbot x --device a/b", "A device id is"),
        ("!rotate nobody", "not one of my bots"),
        ("!rotate root", "not one of my bots"),
        ("!deletebot root", "not one of my bots"),
        ("!bots 99", "There is no page 99"),
        ("!newbt x", "Did you mean !newbot x? Then type that."),
        ("!deletebot rooot", "not one of my bots"),
        ("!help nonsense", "I know no !nonsense"),
        ("!newbot " + "`**<b>&" * 3, "only a-z 0-9"),
    ],
)
async def test_bad_input_is_answered_in_words(world: World, typed: str, said: str) -> None:
    answer = await world.ask(typed)

    assert said in str(answer.body)
    assert "Traceback" not in str(answer.body)


@pytest.mark.parametrize(
    "typed",
    [
        *("!ping", "! ping", "!PING", "adminbot: ping", "adminbot, !ping", "  !ping  "),
        *("@{bot}:example.test ping", "{bot}: PING"),
    ],
)
async def test_phone_spellings_are_commands(world: World, typed: str) -> None:
    answer = await world.ask(typed.replace("{bot}", world.bot.directory.name))

    assert answer.body == "🏓 pong"


async def test_a_mention_pill_and_a_user_pill_work(world: World) -> None:
    bot = f"@{world.bot.directory.name}:example.test"
    await world.card("is ready", "!newbot pilled")
    link = "https://matrix.to/#/"
    event_id = await world.human.send(
        world.room,
        "Server helper: bot Pilly",
        formatted_body=(
            f'<a href="{link}{bot}">Server helper</a>: bot '
            f'<a href="{link}@pilled:example.test">Pilly</a>'
        ),
    )

    assert "@pilled:example.test" in str((await world.answer_to(event_id)).body)


async def test_dashes_and_curly_quotes_of_phones_work(world: World) -> None:
    card = await world.card("“My Bot” became my-bot", "!newbot “My Bot” —password —device PHONE1")

    assert card.values["MATRIX_DEVICE_ID"] == "PHONE1"
    assert card.values["MATRIX_PASSWORD"]
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": "my-bot"},
        "password": card.values["MATRIX_PASSWORD"],
    }
    answer = await call(world.homeserver, None, "POST", "/_matrix/client/v3/login", login)
    assert answer.status_code == 200


async def test_talk_notices_and_edits_are_no_commands(world: World) -> None:
    """Silence: the ping after them is the next thing the bot says."""
    talk = await world.say("what a day!")
    await world.human.send(world.room, "!whoami", msgtype="m.notice")
    # Not as Element writes it, with `* ` in front: that would be no command anyway.
    await world.human.send(
        world.room,
        "!whoami",
        relates_to={"rel_type": "m.replace", "event_id": talk},
        extra={"m.new_content": {"msgtype": "m.text", "body": "!whoami"}},
    )
    for _ in range(2):  # what is said to the others would be there by the second
        await world.ask("!ping")

    seen = world.human.messages(world.room)
    start = next(i for i, message in enumerate(seen) if message.event_id == talk)
    from_bot = [m for m in seen[start:] if m.sender.startswith("@adminbot")]
    assert [m.body for m in from_bot if m.type == "m.room.message"] == ["🏓 pong"] * 2


async def test_commands_work_in_the_private_chat(world: World) -> None:
    assert (await world.ask("!ping", room=world.dm)).body == "🏓 pong"


async def test_help_is_made_from_the_commands(world: World) -> None:
    overview = str((await world.ask("!help")).body)
    for name in ("newbot", "rotate", "bots", "bot", "revoke", "deletebot", "ping", "whoami"):
        assert name in overview
        assert f"!{name}" in str((await world.ask(f"!help {name}")).body)


async def test_the_list_and_the_detail_say_what_is(world: World) -> None:
    card = await world.card("is ready", "!newbot listed")
    assert "listed never used" in str((await world.ask("!bots")).body)
    await whoami(world.homeserver, card.token)
    detail = str((await world.ask("!bot listed")).body)

    assert card.values["MATRIX_DEVICE_ID"] in detail
    assert "Trust: never started" in detail
    assert world.human.user_id in detail


async def test_tapping_the_button_takes_the_card_away(world: World) -> None:
    card = await world.card("is ready", "!newbot tapped")
    await world.human.wait_for(lambda h: "🗑️" in h.reactions(card.intro.event_id) or None)
    await world.human.react(world.dm, card.intro.event_id, "🗑️")

    await world.human.wait_for(lambda h: card.block.redacted or None)
    await world.human.wait_for(lambda h: "is removed" in (card.intro.edited_body or "") or None)
    trusted(card.intro)


async def test_revoke_asks_first_and_then_signs_out(world: World) -> None:
    card = await world.card("is ready", "!newbot revoked")
    question = await world.ask("!revoke revoked")
    assert (await whoami(world.homeserver, card.token))[0] == 200
    await world.human.react(world.room, question.event_id, "✅")
    await world.human.wait_message(world.room, "is signed out everywhere", after=question.event_id)

    assert (await whoami(world.homeserver, card.token))[0] == 401
    await world.human.wait_for(lambda h: card.block.redacted or None)
    fresh = await world.card("New token", "!rotate revoked")
    assert fresh.values["MATRIX_DEVICE_ID"] != card.values["MATRIX_DEVICE_ID"]
    assert (await whoami(world.homeserver, fresh.token))[0] == 200


async def test_a_question_can_be_declined(world: World) -> None:
    card = await world.card("is ready", "!newbot spared")
    for no in ("no", "!cancel"):
        await world.ask("!revoke spared")
        assert "Nothing was changed" in str((await world.ask(no)).body)
    assert (await whoami(world.homeserver, card.token))[0] == 200


async def test_deletebot_wants_the_name_typed(world: World, root: Person) -> None:
    """In full, in an encrypted message of a trusted device; `no` ends the question."""
    card = await world.card("is ready", "!newbot doomed")
    other = await world.card("is ready", "!newbot doomed-2")

    async def both_live() -> None:
        await world.ask("!ping")
        for each in (card, other):
            assert (await whoami(world.homeserver, each.token))[0] == 200

    question = await world.ask("!deletebot doomed")
    assert "doomed" in str(question.body)
    await world.human.react(world.room, question.event_id, "✅")
    await both_live()
    for typed in ("yes", "ok", "y", "ja", "doome", "doomed-2", "@doomed-2:example.test", "✅"):
        await world.say(typed)
    await both_live()
    async with another_login(world, root) as rogue:
        await rogue.wait_for(lambda h: h.membership(world.room, h.user_id) == "join" or None)
        await rogue.send(world.room, "doomed")
        await rogue.wait_message(world.room, "is not verified, so I did nothing")
        await both_live()

    await world.ask("!deletebot doomed")
    assert "Nothing was changed" in str((await world.ask("no")).body)
    await world.say("doomed")
    await both_live()

    await world.ask("!deletebot doomed")
    answer = await world.ask("doomed")
    assert "is deleted" in str(answer.body)
    assert (await whoami(world.homeserver, card.token))[0] == 401
    assert (await whoami(world.homeserver, other.token))[0] == 200
    assert "was one of my bots" in str((await world.ask("!newbot doomed")).body)
    assert "not one of my bots" in str((await world.ask("!rotate doomed")).body)


async def test_an_offered_line_runs_by_a_tap_and_the_answer_is_about_the_offer(
    world: World,
) -> None:
    offer = await world.ask("!whoamy")
    assert "Did you mean !whoami? Then tap ✅." in str(offer.body)
    await world.human.wait_for(lambda h: {"✅", "❌"} <= set(h.reactions(offer.event_id)) or None)
    await world.human.react(world.room, offer.event_id, "✅")
    answer = await world.answer_to(offer.event_id)
    assert "an admin" in str(answer.body)
