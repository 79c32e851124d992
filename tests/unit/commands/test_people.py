"""Commands about people, over tests/desk.py."""

import itertools
from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.errors import AdminbotError, NameTaken, UsageError
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from tests.desk import NANO, OWN, YOU, Desk, Login, a_desk, nowhere, token_of, until

pytestmark = pytest.mark.anyio

ANNA = UserId("anna", "example.org")
# Whom no command changes, and why.
PROTECTED = [
    ("@adminbot", "is my own account"),
    ("@you", "is one of my admins"),
    ("root", "is a server admin"),
    ("nano", "is one of my bots"),
    ("bridged", "belongs to a bridge"),
    ("closed", "is closed for good"),
    ("nobody", "Nobody on this server is called “nobody”"),
    ("@anna:elsewhere.org", "I care for accounts on example.org only"),
    ("@", "Nobody on this server is called"),
    ("`x`\u202e", "Nobody on this server is called “x”"),
]


@pytest.fixture
async def people(desk: Desk) -> Desk:
    await token_of(desk, "!newbot nano")
    desk.server.accounts |= {
        ANNA: Login("old", {"PHONE": {"syt_anna"}}, display_name="Anna"),
        UserId("root", "example.org"): Login(is_admin=True),
        UserId("bridged", "example.org"): Login(appservice_id="irc"),
        UserId("closed", "example.org"): Login(closed=True),
        OWN: Login("own", is_admin=True),
        YOU: Login("yours"),
    }
    return desk


def passed_on(desk: Desk) -> dict[str, str]:
    """The named lines of the newest card."""
    lines = desk.chat.secrets[-1].split("\n")
    return dict(line.split(": ", 1) for line in lines if ": " in line and line[0].isupper())


async def test_a_person_gets_an_account_without_a_session(desk: Desk) -> None:
    answer = await desk.asks("!newuser Ünal Ünal Öz")
    assert "✅ @uenal:example.org is ready.\n“Ünal” became uenal." in answer
    card = passed_on(desk)
    assert (card["Name"], card["Server"]) == ("uenal", "example.org")
    login = desk.server.accounts[UserId("uenal", "example.org")]
    assert (login.password, login.display_name) == (card["Password"], "Ünal Öz")
    assert not login.devices
    assert "👤 Ünal Öz: new account" in desk.chat.secrets[-2]
    assert card["Password"] not in desk.chat.secrets[-2]
    assert "3." in desk.chat.secrets[-1]
    assert await desk.store.bots.all() == []


async def test_an_account_that_exists_is_never_touched(people: Desk) -> None:
    before = people.server.accounts[ANNA].password
    answer = await people.asks("!newuser anna")
    assert "@anna:example.org already exists. Nothing was changed." in answer
    assert "!newuser anna2" in answer
    assert "!resetpw @anna:example.org" in answer
    assert people.server.accounts[ANNA].password == before


