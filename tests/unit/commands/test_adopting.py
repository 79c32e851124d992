"""Taking accounts into care, over tests/desk.py: what is asked, who is refused, what is kept."""

import asyncio
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adminbot.accounts.registry import Own
from adminbot.crypto.crosssigning import Identity
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from tests.desk import DM, NANO, OTHER, OWN, YOU, Desk, Login, a_desk, signed_keys, token_of

pytestmark = pytest.mark.anyio

MADE = datetime(2024, 3, 1, tzinfo=UTC)
ALICE = UserId("alice", OWN.server)


def a_bot(**more: Any) -> Login:
    """An account of type bot, with one session."""
    about: dict[str, Any] = {"devices": {"D1": {"syt_theirs"}}, "user_type": "bot"}
    about |= {"made_at": MADE, "display_name": "My bot"}
    return Login("theirs", **(about | more))


def a_person(**more: Any) -> Login:
    return a_bot(user_type="", display_name="Alice", **more)


async def refused(desk: Desk, typed: str) -> str:
    """The answer; nothing was asked, changed or taken."""
    before = deepcopy(desk.server.accounts)
    answer = await desk.asks(f"!adopt {typed}")
    assert "❌" in answer
    assert not await desk.store.questions.of(YOU)
    assert desk.server.accounts == before
    return answer


async def test_a_bot_is_taken_after_its_name_and_stays_as_it_is(desk: Desk) -> None:
    desk.server.accounts[NANO] = a_bot()
    desk.server.entered += [(str(NANO), "!a"), (str(NANO), "!b")]
    desk.server.keys = {"D1": signed_keys("D1")}
    desk.server.seen[NANO] = now() - timedelta(hours=2)
    before = deepcopy(desk.server.accounts)
    asked = await desk.asks("!adopt @nano:example.org")
    assert asked.splitlines() == [
        "🤝 Take @nano:example.org into care? It is called “My bot”.",
        "• Made: 2024-03-01, type: bot",
        "• Sessions: 1, last seen 2 h ago, device D1",
        "• Rooms: 2",
        "• Server admin: no",
        "• Identity: none yet",
        "Nothing of it is changed; my commands for bots work on it then.",
        "To take it into care, answer within 2 minutes: nano",
    ]
    assert "That names nothing" in await desk.asks("yes")
    assert await desk.store.bots.find(NANO) is None
    assert (await desk.asks("nano")).splitlines() == [
        "✅ @nano:example.org is in my care. Nothing of it was changed.",
        "How it is: !bot nano",
        "Nobody has signed its device. To let me do so: !trust nano",
    ]
    assert desk.server.accounts == before
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert (bot.device_id, bot.made_by, bot.made_at) == ("D1", YOU, MADE)
    assert bot.adopted_at == bot.token_at
    assert (bot.own_identity, bot.has_password, bot.is_paused) == (False, False, False)
    assert await desk.store.awaited.all() == [], "nothing is signed unasked"
    assert "• Trust: unsigned. Mend it: !trust nano" in await desk.asks("!bot nano")
    assert "• ⚠️ nano unsigned, seen 2 h ago" in await desk.asks("!bots")
    assert "is one of my bots already" in await refused(desk, "nano")


async def test_a_persons_account_in_use_takes_a_second_word(desk: Desk) -> None:
    desk.server.accounts[ALICE] = a_person()
    desk.server.seen[ALICE] = now() - timedelta(minutes=5)
    assert "type: person" in await desk.asks("!adopt alice")
    second = await desk.asks("alice")
    assert second.splitlines() == [
        "⚠️ This seems to be a person's account: “Alice” was used 5 min ago, and nobody asks them. "
        "In my care, whoever may command me can sign them out (!revoke --all does so, too), get "
        "a login that acts as them, and close the account for good.",
        "To take it all the same, answer within 2 minutes: @alice:example.org",
    ]
    for not_enough in ("alice", "@alice", "yes"):
        await desk.says(not_enough)
        await desk.settled()
        assert await desk.store.bots.find(ALICE) is None, not_enough
    assert "is in my care" in await desk.asks("@alice:example.org")
    assert await desk.store.bots.find(ALICE)
    assert desk.server.accounts[ALICE] == a_person()


