"""Who is who: accounts, identities, rooms and seats that are not what they seem."""

import asyncio
import hashlib
import hmac
import json
import random
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from adminbot.demo.homeserver import Homeserver, Person
from tests.faults.proxy import Exchange, Proxy, a_proxy
from tests.human import Human
from tests.program import a_program
from tests.world import (
    Bot,
    World,
    a_human,
    a_person,
    a_world,
    adminbot,
    another_login,
    call,
    join_all,
    replies_to,
    trusted,
)

pytestmark = pytest.mark.anyio

V3 = "/_matrix/client/v3"
ADMIN = "/_synapse/admin"


def name_of(bot: Bot) -> str:
    return f"@{bot.directory.name}:example.test"


async def ask_as(human: Human, room: str, line: str) -> str:
    """The answer to a line of anybody's, readable and without a shield."""
    event_id = await human.send(room, line)
    answer = await human.wait_message(room, lambda m: replies_to(m) == event_id)
    trusted(answer)
    return str(answer.body)


async def by_root(homeserver: Homeserver, root: Person, path: str, body: Any = None) -> Any:
    """What the admin API says to a server admin (GET without a body, else POST)."""
    answer = await call(homeserver, root.access_token, "POST" if body else "GET", path, body)
    return answer.raise_for_status().json()


async def wait_until(look: Callable[[], Any], within_s: float = 20) -> None:
    async with asyncio.timeout(within_s):
        while not look():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def reconfigure(bot: Bot, name: str, value: str) -> None:
    text, old = bot.env_file.read_text(), bot.setting(name)
    bot.env_file.write_text(text.replace(f"{name}='{old}'", f"{name}='{value}'"))


# -- 4: a managed bot's identity


async def reset_by(world: World, root: Person, user_id: str) -> None:
    """Who owns the server sets a password, logs in, and makes another identity."""
    async with another_login(world, root, user_id) as thief:
        await thief.reset_identity()


async def published(world: World, user_id: str) -> None:
    """The identity that adminbot makes is out, and noted to be."""
    query: dict[str, Any] = {"device_keys": {user_id: []}}
    for _ in range(100):
        answer = await world.human.raw("POST", f"{V3}/keys/query", query)
        await asyncio.sleep(0.2)
        if user_id in answer["master_keys"]:
            return
    raise AssertionError("it made none")


def alarms(world: World) -> list[str]:
    texts = [str(m.body) for m in world.human.messages(world.dm) if m.msgtype == "m.text"]
    return [text for text in texts if "another cross-signing identity" in text]


