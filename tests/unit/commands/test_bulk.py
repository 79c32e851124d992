"""Many bots by one command, over tests/desk.py."""

import json
from collections import Counter
from pathlib import Path

import pytest

from adminbot.values.ids import UserId
from tests.desk import NANO, YOU, Desk, a_desk, nowhere, token_of, until

pytestmark = pytest.mark.anyio


def bot(name: str) -> UserId:
    return UserId(name, NANO.server)


def sections(desk: Desk) -> dict[str, str]:
    """The newest card's block: user id → section."""
    found = {}
    for section in desk.chat.secrets[-1].split("\n\n"):
        head, _, block = section.partition("\n")
        found[head.removeprefix("# ")] = block
    return found


async def test_one_card_has_a_section_for_each(desk: Desk) -> None:
    answer = await desk.asks("!newbots alerts Back Ups")
    assert "✅ 3 bots are ready." in answer
    assert "“Back” became back." in answer
    assert "on one card" in answer
    assert len(desk.chat.secrets) == 2
    found = sections(desk)
    assert list(found) == ["@alerts:example.org", "@back:example.org", "@ups:example.org"]
    for user_id, block in found.items():
        assert f"MATRIX_USER_ID={user_id}\n" in block
        assert desk.server.alive(block.split("MATRIX_ACCESS_TOKEN=")[1])
    intro = desk.chat.secrets[-2]
    assert "Logins of 3 bots" in intro
    assert await desk.store.sections.of("$m1") == []


