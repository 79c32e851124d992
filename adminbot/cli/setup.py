"""`adminbot setup`: what to set up, from flags or by asking; then the installer does it."""

import argparse
import asyncio
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from adminbot.cli import UsageFault
from adminbot.cli.asking import as_started, env_words, tell, until_right
from adminbot.cli.credentials import asked_credential, credential_of, gaps
from adminbot.cli.undoing import undo
from adminbot.config import parsing, sources
from adminbot.config.parsing import WrongValue
from adminbot.errors import SetupError, UsageError, WrongAdmin, WrongCredential, WrongName
from adminbot.homeserver.probe import find_server
from adminbot.setup.account import BySharedSecret
from adminbot.setup.installer import PATIENCE, Plan, finished, install
from adminbot.values.ids import BotName, UserId, parse_url

_DEFAULT_NAME = "adminbot"
_NEAR = "http://localhost:8008"


async def main(args: argparse.Namespace) -> None:
    """Collect what is needed, all that is missing named at once, then install.

    A wrong flag is an error; after a wrong answer the question is asked again.
    """
    if args.undo:
        await undo(args)
        return
    if args.files_only or args.yes:
        raise UsageFault("--files-only and --yes go with --undo")
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
    plan = await _plan(args)
    while True:
        try:
            room_id = await _install(plan)
            break
        except (WrongAdmin, WrongCredential, WrongName) as exc:
            plan = await _mended(plan, exc, args)
    print(
        f"\nDone. In your app, accept the invitations from {plan.bot_name} (the admin room is "
        f"{room_id}).\nThere you will type:\n  !newbot nanobot\nas soon as the bot runs. "
        f"Start it:\n  {as_started('run', *env_words(args.env_file))}"
    )


async def _plan(args: argparse.Namespace) -> Plan:
    """Everything that is given is looked at before anything is asked, and secrets come last."""
    _check_flags(args)
    ca_file = _ca_file(args)

    async def reachable(typed: str) -> str:
        url = _url(typed or _NEAR)
        patience = PATIENCE if args.homeserver else timedelta()  # who types sees it at once
        print(f"✅ Synapse {await find_server(url, ca_file, patience=patience)}, no MAS")
        return url

    return Plan(
        homeserver=await until_right(args.homeserver, f"Homeserver [{_NEAR}]: ", reachable),
        public_url=_url(args.public_url) if args.public_url else None,
        admins=await until_right(
            " ".join(args.admin) if args.admin else None,
            "Your user id (@you:example.org): ",
            _people,
        ),
        bot_name=_bot_name(args.bot_name),
        credential=credential_of(args) or asked_credential(args.login_as),
        data_dir=(args.data_dir or sources.default_data_dir()).resolve(),
        env_file=args.env_file,
        keep_shared_secret=args.keep_shared_secret,
        ca_file=ca_file,
    )


async def _install(plan: Plan) -> str:
    if plan.keep_shared_secret and not isinstance(plan.credential, BySharedSecret):
        raise UsageFault("--keep-shared-secret goes with --shared-secret-file")
    work = asyncio.ensure_future(install(plan, say=print))
    # A session opened for the setup is to be logged out also when it is told to stop.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    return await work


async def _mended(plan: Plan, wrong: SetupError, args: argparse.Namespace) -> Plan:
    """The plan with another answer in place of the wrong one; raises `wrong` for a wrong flag."""
    if args.non_interactive or not sys.stdin.isatty():
        raise wrong

    async def name(typed: str) -> str:
        return _bot_name(typed)

    match wrong:
        case WrongAdmin() if not args.admin:
            tell(wrong.message())
            return replace(plan, admins=await until_right(None, "Your user id: ", _people))
        case WrongName() if args.bot_name == _DEFAULT_NAME:
            tell(wrong.message())
            return replace(plan, bot_name=await until_right(None, "Name of the bot: ", name))
        case WrongCredential() if credential_of(args) is None:
            tell(wrong.message())
            return replace(plan, credential=asked_credential(args.login_as))
    raise wrong


def _check_flags(args: argparse.Namespace) -> None:
    """Their form, all of them, before the first of them is tried. Raises UsageFault."""
    if args.homeserver:
        _url(args.homeserver)
    if args.public_url:
        _url(args.public_url)
    if args.admin:
        _admins(args.admin)
    _bot_name(args.bot_name)
    credential_of(args)


def _ca_file(args: argparse.Namespace) -> Path | None:
    if args.ca_file is None:
        return sources.ca_file_in_environment()
    try:
        return parsing.ca_file(str(args.ca_file))
    except WrongValue as exc:
        raise SetupError(f"--ca-file {exc}: {args.ca_file}") from None


def _complain_of_gaps(args: argparse.Namespace) -> None:
    missing = [] if args.homeserver else ["--homeserver"]
    missing += [] if args.admin else ["--admin"]
    missing += gaps(args)
    if missing:
        raise UsageFault(f"with --non-interactive, give also: {'; '.join(missing)}")


def _url(text: str) -> str:
    try:
        return parse_url(text)
    except ValueError:
        raise UsageFault("a base URL looks like https://matrix.example.org") from None


def _admins(words: list[str]) -> tuple[UserId, ...]:
    try:
        found = tuple(dict.fromkeys(UserId.parse(word.strip(",")) for word in words))
    except ValueError:
        raise UsageFault("an admin is a full user id such as @you:example.org") from None
    if not found:
        raise UsageFault("name at least one admin")
    return found


async def _people(typed: str) -> tuple[UserId, ...]:
    return _admins(typed.split())


def _bot_name(text: str) -> str:
    try:
        return BotName.parse(text, server="").localpart
    except UsageError as exc:
        raise UsageFault(str(exc)) from None
