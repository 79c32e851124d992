"""`make image`: builds the image and runs it beside a Synapse, which is frozen and let go on.

Needs podman and root; and debootstrap, unless ARGS='--base IMAGE' names a base.
"""

import argparse
import asyncio
import os
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from adminbot.demo.homeserver import Homeserver, running, stay_on_loopback, synapse_python
from tests import ROOT
from tests.image.base import debian
from tests.image.podman import RUNTIME, Container, PodmanError, build, confined, podman
from tests.terminal import terminal

IMAGE = "localhost/adminbot-trial"
UID = 10001
_INTERVAL_S = 30  # of the image's HEALTHCHECK
_RED_WITHIN_S = 2 * 60 + 2 * _INTERVAL_S  # the last sync is too old, twice in a row
_GREEN_WITHIN_S = 2 * _INTERVAL_S


class Trial:
    """One image beside one Synapse; prints a line for each thing that was seen."""

    def __init__(self, homeserver: Homeserver, directory: Path) -> None:
        self._homeserver = homeserver
        self._id = f"adminbot-trial-{secrets.token_hex(3)}"
        self._config = directory / "config"
        self._volumes = (f"{self._id}:/data", f"{self._config}:/config")
        self._began = time.monotonic()

    async def run(self) -> None:
        """Raises AssertionError, TimeoutError, PodmanError: something was not as it should be."""
        self._config.mkdir(mode=0o700)
        os.chown(self._config, UID, UID)
        try:
            await self._set_up()
            with self._container() as service:
                service.wait_log("\nready ")
                self._saw("run", "ready")
                self._frozen_and_again(service)
                assert service.stop() == 0
                self._saw("stop", "exit code 0")
            with self._container() as service:
                service.wait_log("\nready ")
                self._saw("another container on the same data", "ready")
            self._wrong_settings()
        finally:
            podman("volume", "rm", "--force", self._id)

    def _saw(self, what: str, seen: str) -> None:
        now = time.monotonic()
        print(f"{what:<38} {seen:<58} {now - self._began:6.1f} s", flush=True)
        self._began = now

    async def _set_up(self) -> None:
        """At a terminal, as a person does."""
        you = self._homeserver.register("you").user_id
        run = (*RUNTIME, "run", "--rm", "-it", *confined(*self._volumes), IMAGE)
        flags = ("--homeserver", self._homeserver.url, "--admin", you)
        async with terminal(*run, "setup", *flags, cwd=Path("/"), program="/usr/bin/podman") as at:
            await at.answers("1, 2 or 3: ", "1")
            await at.answers("Shared secret: ", self._homeserver.shared_secret)
            assert await at.ends() == 0, at.screen
        env_file = (self._config / ".env").stat()
        assert (env_file.st_uid, env_file.st_mode & 0o777) == (UID, 0o600)
        self._saw("setup at a terminal", "exit code 0, .env of mode 0600")

    @contextmanager
    def _container(self, *before: str, words: tuple[str, ...] = ()) -> Iterator[Container]:
        podman(
            *("run", "--detach", "--name", self._id, *confined(*self._volumes), *before, IMAGE),
            *words,
        )
        try:
            yield Container(self._id)
        finally:
            podman("rm", "--force", self._id)

    def _frozen_and_again(self, service: Container) -> None:
        assert self._homeserver.pid
        self._health(service, "healthy", "health", within_s=1)
        os.kill(self._homeserver.pid, signal.SIGSTOP)
        try:
            self._health(service, "unhealthy", "SIGSTOP to Synapse", within_s=_RED_WITHIN_S)
        finally:
            os.kill(self._homeserver.pid, signal.SIGCONT)
        self._health(service, "healthy", "SIGCONT to Synapse", within_s=_GREEN_WITHIN_S)

    def _health(self, service: Container, wanted: str, what: str, *, within_s: float) -> None:
        """Check as often as the image says, until the engine calls the container so."""
        deadline = time.monotonic() + within_s
        while (word := service.check()) != wanted:
            assert time.monotonic() < deadline, f"{what}: {word}: {service.health_said}"
            time.sleep(_INTERVAL_S)
        said = service.health_said.removeprefix("adminbot: ").split(":")[0]
        self._saw(what, f"{wanted}: {said}")

    def _wrong_settings(self) -> None:
        """As in compose.yaml: the container stays, says why, and stops when it is told to."""
        entry = (
            "--entrypoint",
            '["python", "/opt/adminbot/wait.py"]',
            "--env",
            "ADMINBOT_ADMINS=you",
        )
        with self._container(*entry, words=("run",)) as service:
            service.wait_log("waiting. Mend that")
            assert service.check() != "healthy"
            assert service.state["Running"]
            assert service.stop() == 1
        self._saw("wrong settings", "the container waits, and stops when told to")


async def main() -> int:
    """Exit code 1 if something was not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tests.image", description=__doc__)
    parser.add_argument("--base", help="build on this image")
    parser.add_argument("--suite", default="bookworm", help="or on this Debian")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        try:
            base = words.base or debian(words.suite, directory, print)
            began = time.monotonic()
            build(ROOT, IMAGE, base)
            size = int(podman("image", "inspect", "--format", "{{.Size}}", IMAGE)) // 10**6
            print(f"built on {base}, {size} MB, in {time.monotonic() - began:.0f} s", flush=True)
            with running(directory / "synapse", synapse_python(print)) as homeserver:
                await Trial(homeserver, directory).run()
        except (AssertionError, TimeoutError, PodmanError) as exc:
            print(f"make image: {exc}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    stay_on_loopback()
    sys.exit(asyncio.run(main()))
