"""`adminbot backup FILE`: all that a new machine needs, sealed, while the service runs."""

import argparse

from adminbot.config import sources
from adminbot.setup import backup
from adminbot.store import snapshot


async def main(args: argparse.Namespace) -> None:
    """Copy, seal, write; asks nobody, so that cron can do it."""
    settings = sources.load(args.env_file)
    made = backup.make(settings.data_dir, sources.in_force(args.env_file))
    backup.write(args.file, made, settings.sealer, force=args.force)
    if not snapshot.note_taken(settings.data_dir):
        print("⚠️ The audit does not say so: the state could not be written just now.")
    print(
        f"✅ {args.file}: {made.message}.\n"
        "It is sealed with ADMINBOT_STORE_KEY. Keep that key somewhere else: without it nobody "
        "opens this file, you included.\n"
        "With both, this is all on an empty machine:\n"
        f"  adminbot restore {args.file.name}"
    )
