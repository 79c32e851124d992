"""The subcommands of the shell, and one place where an error becomes a line and an exit code."""

import argparse
import asyncio
import io
import logging
import os
import resource
import sys
from importlib import import_module

from adminbot import logs
from adminbot.cli import arguments
from adminbot.errors import AdminbotError

DONE, NOT_DONE, WRONG_USAGE = 0, 1, 2
A_BUG = 70  # sysexits.h, EX_SOFTWARE. systemd starts the service again then, and not after 1 or 2


class UsageFault(Exception):
    """The command line cannot be carried out as typed; exit code 2."""


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand. Exit codes: 0 done, 1 could not be done, 2 wrong usage, 70 a bug."""
    os.umask(0o077)  # whatever is written is for its owner alone
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold every secret
    logging.basicConfig(level=logging.CRITICAL)  # `run` sets up its own; errors are one line
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal without ✅ shows its number
        sys.stdout.reconfigure(errors="backslashreplace")
    args = arguments.command_line().parse_args(argv)
    try:
        asyncio.run(_carry_out(args))
        sys.stdout.flush()
    except UsageFault as exc:
        logs.fatal(f"adminbot {args.subcommand}: {exc}")
        return WRONG_USAGE
    except AdminbotError as exc:
        logs.fatal(f"adminbot: {exc.message().replace('`', '')}")
        return NOT_DONE
    except (KeyboardInterrupt, asyncio.CancelledError):
        logs.fatal("adminbot: interrupted")
        return NOT_DONE
    except Exception as exc:  # a bug; the shell gets a line, -X dev the rest
        if isinstance(exc, BrokenPipeError) and args.subcommand != "run":
            # `| head -1`: whoever read has enough, also of what Python flushes at its end.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return NOT_DONE
        logs.fatal(f"adminbot: a bug, {type(exc).__name__}; run with python -X dev for its trace.")
        if sys.flags.dev_mode:
            raise
        return A_BUG
    return DONE


async def _carry_out(args: argparse.Namespace) -> None:
    # Imported only now: `--help` stays quick.
    await import_module(f"adminbot.cli.{args.subcommand}").main(args)
