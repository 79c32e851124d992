"""`adminbot run`: the service."""

import argparse
import logging

from adminbot import logs
from adminbot.app.run import run
from adminbot.config import sources

log = logging.getLogger(__name__)


async def main(args: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT."""
    with_time = not sources.in_the_journal()
    # What is wrong with the settings is to be told in the form that they ask for.
    logs.set_up("info", sources.log_format(args.env_file), with_time=with_time)
    settings = sources.load(args.env_file)
    logs.set_up(settings.log_level, settings.log_format, with_time=with_time)
    for path in sources.exposed_files(args.env_file):
        log.warning("others can read %s, which holds secrets: chmod 600 %s", path, path)
    await run(settings)
