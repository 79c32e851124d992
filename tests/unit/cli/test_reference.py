"""docs/shell.md says what is declared."""

import pytest

from adminbot.cli.reference import reference, subcommands
from tests import ROOT


def test_the_document_is_what_the_declarations_say() -> None:
    written = (ROOT / "docs/shell.md").read_text(encoding="utf-8")
    if written != reference():
        pytest.fail("docs/shell.md is not what is declared. Type: make docs")


@pytest.mark.parametrize("name", subcommands())
def test_a_subcommand_has_its_section_with_each_flag(name: str) -> None:
    [section] = [it for it in reference().split("\n## ") if it.startswith(f"`adminbot {name}")]
    heading, said, *flags = section.strip().split("\n\n")
    assert said.endswith(".")
    for action in subcommands()[name]._actions:
        if action.dest in {"help", "env_file"}:
            assert action.option_strings[0] not in section.split("\n\n")[0]
        elif action.option_strings:
            assert f"- `{action.option_strings[0]}" in flags[0]
        else:
            assert str(action.metavar) in heading
