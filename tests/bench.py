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
import platform
import secrets
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
from nio import AsyncClient, AsyncClientConfig, MatrixRoom, RoomMessageText

from adminbot.account import Account
from adminbot.crosssigning import Identity
from adminbot.demo.homeserver import (
    Homeserver,
    Person,
    running,
    stay_on_loopback,
    synapse_python,
)
from adminbot.ids import UserId
from adminbot.wire import open_wire
from tests.human import Human, ensure_installed
from tests.world import MANY_LOGINS, World, a_person, a_world, replies_to, trusted

SYNAPSE = MANY_LOGINS.replace("bcrypt_rounds: 4", "bcrypt_rounds: 12")
BOTS = 50
STARTS = 5
SETTLE_S = 0.3
_V3 = "/_matrix/client/v3"
_TICKS = os.sysconf("SC_CLK_TCK")

Timed = Callable[[], Awaitable[float]]


# -- what is compared with


class Wire:
    """Plain requests on one kept-alive connection, as little as can be between us and Synapse."""

    def __init__(self, homeserver: Homeserver, http: httpx.AsyncClient, root: Person) -> None:
        self._homeserver = homeserver
        self._http = http
        self._root = root
        self.last: Person | None = None

    async def ask(self, person: Person | None, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {person.access_token}"} if person else {}
        answer = await self._http.request(method, path, json=body, headers=headers)
        return answer.raise_for_status().json()

    async def register(self) -> float:
        """An account with a device and a token: two requests, one bcrypt."""
        name, began = f"wire-{secrets.token_hex(4)}", time.monotonic()
        path = "/_synapse/admin/v1/register"
        nonce, password = (await self.ask(None, "GET", path))["nonce"], secrets.token_urlsafe(24)
        key = self._homeserver.shared_secret.encode()
        signed = f"{nonce}\0{name}\0{password}\0notadmin".encode()
        body = {"nonce": nonce, "username": name, "password": password, "admin": False}
        body["mac"] = hmac.new(key, signed, hashlib.sha1).hexdigest()
        made = await self.ask(None, "POST", path, body)
        took = time.monotonic() - began
        self.last = Person(made["user_id"], made["access_token"], made["device_id"], "")
        return took

    async def renew(self) -> float:
        """A new token for the device that was registered last: three requests, four bcrypts."""
        assert self.last
        user_id, device_id = self.last.user_id, self.last.device_id
        first, second, began = f"A-{secrets.token_hex(16)}", "B-1" + "b" * 32, time.monotonic()
        path = f"/_synapse/admin/v2/users/{user_id}"
        await self.ask(self._root, "PUT", path, {"password": first, "logout_devices": False})
        proof = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": user_id},
            "password": first,
        }
        fresh = await self.ask(None, "POST", f"{_V3}/login", proof | {"device_id": device_id})
        renewed = Person(user_id, fresh["access_token"], device_id, "")
        body = {"new_password": second, "logout_devices": True, "auth": proof}
        await self.ask(renewed, "POST", f"{_V3}/account/password", body)
        return time.monotonic() - began


class PlainEcho:
    """Two accounts in one unencrypted room: what one says, the other's sync loop says back."""

    def __init__(self, wire: Wire, asker: Person, answerer: Person) -> None:
        self._wire, self._asker, self._answerer = wire, asker, answerer
        self._room = ""
        self._seen: dict[str, asyncio.Future[float]] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Timed]:
        body = {"preset": "private_chat", "invite": [self._answerer.user_id]}
        room = await self._wire.ask(self._asker, "POST", f"{_V3}/createRoom", body)
        self._room = room["room_id"]
        await self._wire.ask(self._answerer, "POST", f"{_V3}/rooms/{self._room}/join", {})
        loops = [
            asyncio.create_task(self._listen(self._answerer, self._echo)),
            asyncio.create_task(self._listen(self._asker, self._note)),
        ]
        try:
            yield self.once
        finally:
            for loop in loops:
                loop.cancel()
            await asyncio.gather(*loops, return_exceptions=True)

    async def once(self) -> float:
        body, began = secrets.token_hex(8), time.monotonic()
        seen = self._seen[body] = asyncio.get_running_loop().create_future()
        await self._say(self._asker, body)
        return await asyncio.wait_for(seen, 20) - began

    async def _say(self, person: Person, body: str) -> None:
        path = f"{_V3}/rooms/{self._room}/send/m.room.message/{secrets.token_hex(8)}"
        await self._wire.ask(person, "PUT", path, {"msgtype": "m.text", "body": body})

    async def _listen(self, me: Person, take: Callable[[str, str], Awaitable[None]]) -> None:
        since = (await self._wire.ask(me, "GET", f"{_V3}/sync"))["next_batch"]
        while True:
            answer = await self._wire.ask(me, "GET", f"{_V3}/sync?timeout=30000&since={since}")
            since = answer["next_batch"]
            for room in answer.get("rooms", {}).get("join", {}).values():
                for event in room["timeline"]["events"]:
                    if event["type"] == "m.room.message":
                        await take(event["sender"], event["content"]["body"])

    async def _echo(self, sender: str, body: str) -> None:
        if sender != self._answerer.user_id:
            await self._say(self._answerer, body)

    async def _note(self, sender: str, body: str) -> None:
        if sender == self._answerer.user_id:
            self._seen.pop(body).set_result(time.monotonic())


