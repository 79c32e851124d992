"""docs/metrics.md is what the table says."""

from adminbot.metrics import manual
from adminbot.metrics.table import About, Outcome, Wait
from tests import ROOT


def test_the_page_is_made_from_the_table() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == manual.text(), "out of date: run `make docs`"


def test_each_word_is_explained() -> None:
    words = manual.text().split("## The words")[1]
    for word in (*Outcome, *About, *Wait):
        assert f"`{word}`" in words
