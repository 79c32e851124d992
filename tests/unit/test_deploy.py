"""What lies in deploy/: each file can be read, and they agree with each other and the program."""

import configparser
import json
import re
import shlex
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import pytest
import yaml

from adminbot.cli import A_BUG, NOT_DONE, WRONG_USAGE
from adminbot.cli.arguments import command_line
from adminbot.config import KNOWN
from tests import ROOT

DEPLOY = ROOT / "deploy"
RECIPE = (DEPLOY / "Dockerfile").read_text()
ROLE = DEPLOY / "ansible/matrix-bot-adminbot"
YAML = sorted([*DEPLOY.rglob("*.yaml"), *DEPLOY.rglob("*.yml")])
UID = "10001"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def compose() -> Any:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["adminbot"]


def pod() -> Any:
    _, stateful = yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
    return stateful["spec"]["template"]["spec"]


def unit() -> dict[str, str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / "adminbot.service")
    return dict(parser["Service"])


def in_recipe(pattern: str) -> str:
    found = re.search(pattern, RECIPE, re.MULTILINE | re.DOTALL)
    assert found, pattern
    return found[1]


def health() -> tuple[dict[str, str], list[str]]:
    """The image's: its times, and the words."""
    told = in_recipe(r"^HEALTHCHECK (.*?)\n(?=\S)").replace("\\\n", "")
    times, words = told.split("CMD")
    return dict(re.findall(r"--(\S+)=(\S+)", times)), json.loads(words)


@pytest.mark.parametrize("file", YAML, ids=lambda it: str(it.relative_to(DEPLOY)))
def test_it_can_be_read(file: Path) -> None:
    assert all(yaml.safe_load_all(file.read_text()))


def called() -> Iterator[list[str]]:
    """What the files run, as the words behind `adminbot`."""
    for words in (health()[1], compose()["healthcheck"]["test"][1:]):
        assert words[0] == "adminbot"
        yield words[1:]
    yield json.loads(in_recipe(r"^CMD (.*)$"))
    yield compose()["command"]
    yield shlex.split(unit()["ExecStart"])[1:]
    [first], [container] = pod()["initContainers"], pod()["containers"]
    yield shlex.split(first["args"][0].partition("adminbot ")[2])
    yield container["args"]
    for probe in ("readinessProbe", "livenessProbe"):
        yield container[probe]["exec"]["command"][1:]


def test_what_they_run_is_understood() -> None:
    for words in called():
        assert command_line().parse_args(words).subcommand == words[0]


def test_the_role_gives_setup_flags_that_it_has() -> None:
    _, _, words = (ROLE / "tasks/register.yml").read_text().partition("'setup'")
    flags = set(re.findall(r"'(--[a-z-]+)'", words))
    assert len(flags) == 6
    for flag in flags:
        value = [] if flag == "--non-interactive" else ["x"]
        command_line().parse_args(["setup", flag, *value])


def test_every_word_that_is_to_be_typed_is_there() -> None:
    words = set(re.findall(r"`adminbot ([a-z]+)`", (DEPLOY / "README.md").read_text()))
    for file in ("compose.yaml", "adminbot.service", "kubernetes.yaml"):
        words |= set(re.findall(r"\badminbot adminbot ([a-z]+)", (DEPLOY / file).read_text()))
        words |= set(re.findall(r"-- adminbot ([a-z]+)", (DEPLOY / file).read_text()))
    assert {"doctor", "verify", "trust", "backup"} <= words
    usage = command_line().format_help()
    assert not [word for word in words if not re.search(rf"^    {word}\b", usage, re.MULTILINE)]


