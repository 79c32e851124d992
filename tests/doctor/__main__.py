"""`make doctor`: provokes each fault against a throw-away Synapse, and prints what was said."""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from adminbot.demo.homeserver import running, stay_on_loopback, synapse_python
from tests.doctor.faults import FAULTS
from tests.doctor.patient import Patient, a_patient
from tests.human import ensure_installed
from tests.world import MANY_LOGINS


@asynccontextmanager
async def _somebody(directory: Path) -> AsyncIterator[Patient]:
    with running(directory / "synapse", synapse_python(print), extra=MANY_LOGINS) as server:
        root = server.register("root", admin=True)
        async with a_patient(server, root, directory / "patient") as patient:
            yield patient


async def main() -> int:
    """Returns how many faults were not told as they should be."""
    missed = 0
    with tempfile.TemporaryDirectory() as directory:
        async with _somebody(Path(directory)) as patient:
            for fault in FAULTS:
                async with fault.provoke(patient) as changed:
                    found = (await patient.findings(**changed))[fault.check]
                is_told = found.level is fault.level and fault.says in found.text + found.remedy
                missed += not is_told
                print(f"{'' if is_told else 'MISSED '}{fault.check} | {fault.what}")
                print("\n".join(f"    {line}" for line in found.lines()), flush=True)
    print(f"\n{len(FAULTS)} faults, {len(FAULTS) - missed} told")
    return missed


if __name__ == "__main__":
    stay_on_loopback()
    ensure_installed()
    sys.exit(bool(asyncio.run(main())))
