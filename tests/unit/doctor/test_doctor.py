"""How the checks are run: each once, in order, none hiding another."""

import asyncio
import re
from typing import Any

import pytest

from adminbot import doctor
from adminbot.doctor import CHECKS, Check, examine
from adminbot.doctor.finding import Finding, Level, Verdict, well
from adminbot.errors import SetupError
from tests import ROOT
from tests.doctor.faults import FAULTS

pytestmark = pytest.mark.anyio


async def fine(_: Any) -> Verdict:
    return well("fine")


async def broken(_: Any) -> Verdict:
    raise SetupError("It is broken.", "Mend it.")


async def bug(_: Any) -> Verdict:
    raise KeyError("a secret")


async def run(*checks: Check) -> list[Finding]:
    nobody: Any = None
    return [finding async for finding in examine(nobody, checks)]


async def test_what_needs_a_failed_check_is_not_looked_at() -> None:
    found = await run(
        Check("a", broken), Check("b", bug, ("a",)), Check("c", fine, ("b",)), Check("d", fine)
    )
    assert [it.level for it in found] == ["error", "warning", "warning", "ok"]
    assert found[0] == Finding("a", Level.ERROR, "It is broken.", "Mend it.")
    assert found[1].remedy == "Mend “a” first."
    assert found[2].remedy == "Mend “b” first."


async def test_a_bug_in_a_check_is_told_by_its_kind_alone() -> None:
    [found, more] = await run(Check("a", bug), Check("b", fine))
    assert (found.level, found.text) == (Level.ERROR, "a bug, KeyError")
    assert more.level is Level.OK


async def test_a_check_that_hangs_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hangs(_: Any) -> Verdict:
        await asyncio.sleep(60)
        return well("never")

    monkeypatch.setattr(doctor, "_MOST_S", 0.05)
    [found] = await run(Check("a", hangs))
    assert found.level is Level.ERROR
    assert found.text.startswith("no answer within")


def test_what_a_check_needs_comes_before_it_and_names_are_single() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    for place, check in enumerate(CHECKS):
        assert set(check.needs) <= set(names[:place]), check.name


def test_the_document_shows_each_fault_and_what_was_said() -> None:
    """`make doctor ARGS=docs/doctor.md` writes its table anew."""
    text = (ROOT / "docs/doctor.md").read_text()
    for fault in FAULTS:
        [said] = re.findall(
            rf"^\| {re.escape(fault.check)} \| {re.escape(fault.what)} \| (.*) \|$", text, re.M
        )
        assert said.startswith(fault.level.sign)
        assert fault.says.replace("@you-", "@you") in said
    assert len(re.findall(r"^\| ", text, re.M)) == len(FAULTS) + 1
