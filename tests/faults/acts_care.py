"""Pause and resume, a fresh password, one session out, old ones out, messages erased."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.faults.acts import Act, Case, Problems, asked_first, loose, make, told, typed
from tests.faults.lab import wait_until
from tests.world import call, rows

_OLD, _OLDER = "OLDONE", "OLDERONE"


async def _pause(case: Case) -> None:
    await make(case)
    await case.bench.ask(f"!pause {case.name}")
    assert "is paused" in await case.bench.ask(case.name)


async def _works(case: Case) -> int:
    token = case.known["MATRIX_ACCESS_TOKEN"]
    path = "/_matrix/client/v3/account/whoami"
    return (await call(case.bench.homeserver, token, "GET", path)).status_code


def _has_the_same_login(case: Case) -> Problems:
    """The token and the device of before are there, and nothing else is."""
    token, device = case.known["MATRIX_ACCESS_TOKEN"], case.known["MATRIX_DEVICE_ID"]
    problems: Problems = []
    if case.bench.truth.tokens(case.user_id) != {token: device}:
        problems.append(("lost", "not exactly the token of before is there"))
    row = case.bench.truth.bot_row(case.user_id)
    if row is None or row["device_id"] != device or not row["token_at"]:
        problems.append(("lost", "the registry has another device, or nothing"))
    return problems


async def _paused(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!pause {case.name}")
        await case.bench.ask(case.name)
    row = case.bench.truth.bot_row(case.user_id)
    if row is None or not row["paused"]:
        problems.append(("lost", "the registry does not know that it is paused"))
    if await _works(case) != 401:
        problems.append(("lost", "its token works"))
    return problems + _has_the_same_login(case) + loose(case)


async def _resumed(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!resume {case.name}")
    row = case.bench.truth.bot_row(case.user_id)
    if row is None or row["paused"]:
        problems.append(("lost", "the registry takes it for paused"))
    if await _works(case) != 200:
        problems.append(("lost", "its token does not work"))
    return problems + _has_the_same_login(case) + loose(case)


async def _new_password(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!password {case.name}")
    shown = await wait_until(lambda: _passwords(case), 10)
    if len(shown) != 1:
        return [("duplicated" if shown else "lost", f"{len(shown)} readable passwords")]
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": case.user_id},
        "password": shown[0],
        "device_id": "ANOTHER",
    }
    if await _works(case) != 200:
        problems.append(("lost", "its token died"))
    problems += _has_the_same_login(case)
    answer = await call(case.bench.homeserver, None, "POST", "/_matrix/client/v3/login", body)
    if answer.status_code != 200:
        problems.append(("lost", "the password on the card does not log in"))
    return problems + loose(case)


def _passwords(case: Case) -> list[str]:
    """The passwords that can be read on cards of the bot."""
    blocks = [str(it.body).splitlines() for it in case.bench.blocks(case.user_id)]
    found = [line for block in blocks for line in block if line.startswith("MATRIX_PASSWORD=")]
    case.bench.secrets.update(line.split("=", 1)[1] for line in found)
    return [line.split("=", 1)[1] for line in found]


async def _with_old_sessions(case: Case) -> None:
    """A bot with two more sessions, last seen half a year ago."""
    await make(case)
    admin = case.bench.root.access_token
    path = f"/_synapse/admin/v2/users/{case.user_id}/devices"
    for device_id in (_OLD, _OLDER):
        await call(case.bench.homeserver, admin, "POST", path, {"device_id": device_id})
    set_last_seen(case.bench.truth.synapse, case.user_id, days_ago=180)


def set_last_seen(database: Path, user_id: str, *, days_ago: int) -> None:
    """Of all of an account's devices, beside the server: it looks a device up each time."""
    seen_ms = round((time.time() - days_ago * 86400) * 1000)
    sql = "UPDATE devices SET last_seen = ? WHERE user_id = ? AND NOT hidden"
    with closing(sqlite3.connect(database, timeout=20)) as db, db:
        db.execute(sql, (seen_ms, user_id))


async def _asked_to_prune(case: Case) -> None:
    await _with_old_sessions(case)
    assert "2 minutes" in await case.bench.ask(f"!devices {case.name} --prune 90d")


