"""`python -m tests.bench`: how long things take, against the bare wire in the same run.

One Synapse (bcrypt 12, login limits raised), one bot, Element's own library as the judge. The
machine is noisy: commands and what they are compared with take turns, and medians count. Two
echoes are measured: *plain* is httpx and two long-polling syncs in a room without encryption;
*encrypted* is the smallest matrix-nio bot there is, read by the same judge as our bot.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import secrets
import sqlite3
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from nio import RoomMessageText
from nio.client.async_client import AsyncClient

from adminbot.accounts.signing import Kept
from adminbot.crypto.crosssigning import Identity
from adminbot.demo.homeserver import Homeserver, Person, running, stay_on_loopback, synapse_python
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import open_http
from adminbot.store import Bot, identity_of, open_store
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer, Secret
from tests.flood import PER_SECOND, a_flood
from tests.human import Human, ensure_installed
from tests.world import MANY_LOGINS, World, a_person, a_world, replies_to, trusted, whoami

BOTS, OLD, STARTS, SETTLE_S, FLOOD = 50, 2000, 5, 0.3, 1500
_KINDS = ("master", "self_signing")
SYNAPSE = MANY_LOGINS.replace("bcrypt_rounds: 4", "bcrypt_rounds: 12")
V3 = "/_matrix/client/v3"
Timed = Callable[[], Awaitable[float]]  # one measurement in seconds
Samples = dict[str, list[float]]


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@dataclass
class PlainHttp:
    """Plain requests on kept-alive connections, as little as can be between us and Synapse."""

    homeserver: Homeserver
    http: httpx.AsyncClient
    last: Person | None = None

    async def ask(self, person: Person | None, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {person.access_token}"} if person else {}
        answer = await self.http.request(method, path, json=body, headers=headers)
        return answer.raise_for_status().json()

    async def register(self) -> float:
        """An account with a device and a token: two requests, one bcrypt."""
        name, path, began = secrets.token_hex(8), "/_synapse/admin/v1/register", time.monotonic()
        nonce = (await self.ask(None, "GET", path))["nonce"]
        signed = f"{nonce}\0{name}\0{name}\0notadmin".encode()
        mac = hmac.new(self.homeserver.shared_secret.encode(), signed, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": name, "admin": False, "mac": mac}
        made = await self.ask(None, "POST", path, body)
        self.last = Person(made["user_id"], made["access_token"], made["device_id"], name)
        return time.monotonic() - began

    async def renew(self, root: Person) -> float:
        """A new token for the device registered last, older ones dead: three requests."""
        assert self.last
        user_id, device_id, began = self.last.user_id, self.last.device_id, time.monotonic()
        password, who = secrets.token_hex(16), {"type": "m.id.user", "user": user_id}
        proof = {"type": "m.login.password", "identifier": who, "password": password}
        body = {"password": password, "logout_devices": False}
        await self.ask(root, "PUT", f"/_synapse/admin/v2/users/{user_id}", body)
        fresh = await self.ask(None, "POST", f"{V3}/login", proof | {"device_id": device_id})
        renewed = Person(user_id, fresh["access_token"], device_id, "")
        body = {"new_password": secrets.token_hex(16), "logout_devices": True, "auth": proof}
        await self.ask(renewed, "POST", f"{V3}/account/password", body)
        return time.monotonic() - began


@asynccontextmanager
async def plain_echo(wire: PlainHttp, asker: Person, answerer: Person) -> AsyncIterator[Timed]:
    """Two accounts in one unencrypted room: what one says, the other's sync loop says back."""
    body = {"invite": [answerer.user_id]}
    room_id = (await wire.ask(asker, "POST", f"{V3}/createRoom", body))["room_id"]
    await wire.ask(answerer, "POST", f"{V3}/rooms/{room_id}/join", {})
    answers: asyncio.Queue[float] = asyncio.Queue()

    async def speak(person: Person) -> None:
        path = f"{V3}/rooms/{room_id}/send/m.room.message/{secrets.token_hex(8)}"
        await wire.ask(person, "PUT", path, {"msgtype": "m.text", "body": "echo"})

    async def listen(me: Person) -> None:
        path = f"{V3}/sync?timeout=0"
        while True:
            answer = await wire.ask(me, "GET", path)
            path = f"{V3}/sync?timeout=30000&since={answer['next_batch']}"
            rooms = answer.get("rooms", {}).get("join", {}).values()
            for event in (event for room in rooms for event in room["timeline"]["events"]):
                if event["type"] == "m.room.message" and event["sender"] != me.user_id:
                    if me is asker:
                        answers.put_nowait(time.monotonic())
                    else:
                        await speak(me)

    async def once() -> float:
        began = time.monotonic()
        await speak(asker)
        return await asyncio.wait_for(answers.get(), 20) - began

    loops = [asyncio.create_task(listen(person)) for person in (answerer, asker)]
    try:
        yield once
    finally:
        for loop in loops:
            loop.cancel()
        await asyncio.gather(*loops, return_exceptions=True)


