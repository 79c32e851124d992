"""The manual of the settings, `.env.example`: made from the table by `make docs`."""

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


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
