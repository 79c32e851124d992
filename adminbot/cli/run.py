"""`adminbot run`: the service."""

import argparse

from adminbot import app, config, logs


async def main(args: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = config.load(args.env_file)
    logs.set_up(settings.log_level, settings.log_format)
    await app.run(settings)
