"""`!audit`, and what goes into the audit by way of the chat: over tests/desk.py."""

import pytest

from adminbot.store import Entry
from adminbot.trust.pins import PinState
from tests.desk import NANO, OTHER, YOU, Desk, nowhere, token_of, until

pytestmark = pytest.mark.anyio


async def entries(desk: Desk) -> list[Entry]:
    return [entry async for entry in desk.store.audit.since(None, "")]


async def test_a_change_is_noted_with_who_and_from_where(desk: Desk) -> None:
    await desk.asks("!newbot nano", device="PHONE")
    [entry] = await entries(desk)
    assert (entry.who, entry.device, entry.what) == (str(YOU), "PHONE", "newbot")
    assert (entry.target, entry.outcome, entry.kind.value) == (str(NANO), "done", "change")
    assert entry.at
    assert entry.ended_at
    assert entry.at <= entry.ended_at


async def test_a_refusal_is_noted_with_who_and_from_where(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!newbot nano", device="PHONE")
    await desk.asks("!rotate adminbot", device="PHONE")
    await desk.lockdown.lock(YOU, "PHONE")
    await desk.asks("!rotate nano", sender=OTHER)
    _, taken, own, lockdown, locked = await entries(desk)
    assert (taken.kind.value, taken.what, taken.outcome) == ("refusal", "newbot", "NameTaken")
    assert (taken.device, taken.target) == ("PHONE", str(NANO))
    assert (own.what, own.outcome) == ("rotate", "Refused")
    assert (lockdown.kind.value, lockdown.what, lockdown.device) == ("change", "lockdown", "PHONE")
    assert (locked.who, locked.outcome, locked.target) == (str(OTHER), "Refused", str(NANO))


async def test_what_changes_nothing_and_what_was_mistyped_is_not_noted(desk: Desk) -> None:
    for line in ("!bots", "!ping", "!newbot", "!rotat nano", "!newbot (", "!bot nobody"):
        await desk.asks(line)
    assert await entries(desk) == []


async def test_a_refused_device_is_noted(desk: Desk) -> None:
    await desk.asks("!newbot nano", trusted=False)
    await desk.asks("!newbot nano", encrypted=False)
    await desk.asks("!ping", trusted=False)
    desk.policy.state = PinState.CHANGED
    await desk.asks("!newbot nano", trusted=False)
    await desk.settled()
    found = await entries(desk)
    assert [(it.kind.value, it.what, it.outcome) for it in found] == [
        ("refusal", "newbot", "This device of yours is not verified"),
        ("refusal", "newbot", "That came unencrypted"),
        ("refusal", "newbot", "Your cross-signing identity is another one than I remember"),
    ]


async def test_a_flood_of_refusals_is_bounded(desk: Desk) -> None:
    for _ in range(30):
        await desk.says("!newbot nano", trusted=False)
    await desk.settled()
    assert len(await entries(desk)) == 10


@pytest.mark.parametrize(
    "typed",
    ["syt_bmFub3Q_hunter2", "syt_secret", "MATRIX_ACCESS_TOKEN=syt_x", "`a`", "x" * 9000, "a b c"],
)
async def test_what_was_typed_is_not_kept(desk: Desk, typed: str) -> None:
    await desk.asks(f"!rotate {typed}")
    await desk.asks(f"!revoke {typed}")
    for entry in await entries(desk):
        assert entry.target == ""
        assert typed not in str(entry)


async def test_the_list_is_short_and_newest_first(desk: Desk) -> None:
    await desk.asks("!newbot nano", device="PHONE")
    await desk.asks("!newbot nano", device="PHONE")
    await desk.asks("!newbot other", device="LAPTOP", sender=OTHER)
    lines = (await desk.asks("!audit", device="PHONE")).split("\n")
    assert lines[0] == "📜 Audit, times in UTC"
    assert lines[1].startswith("• ✅ ")
    assert lines[1].endswith("other: newbot other on LAPTOP")
    assert lines[2].startswith("• ⛔ ")
    assert lines[2].endswith("you: newbot nano (name taken)")
    assert lines[3].endswith("you: newbot nano")
    about = (await desk.asks("!audit @nano")).split("\n")
    assert about[0] == "📜 Audit of @nano:example.org, times in UTC"
    assert len(about) == 3
    assert len((await desk.asks("!audit @other:example.org")).split("\n")) == 2


async def test_what_is_under_way_comes_first(desk: Desk) -> None:
    desk.server.hangs = lambda what: what == "register"
    await desk.says("!newbot nano")
    await until(lambda: "register" in desk.server.asked)
    assert "• ⏳" in (await desk.asks("!audit", sender=OTHER)).split("\n")[1]
    desk.server.hangs = nowhere


async def test_the_list_is_paged(desk: Desk) -> None:
    for number in range(23):
        await desk.asks(f"!newbot b{number}")
    first = await desk.asks("!audit")
    assert first.count("• ") == 10
    assert first.endswith("More: !audit 2")
    assert (await desk.asks("!audit 3")).count("• ") == 3
    assert "There is nothing there." in await desk.asks("!audit 4")
    assert (await desk.asks("!audit you 2")).endswith("More: !audit you 3")


@pytest.mark.parametrize(
    ("typed", "why"),
    [
        ("nano x", "There is no page x"),
        ("nano 0", "There is no page 0"),
        ("0", "There is no page 0"),
        ("@a:elsewhere.org", "accounts on example.org only"),
        ("nobody", "Nothing was done yet."),
        ("a 1 2", "more than !audit takes"),
    ],
)
async def test_what_cannot_be_shown(desk: Desk, typed: str, why: str) -> None:
    assert why in await desk.asks(f"!audit {typed}")
