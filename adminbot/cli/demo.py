"""`adminbot demo`: all of it on a throw-away Synapse, every claim checked, nothing left behind."""

import argparse
import asyncio
import json
import logging
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from adminbot.chat.rooms import why_unfit
from adminbot.cli.screen import Screen
from adminbot.demo import homeserver as throwaway
from adminbot.demo.homeserver import Homeserver, Person
from adminbot.demo.human import Heard, Participant, participant
from adminbot.demo.service import service
from adminbot.errors import SetupError, TokenRejected
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.http import open_http
from adminbot.homeserver.probe import find_server
from adminbot.homeserver.values import Session
from adminbot.setup.account import BySharedSecret
from adminbot.setup.installer import Plan, install
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

_BOT = "adminbot"

# Who plays with `--keep` logs in more often than five times in half an hour.
_PATIENT_LOGIN = """\
rc_login:
  address: {per_second: 10, burst_count: 100}
  account: {per_second: 10, burst_count: 100}
"""


async def main(args: argparse.Namespace) -> None:
    """Play the demo; a signal stops it. Whatever happens, nothing is left behind."""
    logging.getLogger().addHandler(logging.NullHandler())  # the screen is for the conversation
    throwaway.stay_on_loopback()
    playing = asyncio.create_task(_play(Screen(), keep=args.keep))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(name) is not signal.SIG_IGN:  # as under nohup
            # Once: a second signal must not cut the cleaning up short.
            loop.add_signal_handler(name, lambda: playing.cancelling() or playing.cancel())
    try:
        await playing
    except asyncio.CancelledError:
        raise SetupError("Interrupted. Everything is cleaned up.") from None


# -- the play


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where it plays, and who is there."""

    screen: Screen
    server: Homeserver
    directory: Path
    you: Participant
    bot: UserId
    admin_room: str


async def _play(screen: Screen, *, keep: bool) -> None:
    print("adminbot demo: on a throw-away Matrix server on this machine, gone afterwards.")
    async with AsyncExitStack() as stack:
        screen.step("Start Synapse")
        python = await asyncio.to_thread(throwaway.synapse_python, screen.fact)
        directory = Path(tempfile.mkdtemp(prefix="adminbot-demo-"))
        stack.callback(_remove, directory)
        server = stack.enter_context(
            throwaway.running(directory / "synapse", python, extra=_PATIENT_LOGIN)
        )
        screen.fact(f"✅ example.test is up at {server.url}")
        you = await stack.enter_async_context(_you(screen, server, directory))
        guest = server.register("me") if keep else None
        scene = await _set_up(screen, server, directory, you, guest)
        screen.step("adminbot run")
        async with service(directory / ".env", directory / "adminbot.log") as ended:
            screen.fact("✅ it logs: ready")
            await _converse(scene)
            if guest:
                await _stay(scene, guest, ended)
            screen.step("Clean up")
        screen.fact("✅ adminbot stopped when asked, exit code 0")
    screen.fact("✅ Synapse stopped, all files removed")
    print(f"\nDone in {screen.elapsed_s:.1f} s. On your own server: adminbot setup")


def _remove(directory: Path) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        raise SetupError(f"{directory} could not be removed.", "Remove it by hand.")


@asynccontextmanager
async def _you(screen: Screen, server: Homeserver, directory: Path) -> AsyncIterator[Participant]:
    """A person, with encryption set up as in Element; what they hear is shown."""
    screen.step("You: an account, an app, encryption set up")

    def show(heard: Heard) -> None:
        screen.talk(you.place(heard.room_id), heard.sender.localpart, heard.body)

    session = server.register("you").session
    async with participant(server.url, session, directory / "you", show) as you:
        await you.make_identity()
        screen.fact(f"✅ {session.user_id}, on a device signed by your identity")
        yield you


async def _set_up(
    screen: Screen, server: Homeserver, directory: Path, you: Participant, guest: Person | None
) -> _Scene:
    """`adminbot setup`, with its shared secret."""
    screen.step("adminbot setup")
    admins = [you.session, guest.session] if guest else [you.session]
    plan = Plan(
        homeserver=server.url,
        public_url=None,
        admins=tuple(admin.user_id for admin in admins),
        bot_name=_BOT,
        credential=BySharedSecret(Secret(server.shared_secret)),
        data_dir=directory / "data",
        env_file=directory / ".env",
        keep_shared_secret=True,
    )
    screen.fact(f"✅ Synapse {await find_server(server.url)}, no MAS")
    admin_room = await install(plan, screen.fact)
    bot = UserId(_BOT, you.session.user_id.server)
    return _Scene(screen, server, directory, you, bot, admin_room)


async def _converse(scene: _Scene) -> None:
    """Two commands, and what the cards are worth."""
    screen = scene.screen
    screen.step("Type !newbot nanobot")
    await scene.you.until_together(scene.admin_room, scene.bot)
    screen.claim(
        await scene.you.sees_signed_device(scene.bot),
        "its device is signed by its identity: no red shield in Element",
    )
    first = await _command(scene, "!newbot nanobot")

    screen.step("Start a program with that card")
    whose = f"{first.user_id}, device {first.device_id}"
    screen.claim(await _whoami(scene, first) == whose, f"its token is {whose}")
    hello = await _hear(scene, first, "Hello, I am a program.", wait_for_trust=True)
    screen.claim(bool(hello.from_device), "you read it: encrypted, from a device you can trust")

    screen.step("Type !rotate nanobot")
    second = await _command(scene, "!rotate nanobot")

    screen.step("The old token, the new token")
    screen.claim(await _whoami(scene, first) == "401", "the old token is dead: 401")
    screen.claim(await _whoami(scene, second) == whose, f"the new one is {whose}, as before")
    again = await _hear(scene, second, "Hello again, with the new token.", hello.room_id)
    screen.claim(again.from_device == hello.from_device, "you read it, its keys are the same")


# -- what you do


async def _command(scene: _Scene, line: str) -> Session:
    """Type a command in the admin room; returns the login on the card that comes."""
    you, heard_before = scene.you, len(scene.you.heard)
    scene.screen.talk(you.place(scene.admin_room), "you", line)
    await you.say(scene.admin_room, line)

    def answer() -> Heard | None:
        fresh = [heard for heard in you.heard[heard_before:] if heard.sender == scene.bot]
        if refused := [heard for heard in fresh if heard.body.startswith("❌")]:
            raise SetupError(f"adminbot answered {line} with: {refused[0].body}")
        replied = any(heard.room_id == scene.admin_room for heard in fresh)
        blocks = [heard for heard in fresh if heard.body.startswith("{")]
        return blocks[0] if replied and blocks else None

    block = await you.until(answer, f"An answer and a card after {line}")
    ours = you.rooms[block.room_id]
    scene.screen.claim(
        not why_unfit(ours, {str(you.session.user_id), str(scene.bot)})
        and all(heard.from_device for heard in you.heard[heard_before:]),
        "all encrypted by its signed device, the card for you alone",
    )
    return _session_on(block.body, scene.server)


def _session_on(card: str, server: Homeserver) -> Session:
    """The login in a card's block. Raises SetupError when nanobot could not use the block."""
    try:
        given = json.loads(card)["channels"]["matrix"]
        user_id = UserId.parse(given["userId"])
        session = Session(user_id, given["deviceId"], Secret(given["accessToken"]))
    except (KeyError, ValueError):
        raise SetupError("The card lacks a line that a program needs.") from None
    if given.get("homeserver") != server.url:
        raise SetupError("The card names another homeserver.")
    return session


