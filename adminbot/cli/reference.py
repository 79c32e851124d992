"""docs/shell.md, written from the command line's declaration: `make docs`."""

import argparse
import sys
from pathlib import Path
from textwrap import fill

from adminbot.cli.arguments import command_line

_HEAD = """\
# The shell

Each word takes `--help`, and `--env-file FILE` where the settings are not in `.env` of the working
directory. Without a word, `adminbot` takes:

{flags}

Exit codes: 0 done; 1 could not be done, and the last line on stderr says what, why and what to
type next; 2 wrong usage; 70 a bug.

This file is written by `make docs`, from what is declared in `adminbot/cli/arguments.py`.
"""
_EVERYWHERE = {"help", "env_file", "subcommand"}


def reference() -> str:
    """All subcommands in the order of `adminbot --help`, as Markdown."""
    head = _HEAD.format(flags=_lines(_own(command_line())))
    return "\n".join([head, *(_section(parser) for parser in subcommands().values())])


def subcommands() -> dict[str, argparse.ArgumentParser]:
    """The parser of each subcommand by its name; argparse has no public way to them."""
    [found] = [
        action
        for action in command_line()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(found.choices)


def _section(parser: argparse.ArgumentParser) -> str:
    actions = _own(parser)
    words = [_word(action) for action in actions if not action.option_strings]
    heading = f"## `{' '.join([parser.prog, *words])}`"
    filled = fill(str(parser.description), 100, break_on_hyphens=False)
    return "\n\n".join(filter(None, [heading, filled, _lines(actions)])) + "\n"


def _own(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.dest not in _EVERYWHERE]


def _lines(actions: list[argparse.Action]) -> str:
    return "\n".join(_line(action) for action in actions)


def _word(action: argparse.Action) -> str:
    return f"[{action.metavar}]" if action.nargs == "?" else str(action.metavar)


def _line(action: argparse.Action) -> str:
    value = action.metavar or "|".join(action.choices or ())
    shown = " ".join(filter(None, [*action.option_strings[:1], str(value)]))
    return f"- `{shown}`: {action.help}"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(), encoding="utf-8")
