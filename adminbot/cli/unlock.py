"""`adminbot unlock`: lift a lockdown. A running service takes notice at once."""

import argparse

from adminbot.config import sources
from adminbot.store import open_store
from adminbot.trust.lockdown import Lockdown


async def main(args: argparse.Namespace) -> None:
    """Lift the lockdown, and say whose it was."""
    settings = sources.load(args.env_file)
    async with open_store(settings.data_dir, settings.sealer, alone=False) as store:
        lifted = await Lockdown(store).unlock()
    if lifted is None:
        print("Nothing is locked.")
        return
    who, at = lifted
    print(f"Unlocked. {who} had locked it on {at:%Y-%m-%d %H:%M} UTC.")