def test_all_run_it_as_one_uid() -> None:
    assert in_recipe(r"^USER (\S+)$") == f"{UID}:{UID}"
    assert in_recipe(r"useradd --uid (\d+) --gid") == UID
    told = [(DEPLOY / name).read_text() for name in ("compose.yaml", "README.md")]
    assert [re.findall(r"-o (\d+) -g (\d+)", text) for text in told] == [[(UID, UID)]] * 2
    context = pod()["securityContext"]
    assert {context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {int(UID)}


def test_all_keep_it_in_the_same_places() -> None:
    assert in_recipe(r"ADMINBOT_DATA_DIR=(\S+)") == in_recipe(r"^VOLUME (\S+)$") == "/data"
    assert in_recipe(r"^WORKDIR (/config)$")
    assert [mount.partition(":")[2] for mount in compose()["volumes"]] == ["/data", "/config"]
    service = (ROLE / "templates/systemd/matrix-bot-adminbot.service.j2").read_text()
    for text in (service, (ROLE / "tasks/register.yml").read_text()):
        assert re.findall(r"dst=(/\w+)", text) == ["/config", "/data"]
    for container in (*pod()["initContainers"], *pod()["containers"]):
        assert {"name": "data", "mountPath": container["workingDir"]} in container["volumeMounts"]


def test_compose_asks_for_health_as_the_image_does() -> None:
    times, words = health()
    asked = compose()["healthcheck"]
    assert asked.pop("test") == ["CMD", *words]
    assert {key.replace("_", "-"): str(value) for key, value in asked.items()} == times


def test_none_can_write_more_than_it_must() -> None:
    assert compose()["read_only"]
    assert compose()["cap_drop"] == ["ALL"]
    assert compose()["security_opt"] == ["no-new-privileges:true"]
    for container in (*pod()["initContainers"], *pod()["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert unit()["ProtectSystem"] == "strict"
    for name in ("tasks/register.yml", "templates/systemd/matrix-bot-adminbot.service.j2"):
        assert {"--cap-drop=ALL", "--read-only"} <= set(
            re.findall(r"--[a-z=-]+(?:ALL)?", (ROLE / name).read_text())
        )


def test_all_name_the_same_version() -> None:
    assert in_recipe(r"^ARG VERSION=(\S+)$") == VERSION
    containers = (*pod()["initContainers"], *pod()["containers"])
    assert {container["image"] for container in containers} == {f"adminbot:{VERSION}"}
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text())
    assert defaults["matrix_bot_adminbot_version"] == VERSION


def needed_by(package: str) -> set[str]:
    """The package, and all that it needs here."""
    names = {package}
    for need in requires(package) or ():
        if "extra ==" not in need and "python_version <" not in need:
            names |= needed_by(re.split(r"[^\w-]", need)[0])
    return names


def test_what_builds_the_image_is_pinned_by_hash() -> None:
    assert set(in_recipe(r"\^\((.*?)\)==").split("|")) == needed_by("hatchling")
    assert in_recipe(r"setuptools==[\d.]+ --hash=sha256:([0-9a-f]{64})")
    installs = re.findall(r"pip (?:install|wheel) .*?(?: && |\n(?=\S))", RECIPE, re.DOTALL)
    assert len(installs) == 3
    for words in installs:
        assert "--require-hashes" in words or "--no-deps" in words
        assert "--no-build-isolation" in words or "wheel " not in words


def test_what_the_image_is_made_from_gets_into_the_build() -> None:
    let_in = (ROOT / ".dockerignore").read_text().splitlines()
    for line in re.findall(r"^COPY (?!--from)(.*) \S+$", RECIPE, re.MULTILINE):
        for name in line.split():
            assert {f"!{name}", f"!{re.sub('-dev|(?=.txt)', '*', name, count=1)}"} & set(let_in)


def test_what_a_person_must_mend_is_not_started_again() -> None:
    service = (ROLE / "templates/systemd/matrix-bot-adminbot.service.j2").read_text()
    final = f"{NOT_DONE} {WRONG_USAGE}"
    assert unit()["RestartPreventExitStatus"] == final
    assert f"\nRestartPreventExitStatus={final}\n" in service
    assert str(A_BUG) not in final
    assert compose()["entrypoint"] == ["python", "/opt/adminbot/wait.py"]


def test_systemd_waits_for_the_homeserver_and_watches_the_loop() -> None:
    assert unit()["Type"] == "notify"
    assert unit()["TimeoutStartSec"] == "infinity"
    assert unit()["WatchdogSec"] == "5min"  # well above a sync that times out, and its pause


@pytest.mark.parametrize(
    ("words", "code", "how"),
    [(["run"], NOT_DONE, signal.SIGTERM), (["run", "-x"], WRONG_USAGE, signal.SIGINT)],
)
def test_where_run_cannot_go_on_the_container_waits(
    tmp_path: Path, words: list[str], code: int, how: signal.Signals
) -> None:
    with subprocess.Popen(
        [sys.executable, DEPLOY / "wait.py", *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr
        assert any("waiting" in line for line in process.stderr)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        process.send_signal(how)
        assert process.wait(10) == code


def test_any_other_word_ends(tmp_path: Path) -> None:
    words = [sys.executable, str(DEPLOY / "wait.py"), "health"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=20)
    assert done.returncode == NOT_DONE
    assert "waiting" not in done.stderr


def test_the_role_uses_no_variable_of_its_own_that_it_does_not_have() -> None:
    text = "\n".join(file.read_text() for file in ROLE.rglob("*.*"))
    used = set(re.findall(r"\bmatrix_bot_adminbot_\w+", text))
    given = set(yaml.safe_load((ROLE / "defaults/main.yml").read_text()))
    registered = set(re.findall(r"register: (\w+)", text))
    assert used == given | registered
    wired = yaml.safe_load((DEPLOY / "ansible/vars.yml").read_text())
    assert {name for name in wired if name.startswith("matrix_")} <= given


def test_every_setting_that_is_named_is_one() -> None:
    for file in (*DEPLOY.glob("*.*"), DEPLOY / "Dockerfile", *ROLE.rglob("*.*")):
        assert set(re.findall(r"\bADMINBOT_\w+", file.read_text())) <= set(KNOWN), file