async def test_the_first_word_may_be_the_whole_id_and_is_still_the_first(desk: Desk) -> None:
    desk.server.accounts[ALICE] = a_person()
    await desk.asks("!adopt alice")
    assert "This seems to be a person's account" in await desk.asks("@alice:example.org")
    assert await desk.store.bots.find(ALICE) is None


async def test_an_account_called_yes_takes_two_words_as_well(desk: Desk) -> None:
    called_yes = UserId("yes", OWN.server)
    desk.server.accounts[called_yes] = a_person()
    assert "answer within 2 minutes: @yes:example.org" in await desk.asks("!adopt yes")
    assert "This seems to be a person's account" in await desk.asks("@yes:example.org")
    assert await desk.store.bots.find(called_yes) is None
    assert "is in my care" in await desk.asks("@yes:example.org")


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (a_person(), "“Alice” is signed in, and nobody"),
        (a_person(devices={}, addresses=["10.0.0.1"]), "“Alice” has been used, and nobody"),
        (a_person(devices={}), ""),
        (a_bot(addresses=["10.0.0.1"]), ""),
    ],
)
async def test_who_seems_to_use_the_account(desk: Desk, login: Login, said: str) -> None:
    desk.server.accounts[ALICE] = login
    await desk.asks("!adopt alice")
    answer = await desk.asks("alice")
    assert said in answer
    assert ("✅" in answer) == (not said)


async def test_without_sessions_it_is_signed_out_until_it_gets_a_token(desk: Desk) -> None:
    desk.server.accounts[NANO] = a_person(devices={})
    assert "• Sessions: none" in await desk.asks("!adopt nano")
    await desk.asks("nano")
    assert "• 🔑 nano signed out" in await desk.asks("!bots")
    token = await token_of(desk, "!rotate nano")
    assert desk.server.alive(token)


async def test_the_device_with_keys_that_was_seen_last_is_the_bots(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("OLD", "NEW", "OWN", "KEYLESS", "odd/device")
    desk.server.accounts[NANO] = a_bot(devices={name: {name} for name in names})
    desk.server.keys = {name: signed_keys(name) for name in names if name != "KEYLESS"}
    devices, ages = desk.server.devices, dict(zip(names, (9, 5, 1, 1, 1), strict=True))

    async def seen(user_id: UserId) -> Any:
        found = await devices(user_id)
        return [replace(it, last_seen=now() - timedelta(days=ages[it.device_id])) for it in found]

    monkeypatch.setattr(desk.server, "devices", seen)
    assert "• Sessions: 5, last seen 1 d ago, device NEW" in await desk.asks("!adopt nano")
    await desk.asks("nano")
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.device_id == "NEW"


async def test_an_identity_from_before_stays_its_own(desk: Desk) -> None:
    identity = Identity.from_seeds(Identity.new_seeds())
    keys = signed_keys("D1")
    [more] = identity.device_signature(str(NANO), keys)[str(NANO)].values()
    keys["signatures"][str(NANO)] |= more["signatures"][str(NANO)]
    body = identity.upload_body(str(NANO))

    async def query_keys(*_: UserId) -> dict[str, Any]:
        return {
            "device_keys": {str(NANO): {"D1": keys}},
            "master_keys": {str(NANO): body["master_key"]},
            "self_signing_keys": {str(NANO): body["self_signing_key"]},
        }

    desk.server.query_keys = query_keys  # type: ignore[method-assign]
    desk.server.accounts[NANO] = a_bot()
    assert "• Identity: its own, which stays its own" in await desk.asks("!adopt nano")
    assert "Nobody has signed" not in await desk.asks("nano")
    bot, pin = await desk.store.bots.find(NANO), await desk.store.bot_pins.find(NANO)
    assert bot
    assert bot.own_identity
    assert pin
    assert pin.master_key == identity.master.public
    assert "• Trust: trusted" in await desk.asks("!bot nano")

    body = Identity.from_seeds(Identity.new_seeds()).upload_body(str(NANO))
    assert "🚨 another identity than before" in await desk.asks("!bot nano")


@pytest.mark.parametrize(
    ("login", "said"),
    [
        (a_bot(is_admin=True), "is a server admin, so I leave that account alone"),
        (a_bot(appservice_id="telegram"), "belongs to a bridge (application service)"),
        (a_bot(closed=True), "is closed for good: there is nothing to care for."),
        (None, "There is no account @nano:example.org here. Nothing was changed."),
    ],
)
async def test_who_is_not_taken(desk: Desk, login: Login | None, said: str) -> None:
    if login:
        desk.server.accounts[NANO] = login
    assert said in await refused(desk, "nano")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("adminbot", "is my own account"),
        ("@nano:example.com", "I care for accounts on example.org only"),
        ("_bridge_somebody", "belongs to a bridge"),
        ("na%20no", "That is no user id. Nothing was changed. Type: !adopt @name:example.org"),
        ("@", "That is no user id"),
        ("nächster", "That is no user id"),
        ("", "!adopt needs a user id. Type: !adopt @USER"),
        ("nano please", "That is more than !adopt takes. Type: !adopt @USER"),
    ],
)
async def test_what_is_no_account_to_be_taken(desk: Desk, typed: str, said: str) -> None:
    desk.server.accounts |= {OWN: a_bot(), UserId("_bridge_somebody", OWN.server): a_bot()}
    assert said in await refused(desk, typed)


