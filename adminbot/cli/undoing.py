"""`adminbot setup --undo`: shows what would go and what stays, and wants the bot's name typed."""

import argparse

from adminbot.cli import UsageFault
from adminbot.cli.asking import ask
from adminbot.config import Settings, sources
from adminbot.errors import SetupError
from adminbot.setup.undo import Extent, remove_files, undoing
from adminbot.store import open_store
from adminbot.store.owner import SoleOwner

_FEW = 5


async def undo(args: argparse.Namespace) -> None:
    """Raises AdminbotError: it could not be begun, or not be finished; a second run goes on."""
    if args.non_interactive and not args.yes:
        raise UsageFault("with --non-interactive, name the bot: --yes @adminbot:example.org")
    settings = sources.load(args.env_file)
    if args.files_only:
        with SoleOwner(settings.data_dir):  # not under a service that runs
            print(f"The account {settings.user_id} stays as it is, with its rooms.")
            _confirm(args, settings)
            remove_files(settings, args.env_file, print)
        return
    async with (
        open_store(settings.data_dir, settings.sealer) as store,
        undoing(settings, store) as work,
    ):
        print(_told(settings, await work.extent()))
        _confirm(args, settings)
        await work.close_account(print)
    remove_files(settings, args.env_file, print)


def _told(settings: Settings, extent: Extent) -> str:
    lines = [f"The account {settings.user_id} is deactivated for good; its name stays taken."]
    lines.append(f"It leaves its rooms: {extent.rooms}. Cards taken back: {extent.cards}.")
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
    print(f"{settings.data_dir} goes, with identity, pins and audit; and {args.env_file}.")
    typed = args.yes or ask(f"Type {own.localpart} to go on: ")
    if typed not in (str(own), own.localpart):
        raise SetupError(f"That is not {own.localpart}. Nothing was changed.")
