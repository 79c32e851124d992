"""The manual of the settings, made from the table by `make docs`.

Twice: `.env.example` to be filled in, docs/settings.md to be read.
"""

import re
import sys
from pathlib import Path

from adminbot.config import ROWS
from adminbot.config.row import Row

_HEAD = """\
# Settings of adminbot: the manual.
#
# `adminbot setup` writes a file like this with all that is required. Read from the file given with
# --env-file (default: .env in the working directory) and from the process's environment; the
# environment wins. A misspelt ADMINBOT_ name in the file is an error. An empty value counts as not
# set. All that is wrong is reported at start, at once, by name and without the values.
#
# Secrets:
{secrets}
# Each can be given as NAME_FILE instead: the path of a file that holds nothing else. NAME and
# NAME_FILE together are an error; one in the environment hides either in the file.
"""

_PAGE = """\
# The settings

`adminbot setup` writes all that is required into the env file, `.env` (mode 0600). A setting may
also come from the process's environment, which wins. The service reads the settings as it starts:
after a change, restart the service. `adminbot doctor` names all that is wrong at once, and so does
`adminbot run`.

A secret may be given as `NAME_FILE` instead: the path of a file that holds nothing else.

This file is written by `make docs`, from what is declared in `adminbot/config/`.
[.env.example](../.env.example) says the same in the form of an env file.
"""


def text() -> str:
    """The file's whole text."""
    secrets = "\n".join(f"#   {row.variable}" for row in ROWS.values() if row.secret)
    return _HEAD.format(secrets=secrets) + "".join(map(_explained, ROWS.values()))


def _explained(row: Row) -> str:
    """What is required stands there to be filled in, all else as a comment."""
    heading = f"\n\n# --- {row.heading}\n" if row.heading else ""
    lines = [f"# {line}" for line in [*row.help.splitlines(), row.closing]]
    mark = "" if row.missing else "#"
    lines.append(f"{mark}{row.variable}={row.example or row.default}")
    if row.secret:
        lines.append(f"#{row.variable}_FILE=/run/secrets/{row.variable.lower()}")
    return heading + "\n" + "\n".join(lines) + "\n"


def page() -> str:
    """docs/settings.md."""
    return "\n".join([_PAGE, *map(_section, ROWS.values())])


def _section(row: Row) -> str:
    heading = f"## {row.heading[0].upper()}{row.heading[1:]}\n\n" if row.heading else ""
    shown = [f"Example: `{row.variable}={row.example}`"] if row.example else []
    lines = [_paragraphs(row.help), row.closing, *shown]
    names = " or ".join(f"`{variable}`" for variable in row.variables)
    return f"{heading}### {names}\n\n" + "\n\n".join(lines) + "\n"


def _paragraphs(help: str) -> str:
    """Indented lines are a list of values, with what each means."""
    text = re.sub(r"^  (\S+) +(.*)$", r"- `\1`: \2", help, flags=re.MULTILINE)
    text = re.sub(r"\n {3,}", "\n  ", text)
    return re.sub(r"^([^-].*)\n- ", r"\1\n\n- ", text, count=1, flags=re.MULTILINE)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
    Path(sys.argv[2]).write_text(page(), encoding="utf-8")
