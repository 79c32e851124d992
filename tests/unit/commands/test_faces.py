"""A bot's name and picture, over tests/desk.py."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adminbot.chat.incoming import PICTURE
from tests.desk import DM, NANO, OTHER, YOU, Desk, a_desk, nowhere, token_of, until

pytestmark = pytest.mark.anyio


def picture() -> bytes:
    out = BytesIO()
    Image.new("RGB", (40, 20)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
async def nano(desk: Desk) -> Desk:
    await token_of(desk, "!newbot nano")
    desk.server.sent["$pic"] = picture()
    return desk


async def test_a_bot_gets_another_name(nano: Desk) -> None:
    assert "is called Nano the second now" in await nano.asks("!setname nano Nano the second")
    assert nano.server.accounts[NANO].display_name == "Nano the second"
    bot = await nano.store.bots.find(NANO)
    assert bot
    assert bot.display_name == "Nano the second"
    assert nano.server.asked[-1] == "log out"


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("nano", "!setname needs a display name"),
        (f"nano {'x' * 101}", "has 1 to 100 characters"),
        ("nano a\u202eb", "characters that can be seen"),
        ("nano \u200d\ufe0f", "characters that can be seen"),
        ("nano \u2800", "characters that can be seen"),
        ("nano a\x07b", "characters that can be seen"),
        ("nobody Name", "is not one of my bots"),
        ("adminbot Name", "is my own account"),
    ],
)
async def test_a_name_that_cannot_be(nano: Desk, typed: str, why: str) -> None:
    before = nano.server.accounts[NANO].display_name
    assert why in await nano.asks(f"!setname {typed}")
    assert nano.server.accounts[NANO].display_name == before


@pytest.mark.parametrize("name", ["⚙️ Ops", "👩‍💻 dev", "نام‌ها", "a `b` *c*", "O'Neil & <i>"])
async def test_what_a_phone_can_type_can_be_a_name(nano: Desk, name: str) -> None:
    assert "is called" in await nano.asks(f"!setname nano {name}")
    assert nano.server.accounts[NANO].display_name == name


async def test_a_reply_to_a_picture_sets_it(nano: Desk) -> None:
    assert "has that picture now" in await nano.asks("!setpic nano", relates_to="$pic")
    assert nano.server.avatars == {str(NANO): "mxc://example.org/1"}
    [(data, kind)] = nano.server.uploads
    assert kind == "image/jpeg"
    assert data != picture()
    assert nano.server.asked[-1] == "log out"


async def test_the_next_picture_is_taken(nano: Desk) -> None:
    said = await nano.asks("!setpic nano")
    assert "Which picture for @nano:example.org?" in said
    assert "within 2 minutes" in said
    sent = await comes(nano)
    assert "has that picture now" in (await nano.chat.answers(sent))[0]
    assert nano.server.avatars
    assert not await nano.store.questions.of(YOU)


async def comes(desk: Desk, **more: Any) -> str:
    """A picture that is there comes into the chat; returns its event id."""
    desk.server.sent = AnyPicture()
    return await desk.says("", kind=PICTURE, relates_to="$itself", **more)


class AnyPicture(dict[str, bytes]):
    """Whatever event is asked for, has a picture."""

    def __contains__(self, key: object) -> bool:
        return True

    def __getitem__(self, key: str) -> bytes:
        return picture()


async def test_a_caption_is_a_command_about_its_own_picture(nano: Desk) -> None:
    nano.server.sent = AnyPicture()
    sent = await nano.says("!setpic nano", kind=PICTURE, relates_to="$itself")
    assert "has that picture now" in (await nano.chat.answers(sent))[0]


@pytest.mark.parametrize(
    "more",
    [{"sender": OTHER}, {"room_id": DM}],
    ids=["somebody else's", "in another room"],
)
async def test_a_picture_that_was_not_asked_for_is_none_of_ours(
    nano: Desk, more: dict[str, Any]
) -> None:
    await nano.asks("!setpic nano")
    await comes(nano, **more)
    await nano.settled()
    assert not nano.server.avatars


@pytest.mark.parametrize("more", [{"trusted": False}, {"encrypted": False, "trusted": False}])
async def test_a_picture_counts_only_as_a_command_would(nano: Desk, more: dict[str, Any]) -> None:
    await nano.asks("!setpic nano")
    sent = await comes(nano, **more)
    assert "🔒" in (await nano.chat.answers(sent))[0]
    assert not nano.server.avatars


async def test_a_picture_from_before_the_command_does_not_count(nano: Desk) -> None:
    await nano.asks("!setpic nano", megolm="key session 7")
    sent = await comes(nano, megolm="key session 3")
    assert "cannot tell whether" in (await nano.chat.answers(sent))[0]
    assert not nano.server.avatars


async def test_words_are_no_picture_and_a_cancel_ends_it(nano: Desk) -> None:
    await nano.asks("!setpic nano")
    for word in ("nano", "yes", "@nano:example.org"):
        await nano.says(word)
    await nano.settled()
    assert not nano.server.avatars
    assert "Left as it is" in await nano.asks("!cancel")
    await comes(nano)
    await nano.settled()
    assert not nano.server.avatars


async def test_after_a_reply_the_next_picture_is_none_of_ours(nano: Desk) -> None:
    await nano.asks("!setpic nano")
    assert "has that picture now" in await nano.asks("!setpic nano", relates_to="$pic")
    await comes(nano)
    await nano.settled()
    assert len(nano.server.uploads) == 1


async def test_without_a_question_pictures_are_nothing_to_us(nano: Desk) -> None:
    said = len(nano.chat.said)
    await comes(nano)
    await nano.settled()
    assert len(nano.chat.said) == said


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("setpic nobody", "is not one of my bots"),
        ("setpic", "!setpic needs a name"),
        ("setpic nano", "What you replied to is no picture"),
    ],
)
async def test_a_picture_that_cannot_be(nano: Desk, line: str, why: str) -> None:
    assert why in await nano.asks(f"!{line}", relates_to="$words")
    assert not nano.server.avatars


async def test_what_was_cut_off_is_done_again(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        await token_of(desk, "!newbot nano")
        server = desk.server
        server.sent["$pic"] = picture()
        server.hangs = lambda what: what == "set avatar"
        await desk.says("!setpic nano", relates_to="$pic")
        await until(lambda: server.uploads)
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        assert "has that picture now" in desk.chat.said[-1][1]
    assert server.avatars == {str(NANO): "mxc://example.org/2"}


async def test_what_was_cut_off_and_cannot_be_read_any_more_may_be_done(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        await token_of(desk, "!newbot nano")
        server = desk.server
        server.sent["$pic"] = picture()
        server.hangs = lambda what: what == "log out"
        await desk.says("!setpic nano", relates_to="$pic")
        await until(lambda: server.avatars)
    server.hangs = nowhere
    server.sent.clear()
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        said = desk.chat.said[-1][1]
        assert "has it, or the one from before" in said
        assert "Nothing was changed" not in said
        assert "!setpic nano" in said
