"""podman: builds the image, and runs containers of it as deploy/compose.yaml does."""

import json
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# crun runs nothing where cgroups of both versions are mounted; runc does. Limits that are given
# need not be raised, which even root may be forbidden.
RUNTIME = ("--runtime", "runc") if shutil.which("runc") else ()
_LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
_CONFINED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "all"),  # noqa: S108  # in the container
    *("--security-opt", "no-new-privileges"),
)


class PodmanError(Exception):
    """podman could not do it; the text is its last line."""


def podman(*words: object, within_s: float = 60) -> str:
    """What podman prints. Raises PodmanError."""
    try:
        done = subprocess.run(
            ["podman", *RUNTIME, *map(str, words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=within_s,
        )
    except FileNotFoundError as exc:
        raise PodmanError("podman is not installed: apt-get install podman") from exc
    if done.returncode:
        raise PodmanError(
            f"podman {words[0]}: {(done.stderr.strip() or 'failed').splitlines()[-1]}"
        )
    return done.stdout.strip()


def build(top: Path, image: str, base: str) -> None:
    """Raises PodmanError."""
    recipe = ("--format", "docker", "--file", top / "deploy/Dockerfile", "--tag", image)
    where = ("--network", "host", "--build-arg", f"BASE={base}")
    podman("build", *_LIMITS, *recipe, *where, top, within_s=900)


def confined(*volumes: str) -> list[str]:
    """The words before the image: nothing but the volumes can be written.

    The host's network, because the throw-away Synapse listens on loopback. The health checks of
    podman need systemd to begin them, and it may not be there: `Container.check` begins them.
    """
    mounts = [word for volume in volumes for word in ("--volume", volume)]
    return [*_LIMITS, *_CONFINED, "--network", "host", "--health-interval", "disable", *mounts]


@dataclass(frozen=True)
class Container:
    """A container that was started."""

    name: str

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(podman("inspect", self.name))[0]["State"]
        return found

    def wait_log(self, text: str, *, within_s: float = 60) -> None:
        """Raises TimeoutError."""
        deadline = time.monotonic() + within_s
        while text not in self._log():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {text!r} in:\n{self._log()}")
            time.sleep(0.2)

    def _log(self) -> str:
        words = ["podman", "logs", self.name]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        return f"\n{done.stdout}{done.stderr}"

    def check(self) -> str:
        """Begin one health check; the word for all checks so far: starting, healthy, unhealthy."""
        subprocess.run(["podman", *RUNTIME, "healthcheck", "run", self.name], capture_output=True)
        return str(self.state["Health"]["Status"])

    @property
    def health_said(self) -> str:
        return str(self.state["Health"]["Log"][-1]["Output"]).strip()

    def stop(self) -> int:
        """Its exit code."""
        podman("stop", "--time", 20, self.name)
        return int(self.state["ExitCode"])
