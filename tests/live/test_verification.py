"""Emoji are compared between a person's client and the bot's shell; then each trusts the other."""

import asyncio
import json
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from adminbot.crypto.crosssigning import is_signed
from adminbot.demo.homeserver import Homeserver, Person
from tests.human import Human, HumanError, Verification
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
    rows,
    started,
    trusted,
)

pytestmark = pytest.mark.anyio


@dataclass
class Shell:
    """`adminbot verify` as somebody at the shell has it: read, type, and see it end."""

    process: asyncio.subprocess.Process
    out: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def _read(self) -> None:
        assert self.process.stdout
        while chunk := await self.process.stdout.read(4096):
            self.out += chunk.decode()
            self.changed.set()
        self.changed.set()

    async def wait(self, text: str, *, times: int = 1, within_s: float = 10) -> None:
        async with asyncio.timeout(within_s):
            while self.out.count(text) < times:
                self.changed.clear()
                assert self.process.returncode is None, self.out
                await self.changed.wait()

    async def emoji(self, *, times: int = 1) -> list[tuple[str, str]]:
        """What is on the screen once it asks (for the second time)."""
        await self.wait("[y/n] ", times=times)
        rows = self.out.split("My seven emoji:\n")[-1].splitlines()[:7]
        found = []
        for place, row in enumerate(rows, start=1):
            number, symbol, name = row.split(maxsplit=2)
            assert number == f"{place}."
            found.append((symbol, name))
        return found

    def type(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())

    async def end(self) -> tuple[int, str]:
        """Exit code, and what was said on stderr."""
        assert self.process.stderr
        async with asyncio.timeout(10):
            err = await self.process.stderr.read()
            return await self.process.wait(), err.decode()


@asynccontextmanager
async def verify(bot: Bot, user_id: str) -> AsyncIterator[Shell]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "adminbot", "verify", user_id, "--env-file", str(bot.env_file)),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    )
    started.append(process)
    shell = Shell(process)
    reading = asyncio.create_task(shell._read())
    try:
        yield shell
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        await reading


# -- it does not come to an end: nothing is verified


async def test_the_human_says_that_they_differ(world: World) -> None:
    async with verify(world.bot, world.human.user_id) as shell:
        await shell.wait("accept it")
        theirs = await world.human.wait_verification(world.dm)
        await theirs.accept()
        await theirs.wait_emoji()
        await shell.wait("[y/n] ")
        await theirs.mismatch()
        code, err = await shell.end()
        assert code == 1
        assert "it was said that the emoji differ" in err
        assert "Nothing was verified." in err
        assert len(err.splitlines()) == 1
    await neither_is_verified(world)


async def test_the_operator_says_that_they_differ(world: World) -> None:
    async with verify(world.bot, world.human.user_id) as shell:
        theirs = await world.human.wait_verification(world.dm)
        await theirs.accept()
        await theirs.wait_emoji()
        await theirs.confirm()
        await shell.wait("[y/n] ")
        shell.type("")  # no answer: it asks again
        await shell.wait("[y/n] ", times=2)
        assert theirs.phase == "started"
        shell.type("n")
        code, err = await shell.end()
        assert code == 1
        assert "At the shell it was said that the emoji differ." in err
        await theirs.wait_phase("cancelled")
        assert theirs.cancel_code == "m.mismatched_sas"
    await neither_is_verified(world)


async def test_nobody_is_there_to_answer(world: World) -> None:
    async with verify(world.bot, world.human.user_id) as shell:
        assert shell.process.stdin
        shell.process.stdin.close()
        theirs = await world.human.wait_verification(world.dm)
        await theirs.accept()
        code, err = await shell.end()
        assert code == 1
        assert "Nobody answered" in err
        await theirs.wait_phase("cancelled")
        assert theirs.cancel_code == "m.user"
    await neither_is_verified(world)


async def test_the_human_cancels(world: World) -> None:
    async with verify(world.bot, world.human.user_id) as shell:
        theirs = await world.human.wait_verification(world.dm)
        await theirs.cancel()
        code, err = await shell.end()
        assert (code, "was cancelled in the app" in err) == (1, True), err
    await neither_is_verified(world)


