"""The commands about managed bots, over tests/desk.py."""

import re
from copy import deepcopy

import pytest

from adminbot.values.clock import now
from adminbot.values.ids import UserId
from tests.desk import NANO, OTHER, OWN, YOU, Desk, Login, token_of

pytestmark = pytest.mark.anyio


async def test_a_session_of_another_device_is_not_handed_over(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    seen = len(desk.chat.secrets)
    desk.server.lies_about_device = "ELSEWHERE"
    assert "❌" in await desk.asks("!rotate nano")
    assert len(desk.chat.secrets) == seen


async def test_a_device_that_a_logout_deleted_is_not_used_again(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    [before] = desk.server.accounts[NANO].devices
    desk.server.accounts[NANO].devices.clear()
    await token_of(desk, "!rotate nano")
    assert before not in desk.server.accounts[NANO].devices
    assert f"MATRIX_DEVICE_ID={before}\n" not in desk.chat.secrets[-1]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "nano",
            "@nano:example.org already exists: it is one of my bots, made {today} by you. "
            "Nothing was changed. For a new token: !rotate nano. For another bot: !newbot nano4",
        ),
        ("Nano", "already exists: it is one of my bots"),
        (
            "nano2",
            "made {today} by @other:example.org. Nothing was changed. For a new token: "
            "!rotate nano2. For another bot: !newbot nano4",
        ),
        (
            "nano3",
            "@nano3:example.org already exists: it was one of my bots, is deleted, and its name "
            "stays taken. Nothing was changed. Pick another name: !newbot nano4",
        ),
        (
            "anna",
            "@anna:example.org already exists, and is not one of my bots, so I leave it alone. "
            "Nothing was changed. Pick another name: !newbot anna2. To take that one into care: "
            "!adopt anna",
        ),
        ("you", "Nothing was changed. Pick another name: !newbot you2"),
        (
            "adminbot",
            "@adminbot:example.org already exists: it is my own account. Nothing was changed.",
        ),
    ],
)
async def test_a_taken_name_is_told_with_whose_it_is_and_what_to_do(
    desk: Desk, typed: str, said: str
) -> None:
    desk.server.accounts |= {YOU: Login(), OWN: Login(), UserId("anna", OWN.server): Login()}
    await token_of(desk, "!newbot nano")
    await desk.asks("!newbot nano2", sender=OTHER)
    await token_of(desk, "!newbot nano3")
    await desk.asks("!deletebot nano3")
    await desk.asks("nano3")
    before = deepcopy(desk.server.accounts)
    answer = await desk.asks(f"!newbot {typed}")
    assert said.format(today=f"{now():%Y-%m-%d}") in answer
    assert ("!adopt" in answer) == (typed == "anna")
    assert desk.server.accounts == before
    last = str(desk.chat.contents[-1]["formatted_body"])
    assert re.findall(r"@\w+:example.org", last) == re.findall(r"<code>(@\w+:example.org)", last)


async def test_a_name_that_was_changed_is_told(desk: Desk) -> None:
    answer = await desk.asks("!newbot Küche")
    assert "✅ @kueche:example.org is ready.\n“Küche” became kueche." in answer
