"""Pause, password, note, one session out, old sessions out, messages erased: on a real Synapse."""

import sqlite3
import time
from contextlib import closing
from typing import Any

import pytest

from adminbot.demo.homeserver import Person
from tests.world import World, call, on_server, whoami

pytestmark = pytest.mark.anyio


async def asked(world: World, line: str) -> str:
    return str((await world.ask(line)).body)


async def log_in(world: World, name: str, password: str, **more: str) -> tuple[int, Any]:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": name},
        "password": password,
    }
    path = "/_matrix/client/v3/login"
    answer = await call(world.homeserver, None, "POST", path, body | more)
    return answer.status_code, answer.json()


async def test_a_paused_bots_token_says_locked_and_works_again_after_it(world: World) -> None:
    card = await world.card("is ready", "!newbot sleeper")
    question = await world.ask("!pause sleeper")
    await world.human.react(world.room, question.event_id, "✅")
    said = str((await world.answer_to(question.event_id)).body)
    assert "✅ @sleeper:example.test is paused ⏸" in said
    status, answer = await whoami(world.homeserver, card.token)
    assert (status, answer["errcode"]) == (401, "M_USER_LOCKED")

    refused = "is paused: its account is locked. Nothing was changed. First: !resume sleeper"
    assert refused in await asked(world, "!rotate sleeper")
    assert refused in await asked(world, "!password sleeper")
    assert refused in await asked(world, "!join sleeper")
    assert "was paused already" in await asked(world, "!pause sleeper")

    assert "Its token works again" in await asked(world, "!resume sleeper")
    status, answer = await whoami(world.homeserver, card.token)
    assert (status, answer["device_id"]) == (200, card.values["MATRIX_DEVICE_ID"])
    assert "is not paused. Nothing was changed" in await asked(world, "!resume sleeper")
    assert "❌ nobody is not one of my bots" in await asked(world, "!resume nobody")


async def test_what_somebody_else_locked_is_told_and_unlocked(world: World, root: Person) -> None:
    card = await world.card("is ready", "!newbot shut --room !abcdefghijklmnop:example.test")
    path = f"/_synapse/admin/v2/users/{card.values['MATRIX_USER_ID']}"
    await call(world.homeserver, root.access_token, "PUT", path, {"locked": True})
    assert "is paused: its account is locked" in await asked(world, "!rotate shut")
    assert "is paused: its account is locked" in await asked(world, "!join shut")
    assert "Its token works again" in await asked(world, "!resume shut")
    assert (await whoami(world.homeserver, card.token))[0] == 200


async def test_a_paused_bot_is_signed_out_and_stays_paused(world: World) -> None:
    card = await world.card("is ready", "!newbot tired")
    await asked(world, "!pause tired")
    await asked(world, "tired")
    await asked(world, "!revoke tired")
    assert "It stays paused. Let it in again: !resume tired" in await asked(world, "tired")
    sql = "SELECT locked FROM users WHERE name = ?"
    assert on_server(world.homeserver, sql, card.values["MATRIX_USER_ID"])[0]["locked"]
    assert "It has no login, though" in await asked(world, "!resume tired")
    assert (await whoami(world.homeserver, card.token))[1]["errcode"] == "M_UNKNOWN_TOKEN"


async def test_a_fresh_password_logs_in_while_the_old_token_lives(world: World) -> None:
    first = await world.card("is ready", "!newbot keyring --password")
    card = await world.card("New password", "!password keyring")
    assert "MATRIX_ACCESS_TOKEN" not in card.values
    assert "new password" in str(card.intro.body)
    assert (await whoami(world.homeserver, first.token))[0] == 200
    assert (await log_in(world, "keyring", first.values["MATRIX_PASSWORD"]))[0] == 403
    status, session = await log_in(world, "keyring", card.values["MATRIX_PASSWORD"])
    assert status == 200
    assert (await whoami(world.homeserver, session["access_token"]))[0] == 200
    assert (await whoami(world.homeserver, first.token))[0] == 200
    assert not first.block.redacted, "its token works"


async def test_one_session_ends_and_the_others_live(world: World) -> None:
    card = await world.card("is ready", "!newbot pair --password")
    login = await log_in(world, "pair", card.values["MATRIX_PASSWORD"], device_id="LOST")
    stolen = login[1]["access_token"]
    await asked(world, "!revoke pair NOPE")
    assert "has no session on NOPE. Nothing was changed" in await asked(world, "pair")
    await asked(world, "!revoke pair LOST")
    assert "The session of @pair:example.test on LOST is ended" in await asked(world, "pair")
    assert (await whoami(world.homeserver, stolen))[0] == 401
    assert (await whoami(world.homeserver, card.token))[0] == 200

    await asked(world, f"!revoke pair {card.values['MATRIX_DEVICE_ID']}")
    said = await asked(world, "pair")
    assert "from its card is ended" in said
    assert "Its password still works" in said
    assert (await whoami(world.homeserver, card.token))[0] == 401
    await world.human.wait_for(lambda h: card.block.redacted or None)