@asynccontextmanager
async def encrypted_echo(wire: PlainHttp, world: World, me: Person) -> AsyncIterator[Timed]:
    """A plain matrix-nio client on a device that its owner signed, in an encrypted room."""

    async def echo(room: Any, event: Any) -> None:
        if event.sender != me.user_id:
            relation = {"m.in_reply_to": {"event_id": event.event_id}}
            content = {"msgtype": "m.notice", "body": event.body, "m.relates_to": relation}
            await client.room_send(room.room_id, "m.room.message", content, None, True)

    with tempfile.TemporaryDirectory(prefix="bench-echo-") as store:
        client = AsyncClient(wire.homeserver.url, me.user_id, me.device_id, store)
        client.restore_login(me.user_id, me.device_id, me.access_token)
        await client.keys_upload()
        identity = Identity.from_seeds(Identity.new_seeds())
        async with open_http(wire.homeserver.url, me.session.token) as own:
            account = ClientApi(own)
            await account.upload_cross_signing(identity.upload_body(me.user_id))
            keys = (await account.query_keys(me.session.user_id))["device_keys"][me.user_id]
            signature = identity.device_signature(me.user_id, keys[me.device_id])
            await account.upload_signatures(signature)
        client.add_event_callback(echo, RoomMessageText)
        loop = asyncio.create_task(client.sync_forever(timeout=30_000, full_state=True))
        room_id = await world.human.create_room(invite=[me.user_id])
        await wire.ask(me, "POST", f"{V3}/rooms/{room_id}/join", {})
        await world.human.wait_membership(room_id, me.user_id, "join")
        try:
            yield lambda: answered(world.human, room_id, "echo")
        finally:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
            await client.close()  # type: ignore[no-untyped-call]


async def answered(human: Human, room_id: str, line: str) -> float:
    """From sending a line to reading the answer."""
    began = time.monotonic()
    event_id = await human.send(room_id, line)
    answer = await human.wait_message(room_id, lambda seen: replies_to(seen) == event_id)
    trusted(answer)
    return (answer.decrypted_at or 0) - began


async def carded(world: World, line: str) -> float:
    """From sending a line to reading the block to paste; what comes after is waited for."""
    before, began = len(world.human.messages(world.dm)), time.monotonic()
    event_id = await world.say(line)
    card = await world.next_card(after=before)
    await world.answer_to(event_id)
    await world.human.wait_for(lambda human: set(human.reactions(event_id)) == {"✅"}, what="✅")
    return (card.block.decrypted_at or 0) - began


def resident_and_cpu(world: World) -> tuple[float, float]:
    """The bot's resident MiB now, and its processor seconds so far, of all threads."""
    assert world.bot.process
    proc = Path(f"/proc/{world.bot.process.pid}")
    _, _, resident = (proc / "status").read_text().partition("VmRSS:")
    stat = (proc / "stat").read_text().rpartition(")")[2].split()
    return int(resident.split()[0]) / 1024, sum(map(int, stat[11:13])) / os.sysconf("SC_CLK_TCK")


async def measure(
    world: World, turns: dict[str, Timed], rounds: int, idle_s: float
) -> tuple[Samples, float, float]:
    """All durations, resident MiB after `BOTS` bots, and percent of a processor when idle."""
    samples, made = defaultdict[str, list[float]](list), 0
    for _ in range(STARTS):
        await world.bot.stop()
        began = time.monotonic()
        await world.bot.start()
        samples["ready"].append(time.monotonic() - began)

    async def newbot() -> float:
        nonlocal made
        made += 1
        return await carded(world, f"!newbot bench{made}")

    async def revoke() -> float:
        """From confirming to the server taking the bot's token no more."""
        card = await world.card("New token", "!rotate brake")
        await world.ask("!revoke brake")
        began = time.monotonic()
        event_id = await world.say("brake")
        while (await whoami(world.homeserver, card.token))[0] == 200:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        took = time.monotonic() - began
        await world.answer_to(event_id)
        return took

    turns["ping"] = lambda: answered(world.human, world.room, "!ping")
    turns["newbot"] = newbot
    turns["rotate"] = lambda: carded(world, f"!rotate bench{made}")
    turns["revoke"] = revoke
    await world.card("is ready", "!newbot brake")
    order = list(turns)
    for number in range(rounds + 1):
        say(f"round {number}/{rounds}" if number else "warming up")
        for name in order:
            await asyncio.sleep(SETTLE_S)
            took = await turns[name]()
            if number:
                samples[name].append(took)
        order.append(order.pop(0))  # nobody always comes first
    say(f"making the rest of {BOTS} bots, then idle for {idle_s:g} s")
    while made < BOTS:
        await newbot()
    await asyncio.sleep(2)
    resident, _ = resident_and_cpu(world)
    return samples, resident, await idle_cpu(world, idle_s)


