"""`adminbot doctor`, `adminbot health`, `!doctor`: each fault provoked, and what is said of it."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from adminbot.demo.homeserver import Homeserver, running
from adminbot.doctor import CHECKS
from adminbot.errors import NoPasswords
from adminbot.homeserver.http import open_http
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.values.ids import UserId
from adminbot.values.secret import new_password
from tests.doctor.faults import FAULTS, Fault
from tests.doctor.patient import Patient, a_patient
from tests.world import MANY_LOGINS, World, adminbot

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def server(synapse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    """A Synapse of its own, which is stopped and set up otherwise."""
    with running(tmp_path_factory.mktemp("hurt"), synapse, extra=MANY_LOGINS) as server:
        yield server


@pytest.fixture(scope="module")
async def patient(
    server: Homeserver, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Patient]:
    root = server.register("root", admin=True)
    async with a_patient(server, root, tmp_path_factory.mktemp("bot") / "patient") as made:
        yield made


async def test_systemd_hears_of_readiness_and_of_each_round_of_the_sync(patient: Patient) -> None:
    """As with Type=notify and WatchdogSec= in the unit."""
    address = patient.bot.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.setblocking(False)
        patient.bot.environ["NOTIFY_SOCKET"] = str(address)
        await patient.bot.start()
        heard = [manager.recv(200) for _ in range(3)]
        assert heard == [b"STATUS=waiting for the homeserver\n", b"READY=1\n", b"STATUS=answers\n"]
        assert patient.human
        await patient.human.send(patient.bot.setting("ROOM"), "a message ends a long poll")
        async with asyncio.timeout(10):
            loop = asyncio.get_running_loop()
            assert await loop.sock_recv(manager, 200) == b"WATCHDOG=1\n"
        assert await patient.bot.stop() == 0
        del patient.bot.environ["NOTIFY_SOCKET"]


def name(fault: Fault) -> str:
    return f"{fault.check}: {fault.what}"


def test_each_check_has_a_fault_that_it_finds() -> None:
    checks = {"settings", *(check.name for check in CHECKS)}
    assert checks == {fault.check for fault in FAULTS}


@pytest.mark.parametrize("fault", FAULTS, ids=name)
async def test_a_fault_is_found_and_told_with_its_remedy(fault: Fault, patient: Patient) -> None:
    async with fault.provoke(patient) as changed:
        finding = (await patient.findings(**changed))[fault.check]
    assert finding.level is fault.level, finding
    assert fault.says in f"{finding.text} {finding.remedy}"
    assert finding.remedy
    assert "\n" not in "".join(finding.lines())


async def test_where_passwords_are_off_that_is_the_reason(patient: Patient) -> None:
    """Synapse refuses in the same words as to somebody who is no server admin."""
    [fault] = [it for it in FAULTS if it.what.startswith("password_config")]
    root = UserId.parse(patient.root.user_id)
    async with (
        fault.provoke(patient),
        open_http(patient.homeserver.url, patient.settings.access_token) as http,
    ):
        with pytest.raises(NoPasswords, match="Password login is switched off"):
            await SynapseAdmin(http).set_password(root, new_password(), logout_devices=False)


# -- in the shell


async def test_when_nothing_works_all_of_it_is_told(patient: Patient) -> None:
    """The last line of stderr sums up; the exit code is 1. Without settings, too."""
    patient.homeserver.stop()
    code, out, err = await patient.shell()
    patient.homeserver.start()
    lines = out.splitlines()
    heads = [line for line in lines if not line.startswith("   ")]
    assert code == 1
    assert len(heads) == len(CHECKS) + 1
    assert all(line.startswith(("✅ ", "⚠️ ", "❌ ")) for line in heads)
    for head, below in zip(lines, [*lines[1:], ""], strict=True):
        if head.startswith(("⚠️", "❌")):
            assert below.startswith("   → "), head
    assert "❌ homeserver: Nothing listens at" in out
    assert "⚠️ session: not looked at\n   → Mend “homeserver” first." in out
    assert err.startswith("adminbot: One check says ❌: homeserver.")
    assert err.count("\n") == 1

    code, out, err = await adminbot("doctor", "--env-file", patient.bot.directory / "none")
    assert code == 1
    assert out.startswith("❌ settings: There is no env file")
    assert "   → `" not in out


# -- beside a service


async def test_a_service_is_asked_and_a_machine_can_read_it(world: World) -> None:
    env = ("--env-file", world.bot.env_file)
    code, out, err = await adminbot("doctor", *env, "--json")
    told = json.loads(out)
    assert (code, err, told["ok"]) == (0, "", True)
    schema = resources.files("adminbot.doctor") / "schema.json"
    jsonschema.validate(told, json.loads(schema.read_text()))
    findings = {it["check"]: it for it in told["findings"]}
    assert list(findings) == ["settings", *(check.name for check in CHECKS)]
    assert {it["level"] for it in findings.values()} == {"ok"}
    assert findings["service"]["text"].startswith("runs, and its last sync is")
    assert world.bot.setting("ACCESS_TOKEN") not in out

    code, out, _ = await adminbot("health", *env)
    assert code == 0
    assert out.startswith("✅ the last sync is ")
    said = str((await world.ask("!doctor")).body)
    assert said.startswith(f"✅ All {len(CHECKS)} checks are well: app profiles, ")


async def test_a_fault_is_told_in_the_chat_and_by_the_service(world: World) -> None:
    world.bot.data_dir.chmod(0o755)
    said = str((await world.ask("!doctor")).body)
    code, out, _ = await adminbot("doctor", "--env-file", world.bot.env_file)
    world.bot.data_dir.chmod(0o700)
    assert said.startswith("⚠️ data directory: others can look into")
    assert f"\nchmod 700 {world.bot.data_dir}\n✅ {len(CHECKS) - 1} more are well:" in said
    assert code == 0, "a warning is no failure"
    assert "⚠️ data directory: others can look into" in out


async def test_a_service_that_waits_for_its_homeserver_is_starting(patient: Patient) -> None:
    """Neither healthy nor away: the lock is held, and yet the checks are made."""
    patient.homeserver.stop()
    await patient.bot.start(ready=False)
    await patient.bot.wait_log("waiting for the homeserver")
    env = ("--env-file", patient.bot.env_file)
    code, _, err = await adminbot("health", *env)
    doctor, out, _ = await patient.shell()
    await patient.bot.stop()
    patient.homeserver.start()
    assert (code, doctor) == (1, 1)
    assert "The service is still starting" in err
    assert "⚠️ service: The service is still starting" in out
    assert "✅ state: whole" in out
    code, _, err = await adminbot("health", *env)
    assert code == 1
    assert "No service runs on" in err
