"""docs/commands.md, written from the declarations of the commands: `make docs`."""

import sys
from pathlib import Path
from textwrap import fill

from adminbot.commands import ROUTER
from adminbot.dispatch.router import Command, Confirm, Router

_HEAD = """\
# Commands

To be typed in the admin room, or in your private chat with the bot. What is in `[…]` may be left
out. Another `ADMINBOT_PREFIX` takes the place of `!`.

This file is written by `make docs`, from what is declared in `adminbot/commands/`.
"""


def reference(router: Router) -> str:
    """All commands by topic, as Markdown."""
    topics: dict[str, list[Command]] = {}
    for command in router.commands:
        topics.setdefault(command.topic, []).append(command)
    parts = [_HEAD, _overview(topics)]
    for topic, commands in topics.items():
        parts += [f"## {topic}\n", *map(_section, commands)]
    return "\n".join(parts)


def _overview(topics: dict[str, list[Command]]) -> str:
    rows = ["| command | does |", "|---|---|"]
    for topic, commands in topics.items():
        rows.append(f"| **{topic}** | |")
        rows += [f"| {_in_a_cell(str(it.usage))} | {it.summary} |" for it in commands]
    return "\n".join(rows) + "\n"


def _in_a_cell(usage: str) -> str:
    """A bar would end the cell, in back-ticks, too."""
    return f"`{usage}`".replace("|", "\\|")


def _section(command: Command) -> str:
    paragraphs = [_sentence(command.summary), *filter(None, command.details.split("\n"))]
    filled = [fill(it, 100, break_on_hyphens=False) for it in paragraphs]
    facts = "\n".join(f"- {fact}" for fact in _facts(command))
    return "\n\n".join(filter(None, [f"### `{command.usage}`", *filled, facts])) + "\n"


def _sentence(summary: str) -> str:
    end = "" if summary.endswith("?") else "."
    return summary[0].upper() + summary[1:] + end


def _facts(command: Command) -> list[str]:
    flags = [f"`{flag}`: {does}" for flag, does in command.usage.flag_lines]
    facts = {
        "Ends in a card": command.gives_card,
        "Changes something": command.acts and not command.gives_card,
        f"Asks first: {command.confirm.value}": command.confirm is not Confirm.NOTHING,
        "A brake: waits behind nothing": command.brake,
        "May be typed before emoji were compared": command.before_verified,
    }
    return flags + [fact for fact, holds in facts.items() if holds]


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(reference(ROUTER), encoding="utf-8")