async def idle_cpu(world: World, idle_s: float) -> float:
    """Percent of a processor while nothing is asked of the bot."""
    _, before_s = resident_and_cpu(world)
    await asyncio.sleep(idle_s)
    return (resident_and_cpu(world)[1] - before_s) / idle_s * 100


async def with_old_ones(server: Homeserver, world: World, idle_s: float) -> float:
    """The same, with `OLD` bots more that were made a month ago and whose programs never started.

    They are written into both databases, as far as waiting for them needs: their identities are
    out, and what is kept of them is sealed in the store.
    """
    await world.bot.stop()
    since = now() - timedelta(days=30)
    you, kept, published = UserId.parse(world.human.user_id), {}, []
    for number in range(OLD):
        user_id = UserId(f"old{number}", you.server)
        identity = Identity.from_seeds(Identity.new_seeds()).upload_body(str(user_id))
        kept[user_id] = identity["master_key"]
        published += [(str(user_id), kind, identity[f"{kind}_key"]) for kind in _KINDS]
    with closing(sqlite3.connect(server.directory / "homeserver.db", timeout=60)) as db, db:
        db.executemany(
            "INSERT INTO e2e_cross_signing_keys (user_id, keytype, keydata, stream_id) "
            "VALUES (?, ?, ?, ?)",
            [(who, kind, json.dumps(key), -n) for n, (who, kind, key) in enumerate(published, 1)],
        )
    async with open_store(
        world.bot.data_dir, Sealer.from_base64(Secret(world.bot.setting("STORE_KEY")))
    ) as store:
        for user_id in kept:
            await store.bots.add(Bot(user_id, "old", "OLD1", False, you, since, since))
        seeds = Kept.new(you, None).to_json()
        nothing_to_publish = json.dumps(json.loads(seeds) | {"identity": None})
        await store.sealed.set_all({identity_of(user_id): nothing_to_publish for user_id in kept})
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db, db:
        rows = [(str(user_id), "OLD1", str(you), since.isoformat()) for user_id in kept]
        db.executemany("INSERT INTO awaited VALUES (?, ?, ?, ?)", rows)
    await world.bot.start()
    say(f"{OLD} old bots more, then idle for {idle_s:g} s")
    await asyncio.sleep(45)  # it looks for each of them once
    return await idle_cpu(world, idle_s)


@dataclass
class Flooded:
    """Durations in seconds of `!ping`, and by how many MiB the bot grew."""

    quiet: list[float]
    during: list[float]
    grown: float

    @property
    def delay_ms(self) -> float:
        return (median(self.during) - median(self.quiet)) * 1000


async def flooded(server: Homeserver, world: World, person: Person, rounds: int) -> Flooded:
    """What a stranger's flood costs an admin's command, and the bot's memory."""
    quiet: list[float] = []
    during: list[float] = []
    for _ in range(rounds):
        await asyncio.sleep(SETTLE_S)
        quiet.append(await answered(world.human, world.room, "!ping"))
    before, _ = resident_and_cpu(world)
    async with a_flood(server, world, person) as flood:
        await asyncio.sleep(5)
        halfway, _ = resident_and_cpu(world)
        while len(during) < rounds or sum(flood.sent.values()) < FLOOD:
            await asyncio.sleep(SETTLE_S)
            during.append(await answered(world.human, world.room, "!ping"))
    after, _ = resident_and_cpu(world)
    say(f"flood of {PER_SECOND} requests a second: {dict(flood.sent)}")
    say(f"resident MiB before {before:.1f}, after 5 s {halfway:.1f}, at the end {after:.1f}")
    return Flooded(quiet, during, after - before)


# A command, what Synapse alone takes for it (an echo comes on top), the limit of the ratio.
RELATIVE = (("ping", (), 1.8), ("newbot", ("register",), 1.25), ("rotate", ("R1",), 1.15))


