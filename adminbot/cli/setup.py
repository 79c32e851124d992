"""`adminbot setup`: what to set up, from flags or by asking; then the installer does it."""

import argparse
import asyncio
import getpass
import signal
from pathlib import Path

from adminbot import config
from adminbot.cli import UsageFault
from adminbot.errors import SetupError, UsageError
from adminbot.ids import BotName, UserId, parse_url
from adminbot.installer import Plan, finished, install
from adminbot.ownaccount import ByLogin, BySharedSecret, ByToken, Credential
from adminbot.secret import Secret

_NEAR = "http://localhost:8008"


async def main(args: argparse.Namespace) -> None:
    """Collect what is needed, all that is missing named at once, then install."""
    if finished(args.env_file):
        print(f"{args.env_file} was complete already.")
        return
    if args.env_file.exists() and not args.force:
        raise SetupError(
            f"{args.env_file} exists already, and I never write over one.",
            "Use --env-file for another, or --force to replace it.",
        )
    if args.non_interactive:
        _complain_of_gaps(args)
    plan = Plan(
        homeserver=_url(args.homeserver or _ask(f"Homeserver [{_NEAR}]: ") or _NEAR),
        public_url=_url(args.public_url) if args.public_url else None,
        admins=_admins(args.admin) if args.admin else _ask_admins(),
        bot_name=_bot_name(args.bot_name),
        credential=_credential(args),
        data_dir=(args.data_dir or config.default_data_dir()).resolve(),
        env_file=args.env_file,
        keep_shared_secret=args.keep_shared_secret,
        ask_admins=None if args.non_interactive else _ask_admins,
    )
    if plan.keep_shared_secret and not isinstance(plan.credential, BySharedSecret):
        raise UsageFault("--keep-shared-secret goes with --shared-secret-file")
    work = asyncio.ensure_future(install(plan, say=print))
    # A session opened for the setup is to be logged out also when it is told to stop.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    room_id = await work
    print(
        f"\nDone. Accept the invitations from {plan.bot_name} in your app "
        f"(the admin room is {room_id}), then start the bot:\n"
        f"  adminbot run --env-file {plan.env_file}\n"
        "and type in the admin room:\n  !newbot nanobot"
    )


def _complain_of_gaps(args: argparse.Namespace) -> None:
    gaps = []
    if not args.homeserver:
        gaps.append("--homeserver")
    if not args.admin:
        gaps.append("--admin")
    if not (args.shared_secret_file or args.login_as or args.admin_token_file):
        gaps.append("one of --shared-secret-file, --login-as, --admin-token-file")
    if args.login_as and not args.password_file:
        gaps.append("--password-file")
    if gaps:
        raise UsageFault(f"with --non-interactive, give also: {'; '.join(gaps)}")


def _credential(args: argparse.Namespace) -> Credential:
    if args.password_file and not args.login_as:
        raise UsageFault("--password-file goes with --login-as")
    if args.shared_secret_file:
        return BySharedSecret(_read(args.shared_secret_file))
    if args.admin_token_file:
        return ByToken(_read(args.admin_token_file))
    if args.login_as:
        password = _read(args.password_file) if args.password_file else _ask_secretly("Password: ")
        return ByLogin(args.login_as, password)
    print(
        "How may I make my account? I use this once and do not keep it.\n"
        "  1  with Synapse's registration_shared_secret (from homeserver.yaml)\n"
        "  2  by logging in as a server admin\n"
        "  3  with a server admin's access token"
    )
    answer = _ask("1, 2 or 3: ")
    if answer == "1":
        return BySharedSecret(_ask_secretly("Shared secret: "))
    if answer == "2":
        return ByLogin(_ask("Server admin's name: "), _ask_secretly("Password: "))
    if answer == "3":
        return ByToken(_ask_secretly("Access token: "))
    raise UsageFault("answer 1, 2 or 3")


def _read(path: Path) -> Secret:
    try:
        content = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise SetupError(f"{path} cannot be read.", "Check the path and its mode.") from None
    if not content:
        raise SetupError(f"{path} is empty.")
    return Secret(content)


def _url(text: str) -> str:
    try:
        return parse_url(text)
    except ValueError:
        raise UsageFault("a base URL looks like https://matrix.example.org") from None


def _ask_admins() -> tuple[UserId, ...]:
    return _admins(_ask("Your user id (@you:example.org): ").split())


def _admins(words: list[str]) -> tuple[UserId, ...]:
    try:
        found = tuple(dict.fromkeys(UserId.parse(word.strip(",")) for word in words))
    except ValueError:
        raise UsageFault("an admin is a full user id such as @you:example.org") from None
    if not found:
        raise UsageFault("name at least one admin")
    return found


def _bot_name(text: str) -> str:
    try:
        return BotName.parse(text, server="").localpart
    except UsageError as exc:
        raise UsageFault(str(exc)) from None


def _ask(prompt: str) -> str:
    try:
        return input(prompt).strip()
    except EOFError:
        raise UsageFault("there is nobody to ask; give it as a flag (see --help)") from None


def _ask_secretly(prompt: str) -> Secret:
    try:
        answer = getpass.getpass(prompt)
    except EOFError:
        raise UsageFault("there is nobody to ask; give it as a file (see --help)") from None
    if not answer.strip():
        raise UsageFault("nothing was typed")
    return Secret(answer.strip())
