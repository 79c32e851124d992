"""Every command has its row in `make table`: what is typed, what can be typed wrongly, an act."""

import pytest

from adminbot.commands import ROUTER
from adminbot.dispatch.router import Command
from tests.table.cells import COLUMNS, Cell, drawn, is_good
from tests.table.columns import acts_of, without_row
from tests.table.inputs import bad_lines, undeclared
from tests.table.rows import ROWS

each = pytest.mark.parametrize("command", ROUTER.commands, ids=lambda command: command.name)


def test_every_command_has_a_row() -> None:
    assert without_row() == []


@each
def test_its_row_is_of_use(command: Command) -> None:
    row = ROWS[command.name]
    assert ROUTER.resolve(row.good)[0] is command
    assert acts_of(command.name), "no act of it in tests/faults or tests/table/looks.py"
    assert undeclared(command) == [], "PLACES of tests/table/rows.py has nothing for that"
    kinds = [bad.kind for bad in bad_lines(command, row)]
    assert {"unknown flag", "unknown flag, by a phone"} <= set(kinds)


def test_a_bad_cell_and_a_missing_one_are_told() -> None:
    cells = {("ping", column): Cell(1) for column in COLUMNS}
    assert is_good(["ping"], cells)
    assert "✗" not in drawn(["ping"], cells)

    cells["ping", "crash"] = Cell()
    cells["ping", "crash"].add("killed", ["it is gone"])
    assert not is_good(["ping"], cells)
    assert "✗ !ping, crash: killed: it is gone" in drawn(["ping"], cells)
    assert is_good(["ping"], cells, ["works"]) is False, "what went wrong beside it counts, too"

    del cells["ping", "crash"]
    assert not is_good(["ping"], cells)
    assert "✗ !ping, crash: not measured" in drawn(["ping"], cells)