async def test_a_person_that_was_made_before_a_crash_gets_another_password(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        server = desk.server
        server.hangs = lambda what: what == "set up person"
        await desk.says("!newuser anna")
        await until(lambda: "set up person" in server.asked)
    server.hangs = nowhere
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        assert "is ready" in desk.chat.said[-1][1]
        assert passed_on(desk)["Password"] == server.accounts[ANNA].password
    assert server.asked.count("create") == 1


async def test_what_somebody_else_made_meanwhile_is_left_alone(tmp_path: Path) -> None:
    """The crash came before the request; a person with a session has the name now."""
    async with a_desk(tmp_path) as desk:
        server = desk.server
        server.hangs = lambda what: what == "create"
        await desk.says("!newuser anna")
        await until(lambda: "create" in server.asked)
    server.hangs = nowhere
    server.accounts[ANNA] = Login("theirs", {"PHONE": {"syt"}})
    async with a_desk(tmp_path, server) as desk:
        await desk.settled()
        assert "already exists" in desk.chat.said[-1][1]
    assert server.accounts[ANNA].password == "theirs"


@pytest.mark.parametrize("typed", ["anna", "@anna", "@anna:example.org", "ANNA", "@Anna"])
async def test_a_fresh_password_leaves_the_sessions(people: Desk, typed: str) -> None:
    answer = await people.asks(f"!resetpw {typed}")
    assert "✅ New password for @anna:example.org. Their sessions go on." in answer
    login = people.server.accounts[ANNA]
    assert login.password == passed_on(people)["Password"] != "old"
    assert login.devices


async def test_a_fresh_password_opens_no_locked_account_and_that_is_said(people: Desk) -> None:
    assert "shut out" not in await people.asks("!resetpw anna")
    people.server.accounts[ANNA].is_locked = True
    answer = await people.asks("!resetpw anna")
    assert "They are shut out: it works after !unlock @anna:example.org." in answer
    assert people.server.accounts[ANNA].is_locked


@pytest.mark.parametrize("refused", [UsageError("Reserved.", "`!newbot x`"), NameTaken(ANNA, "x")])
@pytest.mark.parametrize("where", ["check_name_free", "create_blank"])
async def test_a_refused_name_is_answered_with_a_person_s_command(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, refused: AdminbotError, where: str
) -> None:
    async def refuse(user_id: UserId) -> None:
        raise refused

    monkeypatch.setattr(desk.server, where, refuse)
    answer = await desk.asks("!newuser anna")
    assert "Pick another name: !newuser anna2" in answer
    assert "newbot" not in answer


async def test_a_fresh_password_ends_the_sessions_if_asked(people: Desk) -> None:
    assert "Every session of theirs is ended" in await people.asks("!resetpw anna --sign-out")
    assert not people.server.accounts[ANNA].devices


async def test_an_older_card_goes_when_there_is_a_newer_one(people: Desk) -> None:
    await people.asks("!resetpw anna")
    await people.asks("!resetpw anna")
    first, second = (await people.store.cards.open())[-2:]
    assert first.vanishes_at
    assert second.vanishes_at
    assert first.vanishes_at <= now() < second.vanishes_at


async def test_a_person_is_shut_out_and_let_in(people: Desk) -> None:
    assert "Shut @anna:example.org out?" in await people.asks("!lock @anna")
    await people.taps("✅", await people.question())
    await people.settled()
    assert not people.server.accounts[ANNA].is_locked
    assert "is shut out" in await people.asks("anna")
    assert people.server.accounts[ANNA].is_locked
    assert "🔒 Shut out" in await people.asks("!user anna")
    assert "is let in again" in await people.asks("!unlock @anna")
    assert not people.server.accounts[ANNA].is_locked
    assert "is not shut out" in await people.asks("!unlock @anna")


@pytest.mark.parametrize(
    ("command", "typed", "why"),
    [(it, *case) for it, case in itertools.product(("resetpw", "lock", "unlock"), PROTECTED)],
)
async def test_who_is_protected_stays_as_they_are(
    people: Desk, command: str, typed: str, why: str
) -> None:
    before = {
        it: (login.password, login.is_locked) for it, login in people.server.accounts.items()
    }
    cards = len(people.chat.secrets)
    assert why in await people.asks(f"!{command} {typed}")
    after = {it: (login.password, login.is_locked) for it, login in people.server.accounts.items()}
    assert after == before
    assert len(people.chat.secrets) == cards
    assert not await people.store.questions.of(YOU)


async def test_who_became_an_admin_before_the_answer_is_left_alone(people: Desk) -> None:
    await people.asks("!lock anna")
    people.server.accounts[ANNA].is_admin = True
    assert "is a server admin" in await people.asks("anna")
    assert not people.server.accounts[ANNA].is_locked


async def test_the_list_of_people(people: Desk) -> None:
    people.server.seen[ANNA] = now() - timedelta(hours=3)
    answer = await people.asks("!users")
    assert "👥 People (6)" in answer
    assert "• 🟡 anna, seen 3 h ago" in answer
    assert "• ⚪🛡️ root, never seen" in answer
    assert "• 🟡 anna" in await people.asks("!users ann")
    assert "There is nobody with “zzz”." in await people.asks("!users zzz")
    # Adopted bots, and our own account, are people to the server.
    assert "• ⚪🤖 nano," in answer
    assert "• ⚪🤖🛡️ adminbot," in answer


async def test_the_list_is_paged(desk: Desk) -> None:
    for number in range(45):
        desk.server.accounts[UserId(f"p{number:02}", "example.org")] = Login()
    first = await desk.asks("!users")
    assert first.count("• ") == 20
    assert "More: !users 2" in first
    last = await desk.asks("!users p 3")
    assert last.count("• ") == 5
    assert "More" not in last
    assert "More: !users p 3" in await desk.asks("!users p 2")
    for wrong in ("p 4", "p 0", "p x", "9999"):
        assert "There is no page" in await desk.asks(f"!users {wrong}")


async def test_one_person_in_detail(people: Desk) -> None:
    people.server.seen[ANNA] = now() - timedelta(days=3)
    people.server.accounts[ANNA].made_at = now()
    answer = await people.asks("!user anna")
    for line in ("👤 Anna", "• Account: @anna:example.org", "• Seen 3 d ago", "• Sessions: 1"):
        assert line in answer
    people.server.accounts[ANNA].last_seen = now() - timedelta(days=2)
    assert "• Seen 2 d ago" in await people.asks("!user anna")
    people.server.accounts[ANNA].devices.clear()  # signed out is not the same as never seen
    assert "• Seen 2 d ago" in await people.asks("!user anna")
    assert "Server admin" in await people.asks("!user root")
    assert "Belongs to a bridge: irc" in await people.asks("!user bridged")
    assert "Closed for good" in await people.asks("!user closed")
    assert f"is one of my bots: !bot {NANO.localpart}" in await people.asks("!user nano")
    assert "Nobody on this server" in await people.asks("!user nobody")


async def test_the_server_is_asked_for_no_name_that_it_cannot_have(people: Desk) -> None:
    """Some proxies answer a line of 10 kB in HTML, and that would be tried again for a minute."""
    for command in ("user", "resetpw", "lock", "unlock", "adopt", "users"):
        before = list(people.server.asked)
        answer = await people.asks(f"!{command} {'x' * 10_000}")
        assert answer.startswith("❌")
        assert "Type" in answer or "!users" in answer
        assert people.server.asked == before, command