async def test_sessions_not_seen_for_long_are_pruned_and_the_issued_one_lives(
    world: World, root: Person
) -> None:
    card = await world.card("is ready", "!newbot hoarder --password")
    user_id, password = card.values["MATRIX_USER_ID"], card.values["MATRIX_PASSWORD"]
    old, new = [
        (await log_in(world, "hoarder", password, device_id=device_id))[1]["access_token"]
        for device_id in ("OLD", "NEW")
    ]
    path = f"/_synapse/admin/v2/users/{user_id}/devices"
    body = {"device_id": "NEVER"}
    await call(world.homeserver, root.access_token, "POST", path, body)
    for device_id, days in (("OLD", 100), ("NEW", 10), (card.values["MATRIX_DEVICE_ID"], 200)):
        last_seen(world, user_id, device_id, days)

    assert "wants a time in days or weeks" in await asked(world, "!devices hoarder --prune soon")
    assert "no session to sign out" in await asked(world, "!devices hoarder --prune 300d")
    question = await asked(world, "!devices hoarder — prune 90d".replace("— ", "—"))
    assert "• OLD seen 100 d ago\nThe one from its card stays" in question
    said = await asked(world, "hoarder")
    assert said == "✅ Signed out of @hoarder:example.test, not seen for 90 d:\n• OLD"
    assert (await whoami(world.homeserver, old))[0] == 401
    assert (await whoami(world.homeserver, new))[0] == 200
    assert (await whoami(world.homeserver, card.token))[0] == 200
    assert "NEVER" in await asked(world, "!devices hoarder")


def last_seen(world: World, user_id: str, device_id: str, days_ago: int) -> None:
    """Beside the server: it reads a device anew each time that it is asked."""
    seen_ms = round((time.time() - days_ago * 86400) * 1000)
    sql = "UPDATE devices SET last_seen = ? WHERE user_id = ? AND device_id = ?"
    path = world.homeserver.directory / "homeserver.db"
    with closing(sqlite3.connect(path, timeout=20)) as db, db:
        db.execute(sql, (seen_ms, user_id, device_id))


async def test_an_erased_bots_messages_are_gone_for_those_who_read_them(world: World) -> None:
    card = await world.card("is ready", "!newbot chatty")
    user_id, token = card.values["MATRIX_USER_ID"], card.token
    room = await world.human.create_room(encrypted=False, invite=[user_id])
    await call(world.homeserver, token, "POST", f"/_matrix/client/v3/rooms/{room}/join", {})
    path = f"/_matrix/client/v3/rooms/{room}/send/"
    texts = [f"word {n}" for n in range(6)]
    for text in texts:
        body = {"msgtype": "m.text", "body": text}
        await call(world.homeserver, token, "PUT", f"{path}m.room.message/{text[5:]}", body)
    await world.human.wait_message(room, texts[-1])

    question = await asked(world, "!deletebot chatty --erase")
    assert "It is signed out at once" in question
    assert "Stays: reactions, files on the server" in question
    said = await asked(world, "chatty")
    assert (
        said
        == "✅ @chatty:example.test is deleted. Its name stays taken.\nIts messages are removed."
    )
    assert (await whoami(world.homeserver, token))[0] == 401

    def all_gone(_: object) -> bool | None:
        seen = [m for m in world.human.messages(room) if m.sender == user_id]
        return all(m.redacted or m.type != "m.room.message" for m in seen) or None

    await world.human.wait_for(all_gone, what="all messages redacted")
    read = await world.human.raw("GET", f"/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=50")
    bodies = [it["content"].get("body") for it in read["chunk"] if it["sender"] == user_id]
    assert not any(bodies)
    profile = await call(world.homeserver, None, "GET", f"/_matrix/client/v3/profile/{user_id}")
    assert profile.status_code == 404 or not profile.json().get("displayname")
    assert "was one of my bots, is deleted" in await asked(world, "!newbot chatty")


async def test_a_note_is_kept_shown_and_cleared(world: World) -> None:
    await world.card("is ready", "!newbot noted --note “reads the door bell”")
    assert "📝 noted: reads the door bell" in await asked(world, "!note noted")
    assert "has 200 characters at most" in await asked(world, f"!note noted {'x' * 201}")
    assert "✅ Noted of noted: opens the door" in await asked(world, "!note noted opens the door")
    assert "has no note any more" in await asked(world, "!note noted -")
    assert "noted has no note" in await asked(world, "!note noted")