async def test_a_mistyped_name_is_offered_as_it_is(desk: Desk) -> None:
    desk.server.accounts[ALICE] = a_bot()
    answer = await desk.asks("!adopt alcie")
    assert answer == (
        "❌ There is no account @alcie:example.org here. Nothing was changed. "
        "Did you mean !adopt alice? Then tap ✅."
    )
    await desk.taps("✅", await desk.question())
    await desk.settled()
    assert "Take @alice:example.org into care?" in desk.chat.said[-1][1]
    assert await desk.store.bots.find(ALICE) is None


async def test_an_admin_of_ours_is_not_taken_and_no_command_for_bots_works_on_one(
    desk: Desk,
) -> None:
    desk.server.accounts |= {OTHER: a_bot(), NANO: a_bot()}
    registry = desk.services.accounts.registry
    registry.own = Own(OWN, "OWN", frozenset({YOU, OTHER}))
    assert "is one of my admins" in await refused(desk, "other")
    await desk.asks("!adopt nano")
    registry.own = Own(OWN, "OWN", frozenset({YOU, NANO}))
    assert "is one of my admins" in await desk.asks("nano")
    registry.own = Own(OWN, "OWN", frozenset({YOU}))
    await desk.asks("!adopt nano")
    await desk.asks("nano")
    registry.own = Own(OWN, "OWN", frozenset({YOU, NANO}))
    assert "is one of my admins" in await desk.asks("!revoke nano")


async def test_a_bot_that_was_deleted_is_taken_again_only_if_it_lives(desk: Desk) -> None:
    await token_of(desk, "!newbot nano")
    await desk.asks("!deletebot nano")
    await desk.asks("nano")
    answer = await refused(desk, "nano")
    assert "was one of my bots, and is closed for good" in answer
    assert "!newbot nano2" in answer
    desk.server.accounts[NANO] = a_bot()  # a server admin opened the account again
    await desk.asks("!adopt nano")
    assert "✅" in await desk.asks("nano")
    bot = await desk.store.bots.find(NANO)
    assert bot
    assert bot.device_id is None, "its session has no keys"


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        (a_bot(is_admin=True), "is a server admin"),
        (a_bot(closed=True), "is closed for good"),
        (a_bot(appservice_id="telegram"), "belongs to a bridge"),
        (a_person(), "This seems to be a person's account"),
        (None, "There is no account @nano:example.org here"),
    ],
)
async def test_what_is_so_after_the_answer_counts(
    desk: Desk, meanwhile: Login | None, said: str
) -> None:
    desk.server.accounts[NANO] = a_bot()
    await desk.asks("!adopt nano")
    del desk.server.accounts[NANO]
    if meanwhile:
        desk.server.accounts[NANO] = meanwhile
    assert said in await desk.asks("nano")
    assert await desk.store.bots.find(NANO) is None


