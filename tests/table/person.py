"""What the person sees, and what somebody with an unsigned device of theirs is told."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.lab import ANSWER_S, Bench
from tests.human import Human, HumanError
from tests.table import judge
from tests.world import call, replies_to

Counts = dict[str, int]


def seen_so_far(bench: Bench) -> Counts:
    return {room: len(bench.human.messages(room)) for room in (bench.room, bench.dm)}


def shields_since(bench: Bench, before: Counts) -> list[str]:
    """What of the bot's messages since then a strict client hides, or shows with a shield."""
    own = bench.bot.setting("USER_ID")
    fresh = [it for room, count in before.items() for it in bench.human.messages(room)[count:]]
    return judge.shields(fresh, own)


@asynccontextmanager
async def unsigned_device(bench: Bench) -> AsyncIterator[Human]:
    """A device of the admin: who owns the server sets a password, and logs in."""
    password, user_id = f"Passw0rd-{secrets.token_hex(8)}", bench.human.user_id
    body = {"password": password, "logout_devices": False}
    path = f"/_synapse/admin/v2/users/{user_id}"
    made = await call(bench.homeserver, bench.root.access_token, "PUT", path, body)
    made.raise_for_status()
    async with Human.open(
        bench.homeserver.url, user_id, password=password, bootstrap=False, strict=False
    ) as human:
        await human.wait_for(lambda h: h.membership(bench.room, user_id) == "join" or None)
        yield human


async def told_to(bench: Bench, rogue: Human, line: str) -> str:
    """What that device reads under what it has typed; empty if nothing."""
    event_id = await rogue.send(bench.room, line)
    try:
        answer = await rogue.wait_message(
            bench.room,
            lambda seen: replies_to(seen) == event_id,
            sender=bench.bot.setting("USER_ID"),
            timeout=ANSWER_S,
        )
    except (AssertionError, HumanError):
        return ""
    return str(answer.body)


async def told_in_clear(bench: Bench, line: str) -> str:
    """What is said to a line that the person's own device sent without encryption."""
    path = f"/_matrix/client/v3/rooms/{bench.room}/send/m.room.message/{secrets.token_hex(8)}"
    sent = await bench.human.raw("PUT", path, {"msgtype": "m.text", "body": line})
    found = await bench.answers(sent["event_id"])
    return str(found[0].body) if found else ""