async def neither_is_verified(world: World) -> None:
    assert not (await world.human.user_trust(world.bot.setting("USER_ID"))).verified
    assert not await signed_by_the_bot(world)
    assert remembered(world) == []


async def signed_by_the_bot(world: World) -> bool:
    """Whether the server shows the bot its own good signature on the human's master key."""
    bot, human = world.bot.setting("USER_ID"), world.human.user_id
    body: dict[str, Any] = {"device_keys": {bot: [], human: []}}
    token = world.bot.setting("ACCESS_TOKEN")
    path = "/_matrix/client/v3/keys/query"
    answer = (await call(world.homeserver, token, "POST", path, body)).json()
    [user_signing] = answer["user_signing_keys"][bot]["keys"].values()
    return is_signed(answer["master_keys"][human], bot, user_signing, user_signing)


def remembered(world: World) -> list[str]:
    """The master keys that count as verified by the bot."""
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db:
        rows = db.execute("SELECT master_key FROM pin WHERE verified_at IS NOT NULL")
        return [str(row[0]) for row in rows]


# -- it does


async def test_the_human_begins(world: World) -> None:
    """The shell joins; the bot's side is a signature on the human's identity."""
    bot = world.bot.setting("USER_ID")
    began = len(world.human.messages(world.dm))
    theirs = await world.human.verify(world.dm, bot)
    await theirs.wait_phase("ready")
    how = f"adminbot verify {world.human.user_id}"
    await world.human.wait_message(world.dm, how, after=began)
    async with verify(world.bot, world.human.user_id) as shell:
        await shell.wait("it is under way")
        await theirs.start()
        assert await shell.emoji() == await theirs.wait_emoji()
        shell.type("y")
        await shell.wait("has to say so, too")
        assert not await signed_by_the_bot(world)
        await theirs.confirm()
        await both_are_verified(world, theirs, shell)
    [master] = remembered(world)
    assert f"verified user={world.human.user_id} master_key={master}" in world.bot.log
    said = await world.human.wait_message(world.dm, "We have verified each other", after=began)
    trusted(said)


async def both_are_verified(world: World, theirs: Verification, shell: "Shell") -> None:
    await theirs.wait_phase("done")
    await world.human.wait_verified(theirs.user_id)
    code, err = await shell.end()
    assert code == 0, err
    assert "have verified each other" in shell.out
    assert await signed_by_the_bot(world)


async def test_the_bot_begins_when_told_to_in_the_chat(world: World) -> None:
    again = bool(remembered(world))
    answer = await world.ask("!verify", room=world.dm)
    assert ("once more" in str(answer.body)) == again
    assert f"adminbot verify {world.human.user_id}" in str(answer.body)
    theirs = await world.human.wait_verification(world.dm)
    await theirs.accept()
    await theirs.wait_emoji()
    await theirs.confirm()
    async with verify(world.bot, world.human.user_id) as shell:
        assert await shell.emoji() == theirs.emoji
        shell.type("yes")
        await both_are_verified(world, theirs, shell)


async def test_the_shell_begins_leaves_and_comes_back(world: World) -> None:
    """^C leaves the verification as it is; the next shell shows the same emoji."""
    user_id = world.human.user_id
    async with verify(world.bot, user_id) as shell:
        theirs = await world.human.wait_verification(world.dm)
        await theirs.accept()
        emoji = await shell.emoji()
        shell.process.send_signal(signal.SIGINT)
        code, err = await shell.end()
        assert (code, err) == (1, "adminbot: interrupted\n")
    async with verify(world.bot, user_id) as shell:
        assert await shell.emoji() == emoji == await theirs.wait_emoji()
        shell.type("Y")
        await theirs.confirm()
        await both_are_verified(world, theirs, shell)


async def test_a_newer_request_takes_the_place_of_an_older_one(world: World) -> None:
    """The shell goes on with the newer; an answer to the older one's emoji is not taken for it."""
    async with verify(world.bot, world.human.user_id) as shell:
        older = await world.human.wait_verification(world.dm)
        await older.accept()
        first = await shell.emoji()
        await world.ask("!verify")
        await older.wait_phase("cancelled")
        assert older.cancel_code == "m.user"
        newer = await world.human.wait_verification(world.dm)
        await newer.accept()
        emoji = await newer.wait_emoji()
        await shell.wait("Enter shows the new ones")
        assert shell.out.count("[y/n] ") == 1
        shell.type("y")  # meant for the older ones, and typed a moment too late
        assert await shell.emoji(times=2) == emoji != first
        assert newer.phase == "started"
        shell.type("y")
        await newer.confirm()
        await both_are_verified(world, newer, shell)


