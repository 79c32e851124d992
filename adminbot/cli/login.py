"""`adminbot login`: a new token for the bot's own account, when the old one died."""

import argparse
import sys

from adminbot.cli import UsageFault
from adminbot.cli.asking import as_started, env_words, tell
from adminbot.cli.credentials import asked_credential, credential_of, gaps
from adminbot.config import sources
from adminbot.errors import WrongCredential
from adminbot.homeserver.probe import find_server
from adminbot.setup.login import log_in_again


async def main(args: argparse.Namespace) -> None:
    """Log in by one of setup's three ways. The server must answer before a secret is asked for."""
    if args.non_interactive and (missing := gaps(args)):
        raise UsageFault(f"with --non-interactive, give also: {'; '.join(missing)}")
    given = credential_of(args)
    settings = sources.load_without_token(args.env_file)
    version = await find_server(settings.homeserver, settings.ca_file)
    print(f"✅ Synapse {version}, no MAS", flush=True)
    while True:
        credential = given or asked_credential(args.login_as)
        try:
            await log_in_again(settings, args.env_file, credential, print)
            break
        except WrongCredential as exc:
            if given or not sys.stdin.isatty():
                raise
            tell(exc.message())
    print(f"\nDone. Start it:\n  {as_started('run', *env_words(args.env_file))}")
