"""`!audit`, and what goes into the audit by way of the chat: over tests/desk.py."""

import re

import pytest
from hypothesis import given, strategies as st

from adminbot.commands.audit import in_a_line
from adminbot.dispatch import rate_limit
from adminbot.dispatch.refusals import TOO_MANY
from adminbot.store import BY_TAP, Entry, Kind
from adminbot.trust.pins import PinState
from adminbot.values.clock import now
from adminbot.values.text import one_line
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
    assert (own.what, own.outcome) == ("rotate", "OffLimits")
    assert (lockdown.kind.value, lockdown.what, lockdown.device) == ("change", "lockdown", "PHONE")
    assert (locked.who, locked.outcome, locked.target) == (str(OTHER), "LockedDown", str(NANO))


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


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_flood_of_refusals_is_bounded_and_counted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    for _ in range(30):
        await desk.says("!rotate nobody", trusted=trusted)
    await desk.settled()
    found = await entries(desk)
    assert len(found) == 11
    assert [it.outcome for it in found].count(TOO_MANY) == 1
    monkeypatch.setattr(rate_limit, "_WITHIN_S", 0.0)  # as if the minute were over
    await desk.says("!rotate nobody", trusted=trusted)
    await desk.settled()
    assert str((await entries(desk))[-1].outcome).endswith(", and 20 refusals before")


async def test_of_a_refused_device_it_is_noted_what_it_was_after(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.says("!rotate nano", trusted=False)
    await desk.says("!rotate syt_secret", trusted=False)
    await desk.says("!lockdown", trusted=False)
    await desk.says("!cancel", trusted=False)
    await desk.settled()
    found = [it for it in await entries(desk) if it.kind is Kind.REFUSAL]
    assert {(it.what, it.target, it.device) for it in found} == {
        ("rotate", str(NANO), ""),
        ("rotate", "", ""),
        ("lockdown", "", ""),
    }
    assert all(it.event_id for it in found)


async def test_a_brake_by_a_tap_says_so(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!revoke nano", device="PHONE")
    await desk.taps("✅", await desk.question())
    await desk.settled()
    assert (await entries(desk))[-1].device == BY_TAP
    assert "you: revoke nano by a tap" in await desk.asks("!audit", device="PHONE")


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


# -- hostile names

HOSTILE = st.text(
    st.sampled_from("a1@:!`*<>&\n\r\t \u202e\u200b\ud800\x00'\"\\$-_=/.é"), min_size=1, max_size=40
)


@given(st.lists(st.tuples(HOSTILE, HOSTILE, HOSTILE, HOSTILE), min_size=1, max_size=5))
def test_whatever_was_noted_is_one_short_line_each(found: list[tuple[str, str, str, str]]) -> None:
    """Nothing that somebody once called themselves breaks a line, an id, or out of its marks."""
    for who, what, target, outcome in found:
        for kind in Kind:
            entry = Entry(kind, who, what, target, outcome, device=who, at=now())
            line = in_a_line(entry, you=str(YOU), device="PHONE", server="example.org")
            assert line.startswith("• ")
            assert len(line) < 700
            assert line == one_line(line)
            assert line.count("`") % 2 == 0
            assert "*" not in re.sub("`[^`]*`", "", line)


@pytest.mark.parametrize(
    "name", ["nano`", "@na no", "<b>", "\u202eonan", "syt_x\nDROP TABLE audit", "'; --"]
)
async def test_a_hostile_name_is_answered(desk: Desk, name: str) -> None:
    await desk.asks(f"!rotate {name}")
    await desk.asks(f"!newbot {name}")
    said = await desk.asks(f"!audit {name}")
    assert said
    assert await desk.asks("!audit")
    for entry in await entries(desk):
        assert not entry.target or re.fullmatch(r"@[a-z0-9._=/+-]+:example\.org", entry.target)