async def test_what_changes_between_the_look_and_the_taking_counts_as_well(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within one command: the act looks once more, with the account in hand."""
    desk.server.accounts[NANO] = a_bot()
    await desk.asks("!adopt nano")
    find, looks = desk.server.find_account, 0

    async def changing(user_id: UserId) -> Any:
        nonlocal looks
        looks += 1
        found = await find(user_id)
        return found if looks == 1 or not found else replace(found, user_type="")

    monkeypatch.setattr(desk.server, "find_account", changing)
    assert "is in use since a moment ago. Nothing was changed." in await desk.asks("nano")
    assert looks == 2
    assert await desk.store.bots.find(NANO) is None


async def test_somebody_else_was_faster(desk: Desk) -> None:
    desk.server.accounts[NANO] = a_bot()
    await desk.asks("!adopt nano")
    await desk.asks("!adopt nano", sender=OTHER, room_id=DM)
    assert "✅" in await desk.asks("nano", sender=OTHER, room_id=DM)
    assert "is one of my bots already" in await desk.asks("nano")


async def test_a_locked_account_is_taken_as_paused(desk: Desk) -> None:
    desk.server.accounts[NANO] = a_bot(is_locked=True)
    assert "• ⏸ It is locked." in await desk.asks("!adopt nano")
    await desk.asks("nano")
    assert "• ⏸ nano paused" in await desk.asks("!bots")


async def test_everything_works_on_it_then(desk: Desk) -> None:
    desk.server.accounts[NANO] = a_bot()
    desk.server.keys = {"D1": signed_keys("D1")}
    await desk.asks("!adopt nano")
    await desk.asks("nano")
    assert "• D1, from its card: unsigned" in await desk.asks("!devices nano")
    token = await token_of(desk, "!rotate nano")
    assert desk.server.accounts[NANO].devices == {"D1": {token}}
    assert "already exists: it is one of my bots, adopted" in await desk.asks("!newbot nano")
    assert "Delete @nano:example.org for good?" in await desk.asks("!deletebot nano")
    assert not desk.server.accounts[NANO].closed
    await desk.asks("nano")
    assert desk.server.accounts[NANO].closed


async def test_killed_before_its_end_it_is_taken_by_the_second_run(tmp_path: Any) -> None:
    async with a_desk(tmp_path) as desk:
        server = desk.server
        server.accounts[NANO] = a_bot()
        await desk.asks("!adopt nano")

        async def killed(*_: Any, **__: Any) -> None:
            server.hangs = lambda what: True
            await desk.server._asked("nothing")

        desk.store.adopted = killed  # type: ignore[method-assign]
        event_id = await desk.says("nano")
        async with asyncio.timeout(5):
            while not await desk.store.acts.find(event_id):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
    server.hangs = lambda what: False
    async with a_desk(tmp_path, server) as desk:
        [answer] = await desk.chat.answers(event_id)
        assert "I was cut off and finished it" in answer
        assert "✅ @nano:example.org is in my care" in answer
        assert await desk.store.bots.find(NANO)
        assert server.accounts[NANO] == a_bot()


async def test_under_a_lockdown_nothing_is_taken(desk: Desk) -> None:
    desk.server.accounts[NANO] = a_bot()
    await desk.asks("!adopt nano")
    await desk.asks("!lockdown", room_id=DM)
    await desk.asks("lockdown", room_id=DM)
    assert "lock" in await desk.asks("nano")
    assert await desk.store.bots.find(NANO) is None