# -- what should do no harm


async def test_a_verification_that_the_bot_does_not_know(world: World) -> None:
    """Nothing is remembered of it: the other side is told at its next step."""
    theirs = await world.human.verify(world.dm, world.bot.setting("USER_ID"))
    await theirs.wait_phase("ready")
    await world.bot.stop(signal.SIGKILL)
    assert (world.bot.data_dir / "control").is_socket()  # left behind, and replaced below
    with closing(sqlite3.connect(world.bot.data_dir / "adminbot.db")) as db, db:
        assert db.execute("DELETE FROM fact WHERE name LIKE 'verification %'").rowcount == 1
    await world.bot.start()
    await theirs.start()
    await theirs.wait_phase("cancelled")
    assert theirs.cancel_code == "m.unknown_transaction"
    async with verify(world.bot, world.human.user_id) as shell:
        await shell.wait("I have asked")
        await (await world.human.wait_verification(world.dm)).cancel()
        assert (await shell.end())[0] == 1


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_what_was_open_at_a_stop_is_cancelled_and_the_next_one_gets_through(
    world: World, how: signal.Signals
) -> None:
    """Else the app waits for the one that nobody answers, and says nothing of the next."""
    before = len(world.human.messages(world.dm))
    await world.ask("!verify")
    older = await world.human.wait_verification(world.dm)
    await world.bot.stop(how)
    if how is signal.SIGTERM:
        await older.wait_phase("cancelled")
    await world.bot.start()
    await older.wait_phase("cancelled")
    assert older.cancelled_by == world.bot.setting("USER_ID")
    told = await world.human.wait_message(
        world.dm, "Our comparison of emoji has ended. I was", after=before
    )
    trusted(told)
    await world.ask("!verify")
    newer = await world.human.wait_verification(world.dm)
    await newer.accept()
    await newer.wait_emoji()
    await newer.cancel()


async def test_the_chat_says_when_it_ended_and_why(world: World) -> None:
    before = len(world.human.messages(world.dm))
    answer = await world.ask("!verify")
    assert "your app waits about a minute" in str(answer.body)
    theirs = await world.human.wait_verification(world.dm)
    await theirs.accept()
    await theirs.wait_emoji()
    await theirs.cancel()
    told = await world.human.wait_message(world.dm, "was cancelled in your app", after=before)
    trusted(told)
    assert "Again: !verify" in str(told.body)


JUNK: list[dict[str, Any]] = [
    {},
    {"from_device": 7, "methods": "m.sas.v1", "m.relates_to": "nothing"},
    {"m.relates_to": {"rel_type": "m.reference", "event_id": "SOME"}, "key": [[[]]]},
    {"m.relates_to": {"rel_type": "m.reference", "event_id": {"a": 1}}},
    {"from_device": "x" * 5000, "methods": [None] * 500, "to": []},
]


async def test_nonsense_does_no_harm(world: World) -> None:
    human, bot = world.human, world.bot.setting("USER_ID")
    some = await human.send(world.dm, "something to refer to")  # else the server refuses
    for kind in ("ready", "start", "accept", "key", "mac", "done", "cancel", "x", "request"):
        for number, content in enumerate(JUNK):
            event = f"m.key.verification.{kind}/{kind}{number}"
            path = f"/_matrix/client/v3/rooms/{world.dm}/send/{event}"
            content = json.loads(json.dumps(content).replace("SOME", some))
            await human.raw("PUT", path, content)  # their own app would not send all of these
    request = {"msgtype": "m.key.verification.request", "body": "", "to": bot}
    more: dict[str, Any]
    for more in ({}, {"from_device": [], "methods": {}}, {"methods": ["m.sas.v1"]}):
        await human.send_event(world.dm, "m.room.message", request | more)
    theirs = await human.verify(world.dm, bot)
    await theirs.wait_phase("ready")
    relation = {"m.relates_to": {"rel_type": "m.reference", "event_id": theirs.id}}
    await human.send_event(world.dm, "m.key.verification.start", relation | {"method": 7})
    await theirs.wait_phase("cancelled")
    assert theirs.cancel_code == "m.invalid_message"
    assert (await world.ask("!ping", room=world.dm)).body == "🏓 pong"
    assert "Traceback" not in world.bot.log


