"""`make doctor`: provokes each fault against a throw-away Synapse, and prints what was said.

With `ARGS=docs/doctor.md` the table in that file is written anew.
"""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from adminbot.demo.homeserver import running, stay_on_loopback, synapse_python
from tests.doctor.faults import FAULTS, Fault
from tests.doctor.patient import Patient, a_patient
from tests.human import ensure_installed
from tests.world import MANY_LOGINS

_BEGIN, _END = "<!-- faults:begin -->\n", "<!-- faults:end -->\n"


async def _said_of(fault: Fault, patient: Patient) -> str:
    """What was said, as a row; raises SystemExit for a fault that is not told as it should be."""
    async with fault.provoke(patient) as changed:
        found = (await patient.findings(**changed))[fault.check]
    if found.level is not fault.level or fault.says not in found.text + found.remedy:
        raise SystemExit(f"{fault.check}, {fault.what}: {found}")
    text = f"{found.level.sign} {found.text} → {found.remedy}"
    text = text.replace(str(patient.bot.directory), "/srv/adminbot").replace("-patient:", ":")
    text = re.sub(r"(https?)://127\.0\.0\.1:\d+", r"\1://synapse:8008", text)
    text = re.sub(r"\d{4}-\d\d-\d\d|PATIENT\w{4}", "…", text)
    return f"| {fault.check} | {fault.what} | {text.replace('|', chr(92) + '|')} |\n"


async def main() -> str:
    """The table."""
    rows = ["| check | what was done | what it said |\n|---|---|---|\n"]
    with (
        tempfile.TemporaryDirectory() as made,
        running(Path(made) / "synapse", synapse_python(print), extra=MANY_LOGINS) as server,
    ):
        root = server.register("root", admin=True)
        async with a_patient(server, root, Path(made) / "patient") as patient:
            for fault in FAULTS:
                rows.append(await _said_of(fault, patient))
                print(rows[-1], end="", flush=True)
    print(f"{len(FAULTS)} faults, all told")
    return "".join(rows)


if __name__ == "__main__":
    stay_on_loopback()
    ensure_installed()
    table = asyncio.run(main())
    for name in sys.argv[1:]:
        before, _, rest = Path(name).read_text().partition(_BEGIN)
        Path(name).write_text(f"{before}{_BEGIN}{table}{_END}{rest.partition(_END)[2]}")
