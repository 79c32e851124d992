"""The environments that the programs are installed into, one each, made once."""

import os
import subprocess
import sys
from pathlib import Path

from tests.apps.lab import Program

ROOT = Path(__file__).parents[2]


def environment(kind: type[Program]) -> Path:
    """A program's own environment, made once; returns its `bin`."""
    home = ROOT / ".venv" / "apps" / kind.app
    made = home / "made"
    wanted = "\n".join((*kind.requirements, *kind.node, *kind.node_without_scripts))
    if not made.exists() or made.read_text() != wanted:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=True)
        pip = [str(home / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--quiet"]
        if kind.requirements:
            subprocess.run([*pip, "install", *kind.requirements], check=True)
        npm = ["npm", "install", "--global", "--silent", f"--prefix={home}"]
        if kind.node:
            subprocess.run([*npm, *kind.node], check=True)
        if kind.node_without_scripts:
            path = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}"}
            words = [*npm, "--ignore-scripts", *kind.node_without_scripts]
            subprocess.run(words, check=True, env=os.environ | path)
        made.write_text(wanted)
    return home / "bin"
