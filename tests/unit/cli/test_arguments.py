"""The command line: each subcommand has its module, its help, and its line in the README."""

import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from adminbot.cli.arguments import command_line
from adminbot.cli.reference import subcommands
from tests import ROOT

EACH = pytest.mark.parametrize("name", subcommands())


@EACH
def test_a_subcommand_has_a_module_of_its_name_and_a_line_in_the_readme(name: str) -> None:
    assert inspect.iscoroutinefunction(import_module(f"adminbot.cli.{name}").main)
    assert f"`adminbot {name}" in (ROOT / "README.md").read_text()


@EACH
def test_a_subcommand_reads_the_env_file_that_it_is_given(name: str) -> None:
    needed = {"trust": "@you:x.org", "verify": "@you:x.org", "backup": "F", "restore": "F"}
    words = [name, needed[name]] if name in needed else [name]

    assert str(command_line().parse_args(words).env_file) == ".env"
    args = command_line().parse_args([*words, "--env-file", "other"])
    assert (args.subcommand, str(args.env_file)) == (name, "other")


@pytest.mark.parametrize("name", ["setup", "login"])
def test_one_way_to_the_account_excludes_the_others(name: str) -> None:
    with pytest.raises(SystemExit):
        command_line().parse_args([name, "--login-as", "root", "--shared-secret-file", "F"])


# -- completion and manual


@pytest.fixture(scope="module")
def completion() -> str:
    words = [sys.executable, "-m", "adminbot", "--print-completion", "bash"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def completed(completion: str, *words: str, where: Path) -> set[str]:
    """What bash offers behind these words, the last of which is begun."""
    typed = " ".join(f"'{word}'" for word in words)
    script = (
        f"{completion}\nCOMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}\n"
        "_shtab_adminbot 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\""
    )
    shell = ["bash", "--noprofile", "--norc", "-c", script]
    return set(
        subprocess.run(shell, capture_output=True, text=True, check=True, cwd=where).stdout.split()
    )


def test_bash_completes_words_flags_and_files(completion: str, tmp_path: Path) -> None:
    (tmp_path / "settings.env").touch()
    assert completed(completion, "adminbot", "", where=tmp_path) >= subcommands().keys()
    assert completed(completion, "adminbot", "doc", where=tmp_path) == {"doctor"}
    assert completed(completion, "adminbot", "doctor", "--j", where=tmp_path) == {"--json"}
    named = completed(completion, "adminbot", "run", "--env-file", "sett", where=tmp_path)
    assert named == {"settings.env"}


def test_the_manual_page_is_that_of_the_parser(tmp_path: Path) -> None:
    """`make docs` writes it anew."""
    recipe = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    [words] = re.findall(r"SOURCE_DATE_EPOCH=\d+ \$\(BIN\)/(argparse-manpage .*)", recipe)
    assert "--output deploy/adminbot.1" in words
    here = words.replace("deploy/adminbot.1", str(tmp_path / "page"))
    tools = Path(sys.executable).parent
    environment = {"SOURCE_DATE_EPOCH": "1795737600", "PATH": "/usr/bin:/bin"}
    subprocess.run(f"{tools}/{here}", shell=True, check=True, cwd=ROOT, env=environment)  # noqa: S602
    page = (tmp_path / "page").read_text()
    # As words: since Python 3.13 argparse breaks the lines elsewhere.
    assert page.split() == (ROOT / "deploy/adminbot.1").read_text().split()
    assert page.isascii(), "groff has no picture of an emoji"