async def test_a_bots_replaced_identity_is_told_once_and_its_devices_are_not_trusted(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    name = f"prey-{directory.name}"
    user_id = f"@{name}:example.test"
    async with a_world(homeserver, root, directory) as world:
        card = await world.card("is ready", f"!newbot {name}")
        device = card.values["MATRIX_DEVICE_ID"]
        async with a_program(card, directory / "store"):
            await world.human.wait_message(world.dm, f"{name} is online and trusted")
        await reset_by(world, root, user_id)

        listed = str((await world.ask(f"!devices {name}")).body)
        assert f"{device}, from its card: another identity than mine" in listed
        assert "trusted" not in listed.split("🚨")[0]
        assert f"adminbot trust {user_id}" in listed
        assert "another identity than mine" in str((await world.ask(f"!bot {name}")).body)
        refused = str((await world.ask(f"!trust {name}")).body)
        assert "than the one that I made for it, so I sign nothing" in refused
        assert f"adminbot trust {user_id}" in refused
        await wait_until(lambda: alarms(world))
        assert f"!revoke {name}" in alarms(world)[0]

        await world.bot.stop()
        await world.bot.start()
        await world.ask(f"!devices {name}")
        await world.ask("!ping", room=world.dm)
        assert len(alarms(world)) == 1

        await reset_by(world, root, user_id)
        await world.ask(f"!bot {name}")
        await wait_until(lambda: len(alarms(world)) == 2)

        words = ("trust", user_id, "--yes", "--env-file", world.bot.env_file)
        code, out, err = await adminbot(*words)
        assert (code, err) == (0, ""), err
        assert "I sign nothing for it any more" in out
        assert f"{device}, from its card: unsigned" in str(
            (await world.ask(f"!devices {name}")).body
        )


async def test_a_replaced_identity_is_noticed_by_itself(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """Also while its device is awaited, and when adminbot was away."""
    name = f"prey-{directory.name}"
    async with a_world(homeserver, root, directory) as world:
        card = await world.card("is ready", f"!newbot {name}")
        await published(world, card.values["MATRIX_USER_ID"])
        await world.bot.stop()
        await reset_by(world, root, card.values["MATRIX_USER_ID"])
        await world.bot.start()
        await wait_until(lambda: alarms(world))
        async with a_program(card, directory / "store"):
            await asyncio.sleep(2)
        told = [str(m.body) for m in world.human.messages(world.dm)]
        assert not [text for text in told if f"{name} is online" in text]
        assert len(alarms(world)) == 1


async def test_the_first_identity_of_a_bot_that_signs_itself_is_the_one_that_counts(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    name = f"proud-{directory.name}"
    async with a_world(homeserver, root, directory) as world:
        card = await world.card("is ready", f"!newbot {name} --own-identity")
        user_id = card.values["MATRIX_USER_ID"]
        async with Human.open(homeserver.url, user_id, access_token=card.token):
            await world.human.wait_message(world.dm, f"{name} is online and trusted")
        await reset_by(world, root, user_id)
        assert "another identity than before" in str((await world.ask(f"!bot {name}")).body)
        refused = str((await world.ask(f"!trust {name}")).body)
        assert "than the one that it had before, so I sign nothing" in refused
        await wait_until(lambda: alarms(world))

        await world.card("New token", f"!rotate {name} --new-device")
        assert "another identity" not in str((await world.ask(f"!bot {name}")).body)


# -- 5: admins who are not there


async def test_setup_refuses_an_admin_whom_nobody_is(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    bot = Bot(homeserver, directory)
    you, gone = f"you-{directory.name}", f"gone-{directory.name}"
    person = await a_person(homeserver, root, you)
    await a_person(homeserver, root, gone)
    path = f"{ADMIN}/v1/deactivate/@{gone}:example.test"
    await by_root(homeserver, root, path, {"erase": False})
    for wrong, why in ((f"{you}x", "no account of that name"), (gone, "is deactivated")):
        code, out, err = await adminbot(*bot.setup_words([f"@{wrong}:example.test"]))
        assert code == 1
        assert f"@{wrong}:example.test cannot be an admin, because" in err
        assert why in err
        assert err.count("\n") == 1
        assert "invited" not in out
        assert not bot.env_file.exists()

    # It goes on from there, and shows the pin. (Where somebody can be asked: test_wizard.py.)
    async with a_human(homeserver, person):
        code, out, err = await adminbot(*bot.setup_words([person.user_id]))
        assert code == 0, err
        assert "from the interrupted setup" in out
        assert bot.setting("ADMINS") == person.user_id
        answer = await call(
            *(homeserver, person.access_token, "POST", f"{V3}/keys/query"),
            {"device_keys": {person.user_id: []}},
        )
        [master] = answer.json()["master_keys"][person.user_id]["keys"].values()
        grouped = " ".join(master[i : i + 4] for i in range(0, len(master), 4))
        assert f"identity of {person.user_id} remembered: {grouped}" in out


async def test_an_admin_of_another_server_is_possible_and_told(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """This server federates with nobody, so that the other one cannot be asked: refused.

    Where it can (so says a proxy here), the invitation fails; what is said is said before.
    """
    you = await a_person(homeserver, root, f"you-{directory.name}")
    async with a_proxy(homeserver.url, random.Random(1)) as proxy:  # noqa: S311
        bot = Bot(homeserver, directory, via=proxy.url)
        words = bot.setup_words([you.user_id, "@far:elsewhere.test"])
        code, _, err = await adminbot(*words)
        assert code == 1
        assert "is no account of this server, which is called example.test" in err
        assert "Most likely it is --admin @far:example.test" in err
        proxy.trap(f"POST {V3}/keys/query", 1, reachable)
        _, out, _ = await adminbot(*words)
        assert "⚠️ @far:elsewhere.test is on another server" in out


async def reachable(request: web.Request, exchange: Exchange) -> web.StreamResponse:
    """An answer of /keys/query in which every server could be asked."""
    return web.json_response({"device_keys": {}, "failures": {}})


async def test_a_mistyped_admin_is_left_out_at_start_and_whoever_takes_the_name_gets_no_seat(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    typo = f"yuo-{directory.name}"
    async with a_world(homeserver, root, directory) as world:
        you = world.human.user_id
        reconfigure(world.bot, "ADMINS", f"{you} @{typo}:example.test")
        for _ in range(2):
            await world.bot.stop()
            await world.bot.start()
        alarm = await world.human.wait_message(world.dm, "I leave them out, because no account")
        trusted(alarm)
        assert f"@{typo}:example.test" in str(alarm.body)

        person = await a_person(homeserver, root, typo)
        async with a_human(homeserver, person) as taker:
            await world.bot.stop()
            await world.bot.start()
            told = await world.human.wait_message(world.dm, "anybody may have registered it since")
            assert f"adminbot trust @{typo}:example.test" in str(told.body)
            code, out, _ = await adminbot("room", "--env-file", world.bot.env_file)
            assert code == 0
            assert f"⚠️ @{typo}:example.test is left out, because there was no such" in out
            assert not taker.invites()
            room = await taker.create_room(invite=[name_of(world.bot)], is_direct=True)
            await world.ask("!ping")
            assert taker.membership(room, name_of(world.bot)) == "invite", "a stranger"

            words = ("trust", person.user_id, "--yes", "--env-file", world.bot.env_file)
            code, out, err = await adminbot(*words)
            assert code == 0, err
            assert "once the service is started again" in out
            await world.bot.stop()
            await world.bot.start()
            room, _ = await join_all(taker, world.bot)
            assert await ask_as(taker, room, "!ping") == "🏓 pong"


async def test_with_no_admin_left_it_does_not_start_and_with_a_server_away_it_waits(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with (
        a_proxy(homeserver.url, random.Random(1)) as proxy,  # noqa: S311
        a_world(homeserver, root, directory, via=proxy.url) as world,
    ):
        you = world.human.user_id
        await world.bot.stop()
        trap = proxy.trap(f"GET {ADMIN}/v2/users/*", 1, "page_502")
        await world.bot.start()
        assert trap.sprung.is_set()
        assert (await world.ask("!ping")).body == "🏓 pong"

        await world.bot.stop()
        reconfigure(world.bot, "ADMINS", f"@nobody-{directory.name}:example.test")
        await world.bot.start(ready=False)
        assert world.bot.process
        assert await asyncio.wait_for(world.bot.process.wait(), 20) == 1
        assert "Nobody in ADMINBOT_ADMINS can command me" in world.bot.log
        reconfigure(world.bot, "ADMINS", you)
        await world.bot.start()


# -- 6: a name that was taken in between


def register_quietly(homeserver: Homeserver, nonce: str, name: str) -> dict[str, Any]:
    """A body that makes an account without any device, as `inhibit_login` does."""
    signed = "\0".join([nonce, name, "Secret-1", "notadmin"])
    mac = hmac.new(homeserver.shared_secret.encode(), signed.encode(), hashlib.sha1).hexdigest()
    return {
        **{"nonce": nonce, "username": name, "password": "Secret-1", "admin": False, "mac": mac},
        **{"inhibit_login": True, "displayname": "Somebody"},
    }


@pytest.mark.parametrize("keep", [True, False])
async def test_an_account_that_appears_between_check_and_making_is_not_touched(
    homeserver: Homeserver, root: Person, directory: Path, keep: bool
) -> None:
    name = f"late-{directory.name}"
    async with a_proxy(homeserver.url, random.Random(1)) as proxy:  # noqa: S311

        async def overtake(request: web.Request, exchange: Exchange) -> web.StreamResponse:
            answer = await proxy.hand_on(request, exchange)
            nonce = await call(homeserver, None, "GET", f"{ADMIN}/v1/register")
            body = register_quietly(homeserver, nonce.json()["nonce"], name)
            made = await call(homeserver, None, "POST", f"{ADMIN}/v1/register", body)
            made.raise_for_status()
            return answer

        async with a_world(homeserver, root, directory, via=proxy.url) as world:
            if not keep:
                await world.bot.stop()
                reconfigure(world.bot, "REGISTRATION_SHARED_SECRET", "")
                await world.bot.start()
            trap = proxy.trap(f"GET {ADMIN}/v1/username_available", 1, overtake)
            answer = str((await world.ask(f"!newbot {name}")).body)
            assert trap.sprung.is_set()
            assert "already exists. Nothing was changed" in answer
            account = await by_root(homeserver, root, f"{ADMIN}/v2/users/@{name}:example.test")
            assert account["displayname"] == "Somebody"
            assert "No bots yet" in str((await world.ask("!bots")).body)
        login = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": name},
            "password": "Secret-1",
        }
        assert (await call(homeserver, None, "POST", f"{V3}/login", login)).status_code == 200


# -- 7: rooms that are only called like ours


async def test_setup_takes_no_room_for_its_own_that_it_did_not_make(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """A public lobby, and a private room of somebody's, both called adminbot; a lobby of ours."""
    bot = Bot(homeserver, directory)
    you = await a_person(homeserver, root, f"you-{directory.name}")
    words = [str(word) for word in bot.setup_words([you.user_id])]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-u", "-m", "adminbot", *words), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout
    while b"own rate limit" not in await process.stdout.readline():
        pass
    process.kill()
    await process.wait()
    journal = (directory / "env.setup").read_text()
    token = journal.split("TOKEN='")[1].split("'")[0]
    with_room = "ROOM=" in journal
    own: dict[str, Any] = {"name": "adminbot", "invite": [you.user_id]}
    names = {"name": "adminbot", "invite": [name_of(bot)]}
    megolm = {"algorithm": "m.megolm.v1.aes-sha2"}
    encrypted = [{"type": "m.room.encryption", "state_key": "", "content": megolm}]
    lobbies = []
    for creator, body in (
        (you.access_token, {**names, "preset": "public_chat"}),
        (you.access_token, {**names, "preset": "private_chat", "initial_state": encrypted}),
        (token, {**own, "preset": "public_chat", "initial_state": encrypted}),
        (token, {**own, "preset": "private_chat"}),
    ):
        made = await call(homeserver, creator, "POST", f"{V3}/createRoom", body)
        room = made.raise_for_status().json()["room_id"]
        await call(homeserver, token, "POST", f"{V3}/join/{room}", {})
        lobbies.append(room)

    code, _, err = await adminbot(*words)
    assert code == 0, err
    assert not with_room
    assert bot.setting("ROOM") not in lobbies
    with closing(sqlite3.connect(bot.data_dir / "adminbot.db")) as db:
        [(chat,)] = db.execute("SELECT room_id FROM dm").fetchall()
    assert chat not in lobbies


# -- 8: who is no admin any more


async def test_a_removed_admin_is_removed_from_the_admin_room(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory) as world:
        you = world.human.user_id
        person = await a_person(homeserver, root, f"other-{directory.name}")
        await world.bot.stop()
        reconfigure(world.bot, "ADMINS", f"{you} {person.user_id}")
        async with a_human(homeserver, person) as other:
            await world.bot.start()
            room, _ = await join_all(other, world.bot)
            assert await ask_as(other, room, "!ping") == "🏓 pong"

            await world.bot.stop()
            reconfigure(world.bot, "ADMINS", you)
            await world.bot.start()
            told = await world.human.wait_message(room, f"I removed {person.user_id}")
            trusted(told)
            await other.wait_membership(room, other.user_id, "leave")
            assert f"removed from the admin room user={person.user_id}" in world.bot.log
            assert world.human.membership(room, you) == "join"
            assert (await world.card("is ready", f"!newbot after-{directory.name}")).token

            await world.bot.stop()
            reconfigure(world.bot, "ADMINS", f"{you} {person.user_id}")
            await world.bot.start()
            await other.wait_membership(room, other.user_id, "invite")
            await other.join(room)
            assert await ask_as(other, room, "!ping") == "🏓 pong"


# -- 9: a room whose encryption the server does not speak of any more


@asynccontextmanager
async def a_liar(upstream: str) -> AsyncIterator[tuple[Proxy, list[bool]]]:
    """A proxy that leaves m.room.encryption out of every sync while the list holds True."""
    lies: list[bool] = []
    async with a_proxy(upstream, random.Random(1)) as proxy:  # noqa: S311
        honest = proxy.ask

        async def ask(exchange: Exchange) -> Any:
            answer = await honest(exchange)
            if lies and exchange.kind == f"GET {V3}/sync":
                body = json.loads(exchange.answer)
                for room in body.get("rooms", {}).get("join", {}).values():
                    for part in ("state", "timeline"):
                        events = room.get(part, {}).get("events", [])
                        kept = [it for it in events if it["type"] != "m.room.encryption"]
                        room.setdefault(part, {})["events"] = kept
                exchange.answer = json.dumps(body).encode()
            return answer

        setattr(proxy, "ask", ask)  # noqa: B010  # mypy minds an assignment
        yield proxy, lies


async def test_an_encrypted_command_is_never_answered_in_clear(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with (
        a_liar(homeserver.url) as (proxy, lies),
        a_world(homeserver, root, directory, via=proxy.url) as world,
    ):
        await world.ask("!ping", room=world.dm)
        own = await world.human.create_room(invite=[name_of(world.bot)], is_direct=True)
        await world.human.wait_membership(own, name_of(world.bot), "join")
        await world.ask("!ping", room=own)

        # matrix-nio's own memory is lost with its store, as on a new machine.
        await world.bot.stop()
        shutil.rmtree(world.bot.data_dir / "crypto")
        lies.append(True)
        await world.bot.start()
        for room in (world.room, world.dm, own):
            assert "No bots yet" in str((await world.ask("!bots", room=room)).body)

        # One that it never heard to be encrypted.
        fresh = await world.human.create_room(invite=[name_of(world.bot)], is_direct=True)
        await world.human.wait_membership(fresh, name_of(world.bot), "join")
        assert "No bots yet" in str((await world.ask("!bots", room=fresh)).body)
        await world.bot.stop()
        await world.bot.start()
        assert "No bots yet" in str((await world.ask("!bots", room=fresh)).body)

        # Nor is what it says by itself, or to a device that does not count.
        async with another_login(world, root) as rogue:
            await rogue.wait_for(lambda h: h.membership(world.room, h.user_id) == "join" or None)
            await rogue.send(world.room, "!newbot stolen")
            told = await rogue.wait_message(world.room, "is not verified, so I did nothing")
            assert told.encrypted
        said = [
            m for room in (world.room, world.dm, own, fresh) for m in world.human.messages(room)
        ]
        clear = [m for m in said if m.type == "m.room.message" and not m.encrypted]
        assert clear == []