async def test_what_fails_is_said_by_name_and_the_rest_goes_on(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    answer = await desk.asks("!newbots a nano ( b a")
    assert "✅ 2 of 3 bots are ready." in answer
    assert "• “(” cannot be a name" in answer
    assert "❌ 1 failed:\n• nano: @nano:example.org already exists" in answer
    assert list(sections(desk)) == ["@a:example.org", "@b:example.org"]
    rows = await desk.store._db.all("SELECT target, outcome FROM audit WHERE what = 'newbot'")
    found = Counter(f"{row['target']} {row['outcome']}" for row in rows)
    assert found["@nano:example.org NameTaken"] == 1
    assert found["@a:example.org done"] == found["@b:example.org done"] == 1


async def test_where_nothing_is_done_there_is_no_card(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    cards = len(desk.chat.secrets)
    answer = await desk.asks("!newbots nano )")
    assert answer.startswith("❌ None of them was made.")
    assert len(desk.chat.secrets) == cards


async def test_a_bug_at_one_keeps_no_other_from_its_card(desk: Desk) -> None:
    check = desk.server.check_name_free

    async def breaks(user_id: UserId) -> None:
        if user_id == bot("b"):
            raise ZeroDivisionError("syt_secret")
        await check(user_id)

    desk.server.check_name_free = breaks  # type: ignore[method-assign]
    answer = await desk.asks("!newbots a b c")
    assert "✅ 2 of 3 bots are ready." in answer
    assert "• b: Something broke on my side; the log has it under" in answer
    assert "syt_secret" not in answer
    assert list(sections(desk)) == ["@a:example.org", "@c:example.org"]


async def test_more_than_fifty_are_refused(desk: Desk) -> None:
    names = " ".join(f"b{n}" for n in range(51))
    assert "51 names; I make 50 at once" in await desk.asks(f"!newbots {names}")
    assert not desk.server.accounts


async def test_the_flags_are_those_of_one_bot(desk: Desk) -> None:
    await desk.asks("!newbots a b --for json --password")
    for block in sections(desk).values():
        assert '"password"' in block
    assert "A device id is 1 to 64" in await desk.asks("!newbots c --device=x:y")


async def test_fifty_fit_on_one_card(desk: Desk) -> None:
    names = " ".join(f"a-bot-with-a-name-{n}" for n in range(50))
    assert "on one card" in await desk.asks(f"!newbots {names}")
    [content] = [it for it in desk.chat.contents if "# @a-bot" in it["body"]]
    assert len(str(content)) * 4 / 3 < 60_000


async def test_what_does_not_fit_is_on_more_cards(desk: Desk) -> None:
    names = " ".join(f"a-bot-with-a-name-{n}" for n in range(50))
    answer = await desk.asks(f"!newbots {names} --for nanobot")
    assert "on 2 cards" in answer
    first, second = await desk.store.cards.open()
    assert (first.content, second.about) == (None, None)
    assert json.loads(str(second.content))["block"].startswith("# @a-bot-with-a-name-")
    for content in desk.chat.contents:
        assert len(str(content)) * 4 / 3 < 63_000


async def test_after_a_crash_the_rest_is_done_and_nothing_twice(tmp_path: Path) -> None:
    """Cut off in the middle; the tokens made before are on the card."""
    async with a_desk(tmp_path) as desk:
        server = desk.server
        server.hangs = lambda what: what == "register" and server.asked.count(what) > 4
        await desk.says("!newbots a b c d e f")
        await until(lambda: server.asked.count("register") > 4)
        made = {user_id: dict(it.devices) for user_id, it in server.accounts.items()}
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        await until(lambda: desk.chat.secrets)
        await desk.settled()
        assert "✅ 6 bots are ready." in desk.chat.said[-1][1]
        assert len(sections(desk)) == len(server.accounts) == 6
        for block in sections(desk).values():
            assert server.alive(block.split("MATRIX_ACCESS_TOKEN=")[1])
        for user_id, devices in made.items():
            assert len(server.accounts[user_id].devices) == len(devices) == 1


async def test_a_cancel_lets_no_further_one_begin(desk: Desk) -> None:
    desk.server.hangs = lambda what: what == "register"
    asked = await desk.says("!newbots a b c d e f")
    await until(lambda: desk.server.asked.count("register") == 3)
    assert "I begin no further one" in await desk.asks("!cancel")
    assert "nothing goes on" in await desk.asks("!cancel")
    desk.server.hangs = nowhere
    answer = (await desk.chat.answers(asked))[-1]
    assert "✅ 3 of 6 bots are ready." in answer
    assert "Not begun, 3: you stopped me.\n• d\n• e\n• f" in answer
    assert len(desk.server.accounts) == 3


async def test_a_cancel_says_no_to_questions_and_stops_what_goes_on(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    desk.server.hangs = lambda what: what == "register"
    await desk.says("!newbots a b c d")
    await until(lambda: desk.server.asked.count("register") == 4)
    await desk.asks("!revoke nano")
    assert "I begin no further one" in await desk.asks("!cancel")
    assert not await desk.store.questions.of(YOU)


async def test_a_lockdown_lets_no_further_one_begin(desk: Desk) -> None:
    desk.server.hangs = lambda what: what == "register"
    asked = await desk.says("!newbots a b c d")
    await until(lambda: desk.server.asked.count("register") == 3)
    await desk.lockdown.lock(YOU)
    desk.server.hangs = nowhere
    answer = (await desk.chat.answers(asked))[-1]
    assert "✅ 3 of 4 bots are ready." in answer
    assert "Not begun, 1: I am locked down" in answer


async def test_the_progress_is_one_message(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adminbot.dispatch.running_total._EDIT_S", 0.001)
    monkeypatch.setattr("adminbot.dispatch.running_total._SILENT_S", 0)
    desk.server.hangs = lambda what: what == "register" and desk.server.asked.count(what) > 4
    asked = await desk.says("!newbots a b c d e f")
    await until(lambda: any("of 6" in it["body"] for it in desk.chat.contents))
    desk.server.hangs = nowhere
    await until(lambda: any("🏁 6 of 6" in it["body"] for it in desk.chat.contents))
    total = [it for it in desk.chat.contents if "of 6" in it["body"]]
    replies = [it for it in total if "m.new_content" not in it]
    assert len(replies) == 1
    assert replies[0]["m.relates_to"] == {"m.in_reply_to": {"event_id": asked}}


# -- all


async def test_all_are_rotated_after_the_word(desk: Desk) -> None:
    old = [await token_of(desk, f"!newbot {name}") for name in ("nano", "alerts")]
    await token_of(desk, "!newbot off")
    await desk.asks("!revoke off")
    await desk.asks("off")
    question = await desk.asks("!rotate --all")
    assert "New tokens for 2 bots?" in question
    assert "answer within 2 minutes: all" in question
    answer = await desk.asks("all")
    assert "✅ New tokens for 2 bots. Their older tokens are dead." in answer
    assert "1 signed out or paused: left as they are." in answer
    assert not any(map(desk.server.alive, old))
    assert list(sections(desk)) == ["@alerts:example.org", "@nano:example.org"]
    assert not desk.server.accounts[bot("off")].devices


async def test_a_tap_rotates_nothing(desk: Desk) -> None:
    token = await token_of(desk, "!newbot nano")
    await desk.asks("!rotate --all")
    await desk.taps("✅", await desk.question())
    await desk.settled()
    assert desk.server.alive(token)


@pytest.mark.parametrize("how", ["word", "tap"])
async def test_all_are_signed_out(desk: Desk, how: str) -> None:
    tokens = [await token_of(desk, f"!newbot {name}") for name in ("nano", "alerts")]
    assert "Sign all 2 bots out everywhere?" in await desk.asks("!revoke --all")
    if how == "word":
        assert "✅ 2 bots are signed out everywhere." in await desk.asks("all")
    else:
        await desk.taps("✅", await desk.question())
        await desk.settled()
    assert not any(map(desk.server.alive, tokens))
    every = await desk.store.bots.all()
    assert [it.token_at for it in every] == [None, None]


async def test_a_sign_out_of_all_overtakes_a_rotation_of_all(desk: Desk) -> None:
    """What sits out the login limit gives way, and what was not begun does not begin."""
    for name in ("nano", "alerts", "x", "y", "z"):
        await token_of(desk, f"!newbot {name}")
    desk.server.logins_left = 0
    await desk.asks("!rotate --all")
    asked = await desk.says("all")
    await until(lambda: desk.server.asked.count("log in") == 3)
    await desk.asks("!revoke --all")
    assert "5 bots are signed out" in await desk.asks("all")
    answer = (await desk.chat.answers(asked))[-1]
    assert "None of them has a new token" in answer
    assert "Meanwhile !revoke of" in answer
    assert not any(login.devices for login in desk.server.accounts.values())


async def test_a_lockdown_does_not_stop_a_sign_out_of_all(desk: Desk) -> None:
    for number in range(10):
        await token_of(desk, f"!newbot b{number}")
    await desk.asks("!revoke --all")
    desk.server.hangs = lambda what: what == "sign out"
    asked = await desk.says("all")
    await until(lambda: desk.server.asked.count("sign out") == 8)
    await desk.lockdown.lock(YOU)
    desk.server.hangs = nowhere
    answer = (await desk.chat.answers(asked))[-1]
    assert "✅ 10 bots are signed out everywhere." in answer


async def test_a_bot_that_is_called_all_is_named_in_full(desk: Desk) -> None:
    await token_of(desk, "!newbot all")
    await token_of(desk, "!newbot nano")
    await desk.asks("!revoke all")
    await desk.asks("!revoke --all")
    assert "@all:example.org is signed out" in await desk.asks("@all:example.org")
    assert desk.server.accounts[NANO].devices


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("rotate", "!rotate needs a name."),
        ("rotate nano --all", "That is more than !rotate takes."),
        ("rotate --all --me-too", "goes with neither"),
        ("revoke", "!revoke needs a name."),
        ("revoke --all nano", "That is more than !revoke takes."),
        ("revoke --all=x", "--all takes no value"),
        ("newbots", "!newbots needs a name."),
    ],
)
async def test_what_cannot_be_meant(desk: Desk, line: str, why: str) -> None:
    token = await token_of(desk, "!newbot nano")
    assert why in await desk.asks(f"!{line}")
    assert desk.server.alive(token)


async def test_without_bots_there_is_nothing_to_do(desk: Desk) -> None:
    for line in ("!rotate --all", "!revoke --all"):
        assert "There is no bot for that" in await desk.asks(line)
