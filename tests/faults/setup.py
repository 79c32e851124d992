"""`adminbot setup`, disturbed at one request and then run again: it finishes, nothing is twice."""

import asyncio
import sys
from collections import Counter
from dataclasses import replace

from tests.faults.acts import Act, Case, Problems, nothing
from tests.faults.lab import Bench, rows
from tests.world import Bot, adminbot, started


async def _no_command(case: Case) -> str:
    raise AssertionError("setup is typed in the shell")


async def _no_answer(case: Case, event_id: str) -> Problems:
    raise AssertionError("setup is typed in the shell")


SETUP = Act("setup", nothing, _no_command, _no_answer)
_TRIES = 3


def a_new_bot(bench: Bench) -> Bench:
    """The same bench, with a bot that has still to be set up."""
    home = bench.bot.directory.with_name(bench.name())
    home.mkdir()
    return replace(bench, bot=Bot(bench.homeserver, home, via=bench.proxy.url))


async def begin(bench: Bench) -> None:
    """Start the setup; its process takes the place of the service's."""
    words = bench.bot.setup_words(["@you:example.test"])
    bench.bot.process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adminbot", *map(str, words)),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    started.append(bench.bot.process)


async def requests(bench: Bench) -> Counter[str]:
    """What a setup asks of the server, undisturbed."""
    fresh = a_new_bot(bench)
    bench.proxy.seen.clear()
    await begin(fresh)
    assert fresh.bot.process
    assert await fresh.bot.process.wait() == 0
    return Counter(exchange.kind for exchange in bench.proxy.seen)


async def after(bench: Bench) -> Problems:
    """Run again until it is done; then there is one account, one session, two rooms."""
    assert bench.bot.process
    code = await asyncio.wait_for(bench.bot.process.wait(), 90)
    said = ""
    for _ in range(_TRIES):
        if code == 0:
            break
        code, _, said = await adminbot(*bench.bot.setup_words(["@you:example.test"]))
        if "already exists, and I never write over one" in said:
            code = 0  # cut off at the very end: there is nothing left to do
    if code:
        return [("lost", f"it does not finish: {said[-200:]}")]
    problems: Problems = []
    own, token = bench.bot.setting("USER_ID"), bench.bot.setting("ACCESS_TOKEN")
    tokens, devices = bench.truth.tokens(own), bench.truth.devices(own)
    if token not in tokens:
        problems.append(("lost", "the token in the env file is dead"))
    if len(devices) != 1:
        problems.append(("duplicated", f"devices {devices}"))
    made = rows(bench.truth.synapse, "SELECT room_id FROM rooms WHERE creator = ?", own)
    if len(made) != 2:
        problems.append(("duplicated", f"{len(made)} rooms"))
    if bench.bot.setting("ROOM") not in {row[0] for row in made}:
        problems.append(("lost", "the env file names another room"))
    left = [path.name for path in bench.bot.directory.glob("env.*")]
    if left:
        problems.append(("leaked", f"left behind: {left}"))
    if "Traceback" in said or token in said:
        problems.append(("leaked", "a traceback or a token on stderr"))
    return problems