def checks(
    samples: Samples, resident: float, idle: float, old: float, flood: Flooded
) -> list[dict[str, Any]]:
    """Every limit and what is measured; `at_best` is the ratio of the least, not of medians."""

    def ratio(pick: Callable[[list[float]], float], name: str, base: tuple[str, ...]) -> float:
        return round(pick(samples[name]) / sum(pick(samples[part]) for part in base), 3)

    found: list[dict[str, Any]] = []
    for name, beside, limit in RELATIVE:
        for base in ((*beside, "plain echo"), (*beside, "encrypted echo")):
            is_, best = ratio(median, name, base), ratio(min, name, base)
            what = f"!{name} / ({' + '.join(base)})"
            found.append({"what": what, "is": is_, "limit": limit, "at_best": best})
    found += [
        {
            "what": "!revoke, confirmed → dead, s",
            "is": round(median(samples["revoke"]), 2),
            "limit": 2,
        },
        {"what": "ready, s", "is": round(median(samples["ready"]), 2), "limit": 2},
        {"what": f"resident after {BOTS} bots, MiB", "is": round(resident, 1), "limit": 90},
        {"what": f"CPU, {BOTS} new bots awaited, %", "is": round(idle, 3), "limit": 0.3},
        {"what": f"CPU, {OLD} old ones, too, %", "is": round(old, 3), "limit": 0.4},
        {"what": "!ping later in a flood, ms", "is": round(flood.delay_ms, 1), "limit": 200},
        {"what": "grown in a flood, MiB", "is": round(flood.grown, 1), "limit": 10},
    ]
    return [check | {"ok": check["is"] <= check["limit"]} for check in found]


def show(samples: Samples, found: list[dict[str, Any]]) -> None:
    """The table for people and the line for programs."""
    print(f"{'':<40}   median    least     most  runs")
    for name, all_s in samples.items():
        row = "".join(f"{s * 1000:9.1f}" for s in (median(all_s), min(all_s), max(all_s)))
        print(f"{f'{name}, ms':<40}{row}{len(all_s):>6}")
    print(f"\n{'':<40}{'is':>9}{'limit':>9}{'at best':>9}")
    for check in found:
        row = f"{check['what']:<40}{check['is']:>9g}{check['limit']:>9g}"
        print(f"{row}{check.get('at_best', ''):>9}  {'ok' if check['ok'] else 'MISSED'}")
    all_ms = {name: [round(s * 1000, 1) for s in all_s] for name, all_s in samples.items()}
    medians = {name: median(some_ms) for name, some_ms in all_ms.items()}
    line = {"cpus": os.cpu_count(), "checks": found, "median_ms": medians, "samples_ms": all_ms}
    print("\n" + json.dumps(line))


async def bench(rounds: int, idle_s: float) -> bool:
    """Set everything up, measure, print; True if every limit is kept."""
    async with AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        server = stack.enter_context(running(home / "hs", synapse_python(say), extra=SYNAPSE))
        http = httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60)
        wire = PlainHttp(server, await stack.enter_async_context(http))
        root = server.register("root", admin=True)
        people = [
            await a_person(server, root, name) for name in ("asker", "answerer", "echo", "flood")
        ]
        world = await stack.enter_async_context(a_world(server, root, home / "adminbot"))
        plain, encrypted = plain_echo(wire, *people[:2]), encrypted_echo(wire, world, people[2])
        turns: dict[str, Timed] = {"register": wire.register, "R1": lambda: wire.renew(root)}
        turns["plain echo"] = await stack.enter_async_context(plain)
        turns["encrypted echo"] = await stack.enter_async_context(encrypted)
        samples, resident, idle = await measure(world, turns, rounds, idle_s)
        flood = await flooded(server, world, people[3], rounds)
        old = await with_old_ones(server, world, idle_s)
        samples |= {"ping, quiet": flood.quiet, "ping, in a flood": flood.during}
    found = checks(samples, resident, idle, old, flood)
    show(samples, found)
    return all(check["ok"] for check in found)


def main() -> int:
    """Exit code 0; 1 when something broke, or with --strict when a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--rounds", type=int, default=15, help="how often each (default 15)")
    parser.add_argument("--idle", type=float, default=60, help="seconds idle (default 60)")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a limit is missed")
    parser.add_argument(
        "--many", action="store_true", help="ten thousand bots against twelve, instead"
    )
    how = parser.parse_args()
    stay_on_loopback()
    ensure_installed()
    if how.many:
        from tests.bench_many import bench_many as measured
    else:
        measured = bench
    return int(not asyncio.run(measured(how.rounds, how.idle)) and how.strict)


if __name__ == "__main__":
    sys.exit(main())
