"""`adminbot run`: the service."""

import argparse

from adminbot import app, config


async def main(args: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    settings = config.load(args.env_file)
    app.set_up_logging(settings.log_level, settings.log_format)
    await app.run(settings)
