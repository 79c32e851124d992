"""`adminbot setup --undo`: shows what would go and what stays, and wants the bot's name typed."""

import argparse
from pathlib import Path

from adminbot.cli import UsageFault
from adminbot.cli.arguments import command_line
from adminbot.cli.asking import ask
from adminbot.config import Settings, sources
from adminbot.errors import SetupError
from adminbot.setup.installer import finished
from adminbot.setup.journal import Journal
from adminbot.setup.undo import Extent, remove_files, undoing
from adminbot.store import open_store
from adminbot.store.database import DATABASE
from adminbot.store.owner import SoleOwner

_FEW = 5


async def undo(args: argparse.Namespace) -> None:
    """Raises AdminbotError: it could not be begun, or not be finished; a second run goes on."""
    _check_flags(args)
    _check_finished(args.env_file)
    settings = sources.load(args.env_file)
    if args.files_only:
        with SoleOwner(settings.data_dir):  # not under a service that runs
            print(
                f"The account {settings.user_id} stays as it is, with its rooms; its access token "
                "works on until a server admin closes the account."
            )
            _confirm(args, settings)
        remove_files(settings, args.env_file, print)
        return
    if gap := _gap(settings):
        hint = "Check ADMINBOT_DATA_DIR. If it is lost: `--files-only` takes away the rest."
        raise SetupError(gap, hint)
    async with (
        open_store(settings.data_dir, settings.sealer) as store,
        undoing(settings, store) as work,
    ):
        print(_told(settings, await work.extent()))
        _confirm(args, settings)
        await work.close_account(print)
    remove_files(settings, args.env_file, print)


def _check_flags(args: argparse.Namespace) -> None:
    """Raises UsageFault. What would be ignored was meant: another data directory, say."""
    if args.non_interactive and not args.yes:
        raise UsageFault("with --non-interactive, name the bot: --yes @adminbot:example.org")
    unset = vars(command_line().parse_args(["setup"]))
    given = {name for name, value in vars(args).items() if value != unset[name]}
    if strange := given - {"undo", "env_file", "files_only", "yes", "non_interactive"}:
        flags = ", ".join(sorted(f"--{name.replace('_', '-')}" for name in strange))
        raise UsageFault(f"not with --undo: {flags}")


def _check_finished(env_file: Path) -> None:
    """Raises SetupError: beside the settings is the only token of an account half set up."""
    journal = Journal(env_file)
    if not finished(env_file) and (name := journal.get("BOT_NAME")):
        raise SetupError(
            f"There is an unfinished setup of {name} beside {env_file}.",
            "Finish it, with the `adminbot setup` of then, and undo it after that. Or remove "
            f"{journal.path}, if the account may stay.",
        )


def _gap(settings: Settings) -> str:
    """What is said where no state is. The account would go, and a state elsewhere would stay."""
    if (settings.data_dir / DATABASE).is_file():
        return ""
    return f"There is no state in {settings.data_dir.absolute()}."


def _told(settings: Settings, extent: Extent) -> str:
    lines = [f"The account {settings.user_id} is deactivated for good; its name stays taken."]
    lines.append(f"It leaves its rooms: {extent.rooms}. Cards taken back: {extent.cards}.")
    if extent.undelivered:
        lines.append(
            f"Cards not delivered yet: {extent.undelivered}. Their secrets are lost, and what was "
            "sent of them stays. To deliver them first, start the bot."
        )
    if extent.bots:
        named = ", ".join(extent.bots[:_FEW])
        more = f" and {len(extent.bots) - _FEW} more" if len(extent.bots) > _FEW else ""
        lines.append(
            f"{named}{more} stay, signed in as they are, in nobody's care. To sign them out "
            "first: !revoke --all in the chat."
        )
    return "\n".join(lines)


def _confirm(args: argparse.Namespace, settings: Settings) -> None:
    """Say which files go. Raises SetupError unless the bot is named, by a flag or now."""
    own = settings.user_id
    print(_gap(settings) or f"{settings.data_dir} goes, with identity, pins and audit.")
    if args.env_file.exists():
        print(f"The settings in {args.env_file} go.")
    if stays := sources.beside(args.env_file):
        print(f"Yours to remove: {stays}.")
    typed = args.yes or ask(f"Type {own.localpart} to go on: ")
    if typed not in (str(own), own.localpart):
        raise SetupError(f"That is not {own.localpart}. Nothing was changed.")