async def echo_bot() -> None:
    """The encrypted echo's process: a plain matrix-nio client on a device its owner signed."""
    given = json.loads(sys.stdin.readline())
    me, url = Person(**given["person"]), given["url"]
    config = AsyncClientConfig(encryption_enabled=True, store_sync_tokens=True)
    client = AsyncClient(url, me.user_id, me.device_id, given["store"], config)
    client.restore_login(me.user_id, me.device_id, me.access_token)
    await client.keys_upload()
    identity = Identity.from_seeds(Identity.new_seeds())
    async with open_wire(url, me.session.token) as wire:
        account = Account(wire)
        await account.upload_cross_signing(identity.upload_body(me.user_id))
        keys = (await account.query_keys(UserId.parse(me.user_id)))["device_keys"]
        device = keys[me.user_id][me.device_id]
        await account.upload_signatures(identity.device_signature(me.user_id, device))

    async def echo(room: MatrixRoom, event: RoomMessageText) -> None:
        if event.sender != me.user_id:
            relation = {"m.in_reply_to": {"event_id": event.event_id}}
            content = {"msgtype": "m.notice", "body": event.body, "m.relates_to": relation}
            kind = "m.room.message"
            await client.room_send(room.room_id, kind, content, ignore_unverified_devices=True)

    client.add_event_callback(echo, RoomMessageText)
    print("ready", flush=True)
    await client.sync_forever(timeout=30_000, full_state=True)


@asynccontextmanager
async def encrypted_echo(
    homeserver: Homeserver, wire: Wire, human: Human, me: Person, store: Path
) -> AsyncIterator[Timed]:
    """Run the echo bot and meet it in an encrypted room."""
    store.mkdir()
    pipe = asyncio.subprocess.PIPE
    words = (sys.executable, "-m", "tests.bench", "--echo-bot")
    process = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe)
    assert process.stdin
    assert process.stdout
    given = {"url": homeserver.url, "person": asdict(me), "store": str(store)}
    process.stdin.write(json.dumps(given).encode() + b"\n")
    try:
        assert await asyncio.wait_for(process.stdout.readline(), 30) == b"ready\n"
        room_id = await human.create_room(invite=[me.user_id])
        await wire.ask(me, "POST", f"{_V3}/rooms/{room_id}/join", {})
        await human.wait_membership(room_id, me.user_id, "join")
        yield lambda: answered(human, room_id, "echo")
    finally:
        process.terminate()
        await process.wait()


# -- what is measured


async def answered(human: Human, room_id: str, line: str) -> float:
    """Seconds from sending a line to reading the answer."""
    began = time.monotonic()
    event_id = await human.send(room_id, line)
    answer = await human.wait_message(room_id, lambda seen: replies_to(seen) == event_id)
    trusted(answer)
    return (answer.decrypted_at or answer.seen_at) - began


async def carded(world: World, line: str) -> float:
    """Seconds from sending a line to reading the block to paste; the rest is waited for."""
    before, began = len(world.human.messages(world.dm)), time.monotonic()
    event_id = await world.say(line)
    card = await world.next_card(after=before)
    await world.answer_to(event_id)
    await world.human.wait_for(
        lambda human: set(human.reactions(event_id)) == {"✅"} or None, what="✅ alone"
    )
    return (card.block.decrypted_at or card.block.seen_at) - began


async def start(world: World) -> float:
    """Seconds from starting the process to its `ready` line."""
    if world.bot.process:
        await world.bot.stop()
    began = time.monotonic()
    await world.bot.start()
    return time.monotonic() - began


def rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    [kib] = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(kib) / 1024


def cpu_s(pid: int) -> float:
    """Processor time that all threads took so far, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


@dataclass
class Figures:
    """Every measurement in seconds, by name, and the three that are not a duration."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    rss_mib: float = 0
    idle_cpu_percent: float = 0

    def ms(self, *names: str) -> float:
        """The sum of these measurements' medians."""
        return sum(statistics.median(self.seconds[name]) for name in names) * 1000


async def measure(world: World, wire: Wire, echoes: dict[str, Timed], how: Any) -> Figures:
    """Everything in turns; the order moves on each round, so that nobody always comes first."""
    figures = Figures()
    for _ in range(STARTS):
        figures.seconds["ready"].append(await start(world))
    made = 0

    async def newbot() -> float:
        nonlocal made
        made += 1
        return await carded(world, f"!newbot bench{made}")

    turns: list[tuple[str, Timed]] = [
        *echoes.items(),
        ("ping", lambda: answered(world.human, world.room, "!ping")),
        ("register", wire.register),
        ("newbot", newbot),
        ("R1", wire.renew),
        ("rotate", lambda: carded(world, f"!rotate bench{made}")),
    ]
    for number in range(how.rounds + 1):
        say(f"round {number}/{how.rounds}" if number else "warming up")
        first = number % len(turns) if number else 0  # something must be there to be rotated
        for name, turn in turns[first:] + turns[:first]:
            await asyncio.sleep(SETTLE_S)
            took = await turn()
            if number:
                figures.seconds[name].append(took)
    say(f"making the rest of {BOTS} bots")
    while made < BOTS:
        await newbot()
    assert world.bot.process
    pid = world.bot.process.pid
    figures.rss_mib = rss_mib(pid)
    say(f"idling for {how.idle:g} s")
    await asyncio.sleep(2)
    before = cpu_s(pid)
    await asyncio.sleep(how.idle)
    figures.idle_cpu_percent = (cpu_s(pid) - before) / how.idle * 100
    return figures