async def _pruned(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!devices {case.name} --prune 90d")
        await case.bench.ask(case.name)
    elif not (_OLD in text and _OLDER in text):
        problems.append(("lost", f"not all that went is told: {text[:120]}"))
    if case.bench.truth.devices(case.user_id) != {case.known["MATRIX_DEVICE_ID"]}:
        problems.append(("lost", f"devices {case.bench.truth.devices(case.user_id)}"))
    return problems + _has_the_same_login(case) + loose(case)


async def _asked_to_end_one(case: Case) -> None:
    await _with_old_sessions(case)
    line = f"!revoke {case.name} {case.known['MATRIX_DEVICE_ID']}"
    assert "2 minutes" in await case.bench.ask(line)


async def _one_ended(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!revoke {case.name} {case.known['MATRIX_DEVICE_ID']}")
        await case.bench.ask(case.name)
    if case.bench.truth.tokens(case.user_id):
        problems.append(("lost", "its session lives"))
    if case.bench.truth.devices(case.user_id) != {_OLD, _OLDER}:
        problems.append(("lost", "another session went, too"))
    row = case.bench.truth.bot_row(case.user_id)
    if row is None or row["device_id"] or row["token_at"]:
        problems.append(("lost", "the registry has the session"))
    if not await wait_until(lambda: not case.bench.blocks(case.user_id), 10):
        problems.append(("lost", "its card is still readable"))
    return problems + loose(case)


async def _asked_to_erase(case: Case) -> None:
    """A bot that has written into a room with the person."""
    await make(case)
    body = {"preset": "private_chat", "invite": [case.user_id]}
    room = (await case.bench.human.raw("POST", "/_matrix/client/v3/createRoom", body))["room_id"]
    token, server = case.known["MATRIX_ACCESS_TOKEN"], case.bench.homeserver
    answer = await call(server, token, "POST", f"/_matrix/client/v3/rooms/{room}/join", {})
    assert answer.status_code == 200
    path = f"/_matrix/client/v3/rooms/{room}/send/m.room.message/"
    for n in range(3):
        await call(server, token, "PUT", f"{path}{n}", {"msgtype": "m.text", "body": f"word {n}"})
    assert "2 minutes" in await case.bench.ask(f"!deletebot {case.name} --erase")


async def _erased(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!deletebot {case.name} --erase")
        await case.bench.ask(case.name)
    truth = case.bench.truth
    row = truth.bot_row(case.user_id)
    if not truth.is_deactivated(case.user_id):
        problems.append(("lost", "the account lives"))
    if not rows(truth.synapse, "SELECT 1 FROM erased_users WHERE user_id = ?", case.user_id):
        problems.append(("lost", "the account is not erased"))
    if row is None or not row["deleted_at"]:
        problems.append(("lost", "the registry does not know"))
    if not await wait_until(lambda: not _unredacted(case), 20):
        problems.append(("lost", f"{_unredacted(case)} messages are there"))
    if not await wait_until(lambda: not case.bench.blocks(case.user_id), 10):
        problems.append(("lost", "its card is still readable"))
    return problems + loose(case)


def _unredacted(case: Case) -> int:
    sql = (
        "SELECT 1 FROM events WHERE sender = ? AND type = 'm.room.message' "
        "AND event_id NOT IN (SELECT redacts FROM redactions)"
    )
    return len(rows(case.bench.truth.synapse, sql, case.user_id))


async def _noted(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!note {case.name} what it is for")
    row = case.bench.truth.bot_row(case.user_id)
    if row is None or row["note"] != "what it is for":
        problems.append(("lost", "the registry has another note"))
    return problems + loose(case)


ACTS = (
    Act("pause", asked_first("pause"), typed("{name}"), _paused),
    Act("resume", _pause, typed("!resume {name}"), _resumed),
    Act("fresh password", make, typed("!password {name}"), _new_password),
    Act("note", make, typed("!note {name} what it is for"), _noted),
    Act("devices --prune", _asked_to_prune, typed("{name}"), _pruned),
    Act("revoke DEVICE", _asked_to_end_one, typed("{name}"), _one_ended),
    Act("deletebot --erase", _asked_to_erase, typed("{name}"), _erased),
)
