"""The command line: each subcommand has its module, its help, and its line in the README."""

import argparse
import inspect
from importlib import import_module

import pytest

from adminbot.cli.arguments import command_line
from tests import ROOT


def subcommands() -> dict[str, argparse.ArgumentParser]:
    [found] = [
        action.choices
        for action in command_line()._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    return dict(found)


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
