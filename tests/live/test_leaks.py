"""Leaks: the whole product is run, every secret in it collected, and each looked for everywhere.

The bot sits behind a proxy that keeps all traffic. Secrets are what that traffic and the bot's own
sealed state hold: tokens, passwords, recovery keys, seeds, the store key, the shared secret.
"""

import asyncio
import base64
import json
import re
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from adminbot.store import open_store
from adminbot.values.secret import Sealer, Secret
from tests.faults.lab import Bench, a_bench
from tests.faults.proxy import json_of
from tests.world import call

pytestmark = pytest.mark.anyio

# Where a secret may be in the body of a request or an answer, by its JSON name.
_CARRIES = ("access_token", "password", "new_password", "refresh_token")
_MAY_HOLD = {"env", "shared-secret"}  # files that are made to hold secrets


async def test_no_secret_is_anywhere_but_where_it_belongs(tmp_path: Path, synapse: Path) -> None:
    async with a_bench(tmp_path, synapse, 1, LOG_LEVEL="debug") as bench:
        texts = await use_all_of_it(bench)
        children = process_tree(bench)
        await bench.bot.stop(signal.SIGKILL)
        secrets = await all_secrets(bench, texts)
        assert len(secrets) > 20

        in_traffic(bench, secrets, texts)
        in_files(bench, secrets)
        in_processes(children, secrets)
        await in_rooms(bench, secrets)


async def use_all_of_it(bench: Bench) -> list[str]:
    """Each command once, some of them wrongly, a kill in between; returns the cards' blocks."""
    texts: list[str] = []

    async def card(line: str, name: str) -> None:
        answer = await bench.ask(line)
        assert "✅" in answer, answer
        user_id = f"@{name}:example.test"
        await bench.card(user_id)
        texts.append(str(bench.blocks(user_id)[-1].body))

    await card("!newbot one --password --recovery", "one")
    await card("!rotate one", "one")
    await card("!newbot two Its Name", "two")
    await bench.restart(signal.SIGKILL)
    await card("!rotate two --new-device", "two")
    [block] = bench.blocks("@two:example.test")
    await bench.human.react(bench.dm, block.event_id, "✅")
    for line in ("!revoke two", "two", "!deletebot two", "two", "!rotate fault --me-too"):
        await bench.ask(line)
    for line in (
        "!bots",
        "!bot one",
        "!devices one",
        "!trust one",
        "!whoami",
        "!help",
        "!nonsense",
    ):
        await bench.ask(line)
    await bench.ask("!newbot one")
    await bench.ask("!newbot you --device '%s'")
    assert await wait_gone(bench, "@two:example.test")
    return texts


async def wait_gone(bench: Bench, user_id: str) -> bool:
    for _ in range(100):
        if not bench.blocks(user_id):
            return True
        await asyncio.sleep(0.1)
    return False


async def all_secrets(bench: Bench, texts: list[str]) -> dict[str, str]:
    """Secret → what it is."""
    found = {
        bench.bot.setting("STORE_KEY"): "the store key",
        bench.bot.setting("ACCESS_TOKEN"): "the token in the env file",
        bench.homeserver.shared_secret: "the shared secret",
    }
    for exchange in bench.proxy.seen:
        for body in (exchange.body, exchange.answer):
            for name, value in fields(json_of(body)):
                if name in _CARRIES:
                    found[value] = f"{name} of {exchange.kind}"
    for text in texts:
        for line in text.splitlines():
            name, _, value = line.partition("=")
            if name in ("MATRIX_ACCESS_TOKEN", "MATRIX_PASSWORD", "MATRIX_RECOVERY_KEY"):
                found[value] = name
    sealer = Sealer.from_base64(Secret(bench.bot.setting("STORE_KEY")))
    async with open_store(bench.bot.data_dir, sealer) as store:
        seeds = json.loads(str(await store.sealed.get("cross-signing seeds")))
        kept = json.loads(str(await store.sealed.get("identity @one:example.test")))
    for seed in (*seeds.values(), kept["seed"]):
        found[seed] = "a seed"
        found[base64.b64encode(bytes.fromhex(seed)).decode().rstrip("=")] = "a seed"
    found[sealer.pickle_key()] = "the key of the encryption store"
    return {secret: what for secret, what in found.items() if len(secret) > 15}


