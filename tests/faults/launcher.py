"""adminbot, run as it is, by a hand that can end it before any write and set its clock.

`python -m tests.faults.launcher run --env-file F`. Nothing of adminbot knows of this: the write is
counted in aiosqlite, below its store; the clock is set before its first use.
"""

import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiosqlite

from adminbot import cli
from adminbot.values import clock

KILL = "FAULTLAB_KILL"  # a file that holds a number: die before so many more writes
SKEW = "FAULTLAB_SKEW_S"  # seconds that the machine's clock is off

_WRITES = ("INSERT", "UPDATE", "DELETE", "COMMIT")


def _dies_before_writes(file: Path) -> None:
    execute = aiosqlite.Connection.execute
    seen = 0

    def counting(self: aiosqlite.Connection, sql: str, *args: Any) -> Any:
        nonlocal seen
        # Inside a transaction only its COMMIT is a write to the disk.
        ends = sql.startswith("COMMIT") if self.in_transaction else sql.startswith(_WRITES)
        if not file.exists():
            seen = 0
        elif ends:
            seen += 1
            file.with_suffix(".seen").write_text(str(seen))
            if seen == int(file.read_text()):
                os.kill(os.getpid(), signal.SIGKILL)
        return execute(self, sql, *args)

    aiosqlite.Connection.execute = counting  # type: ignore[method-assign]


if __name__ == "__main__":
    if kill := os.environ.get(KILL):
        _dies_before_writes(Path(kill))
    at, elapsed = clock._STARTED
    clock._STARTED = at + timedelta(seconds=float(os.environ.get(SKEW, "0"))), elapsed
    sys.exit(cli.main())