async def _whoami(scene: _Scene, session: Session) -> str:
    """Whose the server says the token is; `401` when it is nobody's."""
    async with open_http(scene.server.url, session.token) as http:
        try:
            user_id, device_id = await ClientApi(http).whoami()
        except TokenRejected as exc:
            return str(exc.status)
    return f"{user_id}, device {device_id}"


async def _hear(
    scene: _Scene,
    session: Session,
    text: str,
    room_id: str | None = None,
    *,
    wait_for_trust: bool = False,
) -> Heard:
    """Start a program on the card's session, and wait until you have read what it says."""
    you, store_dir = scene.you, scene.directory / "nanobot"  # its keys outlive a rotation
    async with participant(scene.server.url, session, store_dir, lambda heard: None) as program:
        room_id = room_id or await you.open_chat(session.user_id)
        await program.until_together(room_id, you.session.user_id)
        await you.until_together(room_id, session.user_id)

        def heard(words: str) -> Heard | None:
            return next((heard for heard in you.heard if words in heard.body), None)

        if wait_for_trust:
            news = f"{session.user_id.localpart} is online and trusted"
            await you.until(lambda: heard(news), f"Reading “{news}”")
            await you.look_again_at(session.user_id)
        await program.say(room_id, text)
        return await you.until(lambda: heard(text), f"Reading “{text}”")


async def _stay(scene: _Scene, guest: Person, ended: Callable[[], Awaitable[None]]) -> None:
    """Leave server and service running until a signal comes."""
    scene.screen.step("Your turn")
    print(
        f"""  Element Desktop or app.element.io on this machine: Sign in, edit the homeserver.
    Homeserver  {scene.server.url}
    User        {guest.user_id}
    Password    {guest.password}
  It is an admin here, too. Signing in, Element makes its encryption identity, and
  adminbot remembers that one. Accept the invitation to “{_BOT}: admin room”, type:  !help
  (What was said there before it signed in stays unreadable to it.)

  Settings and logs  {scene.directory}
  Stop it, and remove everything:  ^C""",
        flush=True,
    )
    try:
        await ended()
    except asyncio.CancelledError:
        # The signal is how this ends well. (No uncancel: a second one shall still do nothing.)
        print(flush=True)
