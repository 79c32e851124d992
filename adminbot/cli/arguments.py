"""The command line: one function a subcommand. The module of the same name has its `main`."""

import argparse
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # argparse names the type only privately
    Subcommands = argparse._SubParsersAction[argparse.ArgumentParser]


def command_line() -> argparse.ArgumentParser:
    """A parser whose result has `subcommand`, `env_file` and what that subcommand adds."""
    top = argparse.ArgumentParser(
        prog="adminbot", description="BotFather for a Matrix server that is yours."
    )
    top.add_argument("--version", action="version", version=f"adminbot {_version()}")
    top.add_argument(
        "--print-completion",
        action=_Completion,
        choices=("bash", "zsh", "tcsh"),
        help="print what completes these words in a shell: "
        "adminbot --print-completion bash > ~/.local/share/bash-completion/completions/adminbot",
    )
    subcommands = top.add_subparsers(dest="subcommand", metavar="WORD", required=True)
    for add in _WORDS:
        add(subcommands)
    return top


class _Completion(argparse.Action):
    """Prints the completion of the whole parser, made by shtab, and ends the program."""

    def __call__(self, parser: argparse.ArgumentParser, _: object, shell: Any, *__: Any) -> None:
        import shtab  # for this alone: every other start is quicker without

        for action in _actions(parser):
            if action.type is Path:
                action.complete = (  # type: ignore[attr-defined]  # where shtab looks for it
                    shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
                )
        print(shtab.complete(parser, shell))
        parser.exit()


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)


def _version() -> str:
    try:
        return version("matrix-adminbot")
    except PackageNotFoundError:
        return "not installed"


def _subcommand(
    subcommands: "Subcommands", name: str, help: str, description: str | None = None
) -> argparse.ArgumentParser:
    """A subcommand with the flag that all have. `help`: its line in the list of subcommands."""
    parser = subcommands.add_parser(name, help=help, description=description)
    parser.add_argument(
        "--env-file", type=Path, default=Path(".env"), metavar="FILE", help="default: .env"
    )
    return parser


def _setup(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "setup",
        "make the bot's account, its encrypted admin room and the env file",
        "Makes the bot's own account, its encrypted admin room and the env file. "
        "Asks for what is missing; interrupted, it finishes when run again.",
    )
    parser.add_argument(
        "--homeserver", metavar="URL", help="base URL for the bot; may be internal"
    )
    parser.add_argument("--public-url", metavar="URL", help="base URL written on cards")
    parser.add_argument(
        "--admin", action="append", metavar="@YOU:SERVER", help="who may command; repeatable"
    )
    _credential_flags(parser)
    parser.add_argument("--bot-name", default="adminbot", metavar="NAME", help="default: adminbot")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="default: data")
    parser.add_argument(
        "--ca-file", type=Path, metavar="F", help="PEM: your own certificate authority"
    )
    parser.add_argument(
        "--keep-shared-secret",
        action="store_true",
        help="store the shared secret: creation becomes atomic and free of the login limit",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing env file")
    parser.add_argument("--non-interactive", action="store_true", help="never ask")
    parser.add_argument(
        "--undo",
        action="store_true",
        help="take away what setup made: cards, rooms, account, state, settings; shows it first, "
        "and wants the bot's name typed. Other accounts stay",
    )
    parser.add_argument(
        "--files-only",
        action="store_true",
        help="with --undo: ask no homeserver, keep the account",
    )
    parser.add_argument(
        "--yes", metavar="@BOT:SERVER", help="with --undo: its user id in place of being asked"
    )


def _run(subcommands: "Subcommands") -> None:
    _subcommand(
        subcommands,
        "run",
        "the service",
        "The service. It is up when it logs a line that begins with `ready`; SIGTERM or ^C stops "
        "it, exit code 0.",
    )


def _doctor(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "doctor",
        "what is wrong, and what mends it",
        "Looks at settings, files, homeserver, account, encryption and rooms; a line for each "
        "check, and under it the remedy. Asks the service if it runs. Changes nothing. Exit code "
        "1 if a check failed.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object, for a machine")


def _health(subcommands: "Subcommands") -> None:
    _subcommand(
        subcommands,
        "health",
        "for a container's health check: does the service answer, and sync?",
        "Asks the running service. Exit code 0 only if the service answers and its last sync is "
        "younger than 2 minutes.",
    )


def _login(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "login",
        "a new token for the bot's own account when the old one died",
        "Gets a new access token for the bot's own account, on its own device, and "
        "writes it into the env file. Bots, pins and keys stay. The service must not run.",
    )
    _credential_flags(parser)
    parser.add_argument("--non-interactive", action="store_true", help="never ask")


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


def _trust(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "trust",
        "accept the new cross-signing identity of an admin, or of a bot",
        "Accepts the cross-signing identity an admin has now, after a reset; or that "
        "a bot's account has now, after its program made another one. The service may run.",
    )
    parser.add_argument("user", metavar="@YOU:SERVER")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _unlock(subcommands: "Subcommands") -> None:
    _subcommand(
        subcommands,
        "unlock",
        "lift a lockdown",
        "Lifts what an admin began with !lockdown. The service may run.",
    )


def _verify(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "verify",
        "compare emoji with an admin, so that both are verified",
        "Shows the bot's emoji of the verification that is under way with this "
        "admin, or begins one, and asks whether theirs are the same. The service must run.",
    )
    parser.add_argument("user", metavar="@YOU:SERVER")


def _room(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "room",
        "invite again who should be in the admin room, or make another one",
        "Invites the admins who are not in the admin room. The service may run.",
    )
    parser.add_argument(
        "--new", action="store_true", help="make another one, and write it into the env file"
    )


def _audit(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "audit",
        "what was done, by whom, when, how it ended",
        "Prints the audit, the oldest entry first: changes, refusals, alarms. Times are UTC. The "
        "service may run.",
    )
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="only what this account did, or what is about it"
    )
    parser.add_argument("--since", metavar="30d", help="only what ended since then")
    parser.add_argument(
        "--json",
        action="store_true",
        help="one JSON object a line: at, ended_at, who, device, kind, what, target, "
        "outcome, event_id",
    )
    parser.add_argument("--prune", metavar="365d", help="cut off what is older, for good")
    parser.add_argument("--yes", action="store_true", help="with --prune: do not ask")


def _backup(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "backup",
        "one sealed file with all that a new machine needs",
        "Writes identity, bots, pins, the log of changes and the settings into one "
        "file, sealed with ADMINBOT_STORE_KEY. The service may run. Asks nothing.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument("--force", action="store_true", help="replace an existing file")


def _restore(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "restore",
        "bring the bot back from such a file",
        "Puts a backup into an empty data directory. Without an env file that one is "
        "written, too; the store key is then taken from --store-key-file, from the environment, "
        "or asked for.",
    )
    parser.add_argument("file", type=Path, metavar="FILE")
    parser.add_argument(
        "--store-key-file", type=Path, metavar="F", help="file with ADMINBOT_STORE_KEY"
    )
    parser.add_argument("--data-dir", type=Path, metavar="DIR", help="default: where it was")


def _demo(subcommands: "Subcommands") -> None:
    parser = _subcommand(
        subcommands,
        "demo",
        "all of it on a throw-away local Synapse",
        "Starts a throw-away Synapse on this machine, sets the bot up on it, has a "
        "person type !newbot and !rotate, and cleans up.",
    )
    parser.add_argument("--keep", action="store_true", help="leave it running to be tried")


_WORDS = (
    *(_setup, _run, _doctor, _health, _login, _trust, _unlock, _verify, _room),
    *(_audit, _backup, _restore, _demo),
)
