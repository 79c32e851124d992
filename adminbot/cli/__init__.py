"""The shell's words: one parser, and one place where an error becomes a line and an exit code."""

import argparse
import asyncio
import logging
import os
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from adminbot import logs
from adminbot.errors import AdminbotError

DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2


class UsageFault(Exception):
    """The command line cannot be carried out as typed; exit code 2."""


def main(argv: list[str] | None = None) -> int:
    """Run one word. Exit codes: 0 done, 1 could not be done, 2 wrong usage."""
    os.umask(0o077)  # whatever is written is for its owner alone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold every secret
    logging.basicConfig(level=logging.CRITICAL)  # `run` sets up its own; errors are one line
    args = _parser().parse_args(argv)
    try:
        asyncio.run(args.word(args))
    except UsageFault as exc:
        logs.fatal(f"adminbot {args.word_name}: {exc}")
        return WRONG_USAGE
    except AdminbotError as exc:
        logs.fatal(f"adminbot: {exc.message().replace('`', '')}")
        return NOT_DONE
    except (KeyboardInterrupt, asyncio.CancelledError):
        logs.fatal("adminbot: interrupted")
        return NOT_DONE
    except Exception as exc:  # a bug; the shell gets a line, -X dev the rest
        logs.fatal(f"adminbot: a bug, {type(exc).__name__}; run with python -X dev for its trace.")
        if sys.flags.dev_mode:
            raise
        return NOT_DONE
    return DONE


def _version() -> str:
    try:
        return version("matrix-adminbot")
    except PackageNotFoundError:
        return "not installed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="adminbot", description="BotFather for a Matrix server that is yours."
    )
    parser.add_argument("--version", action="version", version=f"adminbot {_version()}")
    words = parser.add_subparsers(dest="word_name", metavar="WORD", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--env-file", type=Path, default=Path(".env"), metavar="FILE", help="default: .env"
    )

    setup = words.add_parser(
        "setup",
        parents=[shared],
        help="make the bot's account, its encrypted admin room and the env file",
        description="Makes the bot's own account, its encrypted admin room and the env file. "
        "Asks for what is missing; interrupted, it finishes when run again.",
    )
    setup.add_argument("--homeserver", metavar="URL", help="base URL for the bot; may be internal")
    setup.add_argument("--public-url", metavar="URL", help="base URL written on cards")
    setup.add_argument(
        "--admin", action="append", metavar="@YOU:SERVER", help="who may command; repeatable"
    )
    _credential_flags(setup)
    setup.add_argument("--bot-name", default="adminbot", metavar="NAME", help="default: adminbot")
    setup.add_argument("--data-dir", type=Path, metavar="DIR", help="default: data")
    setup.add_argument(
        "--ca-file", type=Path, metavar="F", help="PEM: your own certificate authority"
    )
    setup.add_argument(
        "--keep-shared-secret",
        action="store_true",
        help="store the shared secret: creation becomes atomic and free of the login limit",
    )
    setup.add_argument("--force", action="store_true", help="replace an existing env file")
    setup.add_argument("--non-interactive", action="store_true", help="never ask")
    setup.set_defaults(word=_lazy("setup"))

    run = words.add_parser("run", parents=[shared], help="the service")
    run.set_defaults(word=_lazy("run"))

    login = words.add_parser(
        "login",
        parents=[shared],
        help="a new token for the bot's own account when the old one died",
        description="Gets a new access token for the bot's own account, on its own device, and "
        "writes it into the env file. Bots, pins and keys stay. The service must not run.",
    )
    _credential_flags(login)
    login.add_argument("--non-interactive", action="store_true", help="never ask")
    login.set_defaults(word=_lazy("login"))

    trust = words.add_parser(
        "trust",
        parents=[shared],
        help="accept the new cross-signing identity of an admin, or of a bot",
        description="Accepts the cross-signing identity an admin has now, after a reset; or that "
        "a bot's account has now, after its program made another one. The service may run.",
    )
    trust.add_argument("user", metavar="@YOU:SERVER")
    trust.add_argument("--yes", action="store_true", help="do not ask")
    trust.set_defaults(word=_lazy("trust"))

    unlock = words.add_parser(
        "unlock",
        parents=[shared],
        help="lift a lockdown",
        description="Lifts what an admin began with !lockdown. The service may run.",
    )
    unlock.set_defaults(word=_lazy("unlock"))

    verify = words.add_parser(
        "verify",
        parents=[shared],
        help="compare emoji with an admin, so that both are verified",
        description="Shows the bot's emoji of the verification that is under way with this "
        "admin, or begins one, and asks whether theirs are the same. The service must run.",
    )
    verify.add_argument("user", metavar="@YOU:SERVER")
    verify.set_defaults(word=_lazy("verify"))

    room = words.add_parser(
        "room",
        parents=[shared],
        help="invite again who should be in the admin room, or make another one",
        description="Invites the admins who are not in the admin room. The service may run.",
    )
    room.add_argument(
        "--new", action="store_true", help="make another one, and write it into the env file"
    )
    room.set_defaults(word=_lazy("room"))

    backup = words.add_parser(
        "backup",
        parents=[shared],
        help="one sealed file with all that a new machine needs",
        description="Writes identity, bots, pins, the log of changes and the settings into one "
        "file, sealed with ADMINBOT_STORE_KEY. The service may run. Asks nothing.",
    )
    backup.add_argument("file", type=Path, metavar="FILE")
    backup.add_argument("--force", action="store_true", help="replace an existing file")
    backup.set_defaults(word=_lazy("backup"))

    restore = words.add_parser(
        "restore",
        parents=[shared],
        help="bring the bot back from such a file",
        description="Puts a backup into an empty data directory. Without an env file that one is "
        "written, too; the store key is then taken from --store-key-file, from the environment, "
        "or asked for.",
    )
    restore.add_argument("file", type=Path, metavar="FILE")
    restore.add_argument(
        "--store-key-file", type=Path, metavar="F", help="file with ADMINBOT_STORE_KEY"
    )
    restore.add_argument("--data-dir", type=Path, metavar="DIR", help="default: where it was")
    restore.set_defaults(word=_lazy("restore"))

    demo = words.add_parser(
        "demo",
        parents=[shared],
        help="all of it on a throw-away local Synapse",
        description="Starts a throw-away Synapse on this machine, sets the bot up on it, has a "
        "person type !newbot and !rotate, and cleans up.",
    )
    demo.add_argument("--keep", action="store_true", help="leave it running to be tried")
    demo.set_defaults(word=_lazy("demo"))
    return parser


def _credential_flags(parser: argparse.ArgumentParser) -> None:
    """By which right the bot's account is made or renewed: one of three ways."""
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--shared-secret-file",
        type=Path,
        metavar="F",
        help="file with Synapse's registration_shared_secret",
    )
    way.add_argument("--login-as", metavar="NAME", help="log in as this server admin once")
    way.add_argument(
        "--admin-token-file",
        type=Path,
        metavar="F",
        help="file with an admin's access token",
    )
    parser.add_argument("--password-file", type=Path, metavar="F", help="goes with --login-as")


def _lazy(word: str):  # type: ignore[no-untyped-def]
    """Import a word's module when it runs: `--help` stays quick."""

    async def run(args: argparse.Namespace) -> None:
        from importlib import import_module

        await import_module(f"adminbot.cli.{word}").main(args)

    return run