async def test_nonsense_at_the_socket_does_no_harm(world: World) -> None:
    path = world.bot.data_dir / "control"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    unknown = b'{"verify": "@nobody:example.test"}\n'
    lines = [b"", b"\n", b"[]\n", b"\xff\n", b'{"verify": 7}\n', b"x" * 9000, b"[" * 4000 + b"\n"]
    for line in [*lines, unknown, unknown + b'{"match": 1, "of": "x"}\n', unknown + b"?\n"]:
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(line)
        writer.write_eof()
        with suppress(OSError):  # hung up on
            heard = await asyncio.wait_for(reader.read(), 5)
            assert not heard or b"failed" in heard
        writer.close()
    assert (await world.ask("!ping")).body == "🏓 pong"
    assert "Traceback" not in world.bot.log


# -- a new identity


async def test_who_reset_their_identity_verifies_anew(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    """The app of one who had verified the bot reads nothing of it and sends it nothing, until both
    have verified each other again: the way there must not need either."""
    async with a_world(homeserver, root, directory) as world:
        human, env = world.human, ("--env-file", world.bot.env_file)
        await compared(world)
        await human.reset_identity()
        with pytest.raises(HumanError):
            await human.send(world.room, "!ping")
        code, out, err = await adminbot("trust", human.user_id, "--yes", *env)
        assert code == 0, err
        assert "If this person had verified the bot by emoji" in out
        assert f"adminbot verify {human.user_id}" in out
        before = len(human.messages(world.dm))
        await compared(world)
        told = await human.wait_message(world.dm, "Red shields that you still see", after=before)
        trusted(told)
        pinged = await human.retry(world.room)
        assert pinged
        assert (await world.answer_to(pinged)).body == "🏓 pong"
        steps = [m for m in human.messages(world.dm) if "verification" in f"{m.type} {m.msgtype}"]
        assert {m.encrypted for m in steps} == {False}


async def compared(world: World) -> None:
    """The whole of it, from the shell."""
    async with verify(world.bot, world.human.user_id) as shell:
        theirs = await world.human.wait_verification(world.dm)
        await theirs.accept()
        assert await shell.emoji() == await theirs.wait_emoji()
        shell.type("y")
        await theirs.confirm()
        await both_are_verified(world, theirs, shell)


# -- words that cannot be carried out


async def test_who_cannot_be_verified(world: World) -> None:
    env = ("--env-file", world.bot.env_file)
    assert (await adminbot("verify", "you", *env))[0] == 2
    code, _, err = await adminbot("verify", "@nobody:example.test", *env)
    assert (code, "is not in ADMINBOT_ADMINS" in err) == (1, True)
    await world.bot.stop()
    assert not (world.bot.data_dir / "control").exists()
    code, _, err = await adminbot("verify", world.human.user_id, *env)
    assert (code, "adminbot run" in err) == (1, True)
    await world.bot.start()


# -- ADMINBOT_TRUST=verified


@pytest.mark.timeout(240)  # many people: long on a machine that does other things
async def test_only_who_was_verified_commands(
    homeserver: Homeserver, root: Person, directory: Path
) -> None:
    async with a_world(homeserver, root, directory, TRUST="verified") as world:
        refused = await world.ask("!newbot early")
        assert "!verify" in str(refused.body)
        assert "we have not yet: !verify" in str((await world.ask("!whoami")).body)
        await world.ask("!verify")
        theirs = await world.human.wait_verification(world.dm)
        await theirs.accept()
        async with verify(world.bot, world.human.user_id) as shell:
            assert await shell.emoji() == await theirs.wait_emoji()
            shell.type("y")
            await theirs.confirm()
            await both_are_verified(world, theirs, shell)
        await world.human.wait_message(world.dm, "From now on I do what you ask.")
        assert "we have compared them" in str((await world.ask("!whoami")).body)
        await world.card("is ready", "!newbot one")
        await world.bot.stop()
        person = await a_person(homeserver, root, f"later-{directory.name}")
        text, admins = world.bot.env_file.read_text(), world.bot.setting("ADMINS")
        world.bot.env_file.write_text(text.replace(admins, f"{admins} {person.user_id}"))
        async with a_human(homeserver, person) as later:
            await world.bot.start()
            await world.card("is ready", "!newbot two")
            await first_seen_by_the_service(world, later)

        async with another_login(world, root) as rogue:
            await rogue.wait_for(lambda h: h.membership(world.dm, h.user_id) == "join" or None)
            await a_rogue_device_gets_nowhere(world, rogue)
            await rogue.reset_identity()
            await a_new_identity_gets_nowhere(world, rogue)
            await until_the_operator_says_so(world, rogue)


async def first_seen_by_the_service(world: World, later: Human) -> None:
    """Setup knew nothing of them: that their identity is remembered does not make it count."""
    room, dm = await join_all(later, world.bot)
    them = World(world.homeserver, world.bot, later, room, dm)
    assert (await them.ask("!ping")).body == "🏓 pong"
    for line, where in (("!newbot early", room), ("!bots", dm), ("!lockdown", room)):
        assert "whose emoji I have compared" in str((await them.ask(line, room=where)).body)
    assert later.user_id in {
        row["user_id"]
        for row in rows(world.bot.data_dir / "adminbot.db", "SELECT user_id FROM pin")
    }
    assert "early" not in str((await world.ask("!bots")).body)


async def a_rogue_device_gets_nowhere(world: World, rogue: Human) -> None:
    bot = world.bot.setting("USER_ID")
    await rogue.send(world.room, "!newbot stolen")
    await rogue.wait_message(world.room, "is not verified, so I did nothing", sender=bot)
    theirs = await rogue.verify(world.dm, bot)
    await rogue.wait_message(world.dm, "is not verified, so I did nothing", sender=bot)
    await nobody_went_on(theirs)
    shown = await world.card("is ready", "!newbot three")
    seen = await rogue.wait_for(
        lambda h: next(
            (m for m in h.messages(world.dm) if m.event_id == shown.block.event_id), None
        )
    )
    await world.ask("!ping")  # a key that came late would be there by now
    await asyncio.sleep(1)
    assert not seen.readable
    assert "stolen" not in str((await world.ask("!bots")).body)


async def nobody_went_on(theirs: Verification) -> None:
    """At most their own app did, which takes an earlier request in the chat for one of its own."""
    if theirs.phase == "cancelled":
        assert theirs.cancelled_by == theirs.human.user_id, theirs
    else:
        assert theirs.phase == "requested"
        await theirs.cancel()


async def a_new_identity_gets_nowhere(world: World, renewed: Human) -> None:
    bot = world.bot.setting("USER_ID")
    await renewed.send(world.room, "!newbot stolen")
    await renewed.wait_message(world.room, "is another one than I remember", sender=bot)
    theirs = await renewed.verify(world.dm, bot)
    await renewed.wait_message(world.dm, "is another one than I remember", sender=bot)
    await nobody_went_on(theirs)
    code, _, err = await adminbot("verify", renewed.user_id, "--env-file", world.bot.env_file)
    assert (code, f"adminbot trust {renewed.user_id}" in err) == (1, True), err


async def until_the_operator_says_so(world: World, renewed: Human) -> None:
    """A new identity that counts is still one that was not verified."""
    env = ("--env-file", world.bot.env_file)
    assert (await adminbot("trust", renewed.user_id, "--yes", *env))[0] == 0
    assert remembered(world) == []
    event_id = await renewed.send(world.room, "!newbot early")
    refused = await renewed.wait_message(world.room, lambda m: replies_to(m) == event_id)
    assert "!verify" in str(refused.body)
    renewed.pass_over_verifications(world.dm)  # this app sees those of the first one, too
    async with verify(world.bot, renewed.user_id) as shell:
        theirs = await renewed.wait_verification(world.dm)
        await theirs.accept()
        assert await shell.emoji() == await theirs.wait_emoji()
        shell.type("y")
        await theirs.confirm()
        assert (await shell.end())[0] == 0
    event_id = await renewed.send(world.room, "!bots")
    answer = await renewed.wait_message(world.room, lambda m: replies_to(m) == event_id)
    assert "three" in str(answer.body)