def fields(value: Any) -> list[tuple[str, str]]:
    """Every (name, text) in a JSON value, however deep."""
    if isinstance(value, list):
        return [it for item in value for it in fields(item)]
    if not isinstance(value, dict):
        return []
    texts = [(name, item) for name, item in value.items() if isinstance(item, str)]
    return texts + [it for item in value.values() for it in fields(item)]


def in_traffic(bench: Bench, secrets: dict[str, str], texts: list[str]) -> None:
    """Tokens only in Authorization headers, secrets in no URL, nothing of a card in clear."""
    for exchange in bench.proxy.seen:
        for secret, what in secrets.items():
            assert secret not in exchange.raw_path, f"{what} in the URL of {exchange.kind}"
            for name, value in exchange.headers.items():
                assert secret not in value or is_bearer(name, value, secret), (what, exchange.kind)
            for body in (exchange.body, exchange.answer):
                if secret.encode() in body:
                    assert secret in carried(body), f"{what} in the body of {exchange.kind}"
        for text in texts:
            for line in text.splitlines():
                assert line.encode() not in exchange.body, f"a card in clear: {exchange.kind}"
    sent = [it for it in bench.proxy.seen if "/send/" in it.kind and "reaction" not in it.kind]
    assert len(sent) > 20
    assert {it.kind.split("/send/")[1] for it in sent} == {"m.room.encrypted/*"}


def is_bearer(name: str, value: str, secret: str) -> bool:
    return name.lower() == "authorization" and value == f"Bearer {secret}"


def carried(body: bytes) -> set[str]:
    """The secrets that a body is made to carry."""
    return {value for name, value in fields(json_of(body)) if name in _CARRIES}


def in_files(bench: Bench, secrets: dict[str, str]) -> None:
    """No file holds one, logs included; each is its owner's alone; no temporary file stays."""
    log = bench.bot.log
    assert log.count("command event=") > 10
    assert "traceback" not in log.lower()
    for path in bench.bot.directory.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        inside = bench.bot.data_dir in path.parents or path in (
            bench.bot.data_dir,
            bench.bot.env_file,
        )
        assert not inside or not mode & 0o077, f"{path.name} is {mode:o}"
        if path.is_file() and path.name not in _MAY_HOLD:
            content = path.read_bytes()
            for secret, what in secrets.items():
                assert secret.encode() not in content, f"{what} in {path.name}"
    names = {path.name for path in bench.bot.data_dir.iterdir()}
    assert names <= {
        "adminbot.db",
        "adminbot.db-shm",
        "adminbot.db-wal",
        "crypto",
        "lock",
        "control",
    }


def process_tree(bench: Bench) -> list[dict[str, bytes]]:
    """What everybody on the machine may see of the bot's process and its children."""
    assert bench.bot.process
    pid = bench.bot.process.pid
    assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0), "a core dump would hold all"
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = []
    for one in (str(pid), *children):
        here = Path("/proc") / one
        found.append({name: (here / name).read_bytes() for name in ("cmdline", "environ")})
    return found


def in_processes(tree: list[dict[str, bytes]], secrets: dict[str, str]) -> None:
    for process in tree:
        for name, content in process.items():
            for secret, what in secrets.items():
                assert secret.encode() not in content, f"{what} in {name}"


async def in_rooms(bench: Bench, secrets: dict[str, str]) -> None:
    """What the server keeps of the bot: no secret, and of a card that was taken back nothing."""
    own = bench.bot.setting("USER_ID")
    for path in (
        f"/_synapse/admin/v1/users/{own}/accountdata",
        f"/_synapse/admin/v1/rooms/{bench.dm}/messages?limit=500&dir=b",
        f"/_synapse/admin/v1/rooms/{bench.room}/messages?limit=500&dir=b",
        f"/_synapse/admin/v1/rooms/{bench.dm}/state",
        f"/_synapse/admin/v1/rooms/{bench.room}/state",
    ):
        answer = await call(bench.homeserver, bench.root.access_token, "GET", path)
        answer.raise_for_status()
        for secret, what in secrets.items():
            assert secret not in answer.text, f"{what} in {path}"
    redacted = [m for m in bench.human.messages(bench.dm) if m.redacted]
    assert redacted
    assert not any(m.content for m in redacted)
    elsewhere = bench.human.messages(bench.room)
    for seen in elsewhere:
        said = json.dumps([seen.content, seen.new_content])
        assert not re.search("MATRIX_|syt_", said), "a secret in the admin room"
