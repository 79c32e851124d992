"""`.env.example`, the manual: it is what the table says, and what it shows can be used."""

import io

import pytest
from dotenv import dotenv_values

from adminbot.config import KNOWN, ROWS, Settings, manual
from adminbot.config.row import Row
from tests import ROOT
from tests.unit.config.good import GOOD

EACH = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)


def test_the_file_is_made_from_the_table() -> None:
    assert (ROOT / ".env.example").read_text() == manual.text(), "out of date: run `make docs`"


def test_the_page_is_made_from_the_table() -> None:
    written = (ROOT / "docs/settings.md").read_text()
    assert written == manual.page(), "out of date: run `make docs`"


@EACH
def test_the_page_explains_a_row(row: Row) -> None:
    [section] = [it for it in manual.page().split("\n### ") if it.startswith(f"`{row.variable}`")]
    assert row.closing in section
    assert row.example in section
    assert all(word in section for word in row.help.split() if word.isalpha())


def shown(*, comments: bool) -> dict[str, str]:
    """The assignments in the manual, on request those in comments, too."""
    text = manual.text()
    if comments:
        text = text.replace("\n#ADMINBOT_", "\nADMINBOT_")
    return {k: v or "" for k, v in dotenv_values(stream=io.StringIO(text)).items()}


def test_every_variable_has_its_line_and_no_other_has() -> None:
    assert shown(comments=True).keys() == KNOWN.keys()


def test_what_is_not_a_comment_is_what_must_be_set() -> None:
    assert shown(comments=False).keys() == GOOD.keys()


@EACH
def test_what_is_shown_can_be_used(row: Row) -> None:
    example = shown(comments=True)[row.variable]
    if row.secret:
        assert example == "", "a secret that is shown gets used"
    elif row.name != "CA_FILE":  # a path on somebody else's machine
        assert Settings.from_mapping(GOOD | {row.variable: example})


@EACH
def test_it_says_what_is_secret_what_is_required_and_what_is_the_default(row: Row) -> None:
    explained = manual._explained(row)
    assert ("# Secret. " in explained) == row.secret
    assert ("# Required" in explained) == (row.variable in GOOD)
    assert f"# Default: {row.default}\n" in explained or not row.default
    assert all(len(line) <= 99 for line in explained.splitlines())
