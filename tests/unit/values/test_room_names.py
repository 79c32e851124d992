"""How a room may be named, and that nothing else passes as a name."""

import pytest

from adminbot.errors import UsageError
from adminbot.values.room_names import RoomName

OLD, BARE = "!abcdefghijkl:example.org", "!abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"


@pytest.mark.parametrize(
    ("typed", "text", "via"),
    [
        (OLD, OLD, ()),
        (BARE, BARE, ()),
        ("#alerts:example.org:8448", "#alerts:example.org:8448", ()),
        ("#küche:example.org", "#küche:example.org", ()),
        (f" https://matrix.to/#/{OLD}?via=a.org&via=b.org ", OLD, ("a.org", "b.org")),
        ("https://matrix.to/#/%23alerts%3Aexample.org", "#alerts:example.org", ()),
        ("https://app.example.org/#/room/#alerts:example.org", "#alerts:example.org", ()),
        ("matrix:r/alerts:example.org", "#alerts:example.org", ()),
        (f"matrix:roomid/{BARE[1:]}?via=a.org&action=join", BARE, ("a.org",)),
        (f"https://matrix.to/#/{OLD}?via=a.org%2F$(x)", OLD, ()),
    ],
)
def test_a_room_is_named_by_id_alias_or_link(typed: str, text: str, via: tuple[str, ...]) -> None:
    room = RoomName.parse(typed)
    assert (room.text, room.via) == (text, via)
    assert room.is_alias == text.startswith("#")


@pytest.mark.parametrize(
    "typed",
    [
        *("", "alerts", "@you:example.org", "#alerts", "!short", "https://example.org/"),
        *("https://matrix.to/#/@you:example.org", f"{OLD} x", "!$(touch${IFS}ran):example.org"),
        *('#a"b:example.org', "#a'b:example.org", f"https://matrix.to/#/{OLD}/$event", "#" * 5000),
    ],
)
def test_nothing_else_is_a_room(typed: str) -> None:
    with pytest.raises(UsageError, match="names no room"):
        RoomName.parse(typed)
