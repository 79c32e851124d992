"""What is typed about programs: in which form a login comes, what is refused, what is shown."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from adminbot.accounts.act import Order
from adminbot.accounts.backends.base import MAKE
from adminbot.chat.incoming import TEXT, Incoming
from adminbot.commands import ROUTER
from adminbot.dispatch.context import Context
from adminbot.values.render import plain
from tests.desk import NANO, YOU, Desk, Login, a_desk

pytestmark = pytest.mark.anyio

ROOM = "!abcdefghijkl:example.org"
BARE = "!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as opened:
        opened.server.aliases = {"#alerts:example.org": ROOM}
        yield opened


def card(desk: Desk) -> tuple[str, str]:
    intro, block = desk.chat.secrets[-2:]
    return intro, block


async def test_a_login_comes_in_the_form_that_was_asked_for(desk: Desk) -> None:
    await desk.asks("!newbot nano --for json")
    block = json.loads(card(desk)[1])
    assert block.keys() == {"homeserver", "user_id", "device_id", "access_token"}


async def test_the_form_is_remembered_and_can_be_changed(desk: Desk) -> None:
    await desk.asks("!newbot nano --for json")
    await desk.asks("!rotate nano")
    assert json.loads(card(desk)[1])["user_id"] == str(NANO)
    await desk.asks("!rotate nano --for env")
    assert card(desk)[1].startswith("MATRIX_HOMESERVER=")
    await desk.asks("!rotate nano")
    assert card(desk)[1].startswith("MATRIX_HOMESERVER=")


async def test_a_name_that_is_a_programs_asks_for_its_form_and_the_card_says_how_to_undo_it(
    desk: Desk,
) -> None:
    await desk.asks("!newbot json")
    intro, block = card(desk)
    assert json.loads(block)["user_id"] == "@json:example.org"
    assert "!rotate json --for env" in intro
    await desk.asks("!newbot other --for json")
    assert "--for env" not in card(desk)[0]


async def test_a_name_that_is_a_programs_gets_the_plain_form_where_something_is_missing(
    desk: Desk,
) -> None:
    """A room that nobody named, or a place for what was asked for besides."""
    said = await desk.asks("!newbot apprise")
    assert card(desk)[1].startswith("MATRIX_HOMESERVER=")
    assert "In Apprise's own form: !rotate apprise --for apprise --room ROOM" in said
    await desk.asks(f"!rotate apprise --for apprise --room {ROOM}")
    assert card(desk)[1].startswith("matrixs://")
    await desk.asks("!newbot nanobot --password")
    assert "MATRIX_PASSWORD=" in card(desk)[1]


async def test_a_bot_keeps_its_app_while_the_profile_is_gone(desk: Desk) -> None:
    await desk.asks("!newbot nano --for json")
    profile = desk.services.card_text.apps._by_name.pop("json")
    await desk.asks("!rotate nano")
    assert card(desk)[1].startswith("MATRIX_HOMESERVER=")
    desk.services.card_text.apps._by_name["json"] = profile
    await desk.asks("!rotate nano")
    assert card(desk)[1].startswith("{")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("--for nonsense", "I have no profile of “nonsense”"),
        ("--for jsn", "Did you mean json?"),
        ("--for mautrix-whatsapp", "appservice"),
        ("--for hookshot", "appservice"),
        ("--for env --room nonsense", "names no room"),
        ("--for env --room #other:example.org", "There is no room"),
        ("--for", "wants a value"),
    ],
)
async def test_what_cannot_be_made_is_said_before_anything_is_made(
    desk: Desk, typed: str, said: str
) -> None:
    answer = await desk.asks(f"!newbot nano {typed}")
    assert answer.startswith("❌")
    assert said in answer
    assert NANO not in desk.server.accounts
    assert "register" not in desk.server.asked


@pytest.mark.parametrize(
    ("typed", "room_id"),
    [
        (ROOM, ROOM),
        (BARE, BARE),
        ("#alerts:example.org", ROOM),
        (f"https://matrix.to/#/{ROOM}?via=example.org", ROOM),
        ("https://matrix.to/#/%23alerts%3Aexample.org", ROOM),
    ],
)
async def test_a_room_is_named_by_id_alias_or_link_and_stays_with_the_bot(
    desk: Desk, typed: str, room_id: str
) -> None:
    await desk.asks(f"!newbot nano --room {typed}")
    assert f"MATRIX_ROOM_ID={room_id}" in card(desk)[1]
    desk.server.aliases = {}
    await desk.asks("!rotate nano")
    assert f"MATRIX_ROOM_ID={room_id}" in card(desk)[1]


async def test_a_config_has_everything_but_the_secrets(desk: Desk) -> None:
    await desk.asks("!newbot nano --password")
    token = desk.chat.secrets[-1].split("MATRIX_ACCESS_TOKEN=")[1].split("\n")[0]
    said = await desk.asks("!config nano")
    assert "MATRIX_ACCESS_TOKEN=***" in said
    assert "MATRIX_PASSWORD=***" in said
    assert f"MATRIX_USER_ID={NANO}" in said
    assert token not in said
    assert '"access_token": "***"' in await desk.asks("!config nano json")
    assert "is not one of my bots" in await desk.asks("!config other")
    assert "I have no profile of" in await desk.asks("!config nano nonsense")
    assert "matrixs://***@example.org/***?" in await desk.asks("!config nano apprise")


async def test_the_list_of_programs_and_one_in_full(desk: Desk) -> None:
    every = await desk.asks("!apps")
    for profile in desk.services.card_text.apps:
        assert f"• {profile.name} {plain(profile.about)}" in every
        in_full = await desk.asks(f"!apps {profile.name}")
        assert profile.title in in_full
        assert f"--for {profile.name}" in in_full
        assert all(source in in_full for source in profile.source)
    assert "appservice" in await desk.asks("!apps hookshot")


async def test_what_was_begun_is_finished_also_where_the_room_is_gone(desk: Desk) -> None:
    """A crash came after the account was made; the alias that was typed is nobody's any more."""
    line = "newbot nano --for json --room #gone:example.org"
    assert "There is no room" in await desk.asks(f"!{line}")
    order = Order(YOU, "$cut", say=nothing, check=nothing)
    await desk.store.acts.begin(
        "$cut", who=YOU, command="newbot", target=str(NANO), device_id="NANO1"
    )
    await desk.store.acts.will("$cut", MAKE)
    desk.server.accounts[NANO] = Login(devices={"NANO1": {"syt_nobody_has"}})
    command, args = ROUTER.resolve(line)
    incoming = Incoming("$cut", ROOM, str(YOU), TEXT, f"!{line}")
    nobody: Any = None
    ctx = Context(incoming, command, order, desk.services, nobody, is_second_run=True)

    assert "is ready" in (await command.run(ctx, args)).text
    assert await desk.store.bots.find(NANO)
    assert not desk.server.alive("syt_nobody_has")


async def nothing(*_: object) -> None:
    pass


async def test_a_room_of_a_server_that_is_not_there_is_told_by_the_servers_name(
    desk: Desk,
) -> None:
    answer = await desk.asks("!newbot nano --room #alerts:nowhere.example")
    assert "found no way to nowhere.example, where #alerts:nowhere.example is" in answer
    assert "Nothing was changed" in answer
    assert NANO not in desk.server.accounts
