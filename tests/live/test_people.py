"""People's accounts on a real homeserver, asked for by a person with Element's own library."""

from datetime import timedelta
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person, running
from adminbot.homeserver.http import open_http
from adminbot.homeserver.synapse_people import SynapsePeople
from adminbot.homeserver.values import SigningUp
from adminbot.values.clock import until
from adminbot.values.secret import Secret
from tests.world import World, another_login, call, on_server, whoami

pytestmark = pytest.mark.anyio

TOKEN = Secret("HelloLena2HelloLena3")


async def passed_on(world: World, line: str, answer: str, *, begins: str) -> dict[str, str]:
    """The named lines of the card that a command ends in."""
    card = await world.card(answer, line, begins=begins)
    lines = card.text.split("\n")
    return dict(it.split(": ", 1) for it in lines if ": " in it and it[0].isupper())


async def log_in(world: World, user: str, password: str) -> tuple[int, str]:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
    }
    answer = await call(world.homeserver, None, "POST", "/_matrix/client/v3/login", body)
    return answer.status_code, answer.json().get("access_token", "")


async def test_a_person_from_the_first_day_to_a_new_password(world: World) -> None:
    card = await passed_on(world, "!newuser Anna Anna Ö", "is ready", begins="A place for you")
    assert card["Name"] == "anna"
    [row] = on_server(world.homeserver, "SELECT * FROM users WHERE name = '@anna:example.test'")
    assert row["user_type"] is None
    assert not on_server(
        world.homeserver, "SELECT 1 FROM access_tokens WHERE user_id = '@anna:example.test'"
    )
    status, token = await log_in(world, "anna", card["Password"])
    assert status == 200

    again = await passed_on(world, "!resetpw @anna", "New password", begins="You have a new")
    assert (await log_in(world, "anna", card["Password"]))[0] == 403
    assert (await whoami(world.homeserver, token))[0] == 200
    assert (await log_in(world, "anna", again["Password"]))[0] == 200
    await passed_on(
        world, "!resetpw @anna:example.test —sign-out", "session", begins="You have a new"
    )
    assert (await whoami(world.homeserver, token))[0] == 401


async def test_a_person_is_shut_out_and_let_in(world: World) -> None:
    card = await passed_on(world, "!newuser lotte", "is ready", begins="A place for you")
    _, token = await log_in(world, "lotte", card["Password"])
    assert "Shut @lotte:example.test out?" in str((await world.ask("!lock @lotte")).body)
    assert "is shut out" in str((await world.ask("lotte")).body)
    status, answer = await whoami(world.homeserver, token)
    assert (status, answer["errcode"]) == (401, "M_USER_LOCKED")
    assert "🔒 Shut out" in str((await world.ask("!user lotte")).body)
    assert "🔒" in str((await world.ask("!users lott")).body)
    assert "is let in again" in str((await world.ask("!unlock @lotte")).body)
    assert (await whoami(world.homeserver, token))[0] == 200


async def test_who_is_protected_and_who_is_not_here(world: World, root: Person) -> None:
    await world.card("is ready", "!newbot robot")
    before = on_server(world.homeserver, "SELECT name, password_hash, locked FROM users")
    for typed, why in (
        (root.user_id, "is a server admin"),
        (world.human.user_id, "is one of my admins"),
        (world.bot.setting("USER_ID"), "is my own account"),
        ("robot", "is one of my bots"),
        ("@who:elsewhere.test", "accounts on example.test only"),
        ("nobody-at-all", "Nobody on this server"),
    ):
        for command in ("resetpw", "lock", "unlock"):
            assert why in str((await world.ask(f"!{command} {typed}")).body), command
    assert "already exists" in str((await world.ask("!newuser robot")).body)
    assert "cannot be a name" in str((await world.ask("!newuser ((")).body)
    after = on_server(world.homeserver, "SELECT name, password_hash, locked FROM users")
    assert list(map(tuple, after)) == list(map(tuple, before))
    assert "Server admin" in str((await world.ask(f"!user {root.user_id}")).body)
    listed = str((await world.ask("!users root")).body)
    assert "🛡️ root" in listed
    assert "robot" not in str((await world.ask("!users robot")).body).replace("“robot”", "")
    async with another_login(world, root) as thief:
        await thief.join(world.room)
        sent = await thief.send(world.room, "!newuser mallory")
        await thief.wait_for(lambda h: h.messages(world.room) or None)
        del sent
    assert not on_server(world.homeserver, "SELECT 1 FROM users WHERE name LIKE '@mallory:%'")


@pytest.mark.parametrize(
    ("settings", "who"),
    [
        ("", SigningUp.SHUT),
        ("enable_registration: true\nregistration_requires_token: true\n", SigningUp.BY_TOKEN),
        (
            "enable_registration: true\nenable_registration_without_verification: true\n",
            SigningUp.BY_ANYBODY,
        ),
    ],
)
async def test_who_can_sign_up(
    tmp_path: Path, synapse: Path, settings: str, who: SigningUp
) -> None:
    with running(tmp_path, synapse, extra=settings) as server:
        own = Secret(server.register("root", admin=True).access_token)
        async with open_http(server.url, own) as http:
            people = SynapsePeople(http)
            assert await people.signing_up() is who
            if who is SigningUp.BY_TOKEN:
                await people.make_token(TOKEN, uses=1, until=until(timedelta(days=1)))
                await sign_up(server, "lena")
                assert await people.tokens() == []


async def sign_up(server: Homeserver, name: str) -> None:
    """Make an account with a sign-up token, as a client does."""
    path = "/_matrix/client/v3/register"
    body: dict[str, object] = {"username": name, "password": "Correct-horse-2"}
    begun = await call(server, None, "POST", path, body)
    assert begun.status_code == 401
    for stage in (
        {"type": "m.login.registration_token", "token": TOKEN.reveal()},
        {"type": "m.login.dummy"},
    ):
        auth = {"auth": {**stage, "session": begun.json()["session"]}}
        answer = await call(server, None, "POST", path, body | auth)
        if answer.status_code == 200:
            return
    raise AssertionError(answer.text)


async def test_sign_up_tokens(world: World) -> None:
    card = await passed_on(
        world,
        "!regtoken new --uses 2 —days 3",
        "sign-up token for 2 people",
        begins="You can make",
    )
    token = card["Token"]
    [row] = on_server(
        world.homeserver, "SELECT uses_allowed FROM registration_tokens WHERE token = ?", token
    )
    assert row["uses_allowed"] == 2
    listed = str((await world.ask("!regtoken list")).body)
    assert f"{token[:4]}… 2 uses left" in listed
    assert token not in listed
    assert "back?" in str((await world.ask(f"!regtoken revoke {token[:5]}")).body)
    assert "is taken back" in str((await world.ask(token[:4])).body)
    assert not on_server(
        world.homeserver, "SELECT 1 FROM registration_tokens WHERE token = ?", token
    )
    assert token not in world.bot.log
    for bad in ("", "make", "revoke", "revoke zzzz", "new --uses x", "list now"):
        assert str((await world.ask(f"!regtoken {bad}")).body).startswith("❌"), bad