# -- what is said of it


@dataclass(frozen=True)
class Check:
    """One limit: a figure, or its ratio to what it is compared with."""

    what: str
    value: float
    unit: str
    limit: float
    against: str = ""
    base: float | None = None

    @property
    def judged(self) -> float:
        return self.value / self.base if self.base else self.value

    @property
    def ok(self) -> bool:
        return self.judged <= self.limit


def checks(figures: Figures) -> list[Check]:
    """The limits that the issue gives, relative ones against either echo."""
    ms, found = figures.ms, []
    relative = [("ping", 1.8, ()), ("newbot", 1.25, ("register",)), ("rotate", 1.15, ("R1",))]
    for name, limit, beside in relative:
        for echo in ("encrypted echo", "plain echo"):
            base = (*beside, echo)
            found.append(Check(f"!{name}", ms(name), "ms", limit, " + ".join(base), ms(*base)))
    return [
        *found,
        Check("ready", ms("ready") / 1000, "s", 2),
        Check(f"resident after {BOTS} bots", figures.rss_mib, "MiB", 90),
        Check("idle CPU", figures.idle_cpu_percent, "%", 0.2),
    ]


def table(figures: Figures, found: list[Check]) -> str:
    lines = [f"{'measured':<16}{'median':>9}{'least':>9}{'most':>9}  n"]
    for name, all_s in figures.seconds.items():
        row = "".join(
            f"{s * 1000:9.1f}" for s in (statistics.median(all_s), min(all_s), max(all_s))
        )
        lines.append(f"{name:<16}{row}{len(all_s):>3}  ms")
    lines += ["", f"{'limit':<24}{'is':>12}  {'against':<40}{'ratio':>6}{'limit':>7}"]
    for check in found:
        value = f"{check.value:.{0 if check.unit == 'ms' else 2}f} {check.unit}"
        against = f"{check.against} ({check.base:.0f} ms)" if check.base else ""
        ratio = f"{check.judged:.2f}" if check.base else ""
        verdict = "ok" if check.ok else "MISSED"
        lines.append(
            f"{check.what:<24}{value:>12}  {against:<40}{ratio:>6}{check.limit:>7g}  {verdict}"
        )
    return "\n".join(lines)


def as_json(figures: Figures, found: list[Check], version: str) -> str:
    samples = {
        name: [round(s * 1000, 1) for s in all_s] for name, all_s in figures.seconds.items()
    }
    verdicts = [asdict(check) | {"judged": check.judged, "ok": check.ok} for check in found]
    machine = {"cpus": os.cpu_count(), "python": platform.python_version(), "synapse": version}
    return json.dumps({"machine": machine, "samples_ms": samples, "checks": verdicts})


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


async def bench(how: argparse.Namespace) -> list[Check]:
    """Set everything up, measure, print."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        python = synapse_python(say)
        homeserver = stack.enter_context(running(directory / "synapse", python, extra=SYNAPSE))
        root = homeserver.register("root", admin=True)
        http = httpx.AsyncClient(base_url=homeserver.url, trust_env=False, timeout=60)
        wire = Wire(homeserver, await stack.enter_async_context(http), root)
        people = [await a_person(homeserver, root, name) for name in ("asker", "answerer", "echo")]
        world = await stack.enter_async_context(a_world(homeserver, root, directory / "adminbot"))
        encrypted = encrypted_echo(homeserver, wire, world.human, people[2], directory / "echo")
        echoes = {
            "plain echo": await stack.enter_async_context(PlainEcho(wire, *people[:2]).open()),
            "encrypted echo": await stack.enter_async_context(encrypted),
        }
        version = await wire.ask(None, "GET", "/_synapse/admin/v1/server_version")
        figures = await measure(world, wire, echoes, how)
    found = checks(figures)
    print(table(figures, found), as_json(figures, found, version["server_version"]), sep="\n\n")
    return found


def main() -> int:
    """Exit code 0, or 1 when something broke, or with --strict when a limit is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15, help="of everything (default 15)")
    parser.add_argument("--idle", type=float, default=60, help="seconds idle (default 60)")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a limit is missed")
    parser.add_argument("--echo-bot", action="store_true", help=argparse.SUPPRESS)
    how = parser.parse_args()
    stay_on_loopback()
    if how.echo_bot:
        asyncio.run(echo_bot())
        return 0
    ensure_installed()
    found = asyncio.run(bench(how))
    return int(how.strict and not all(check.ok for check in found))


if __name__ == "__main__":
    sys.exit(main())
