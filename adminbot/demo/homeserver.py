"""A throw-away Synapse on loopback: its own virtual environment, its own directory, gone after.

Source: facts measured on Synapse 1.163.2; the comments say what a line is for.
"""

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import venv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import as_file, files
from pathlib import Path

import httpx

from adminbot.errors import SetupError
from adminbot.homeserver.values import Session
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

_READY_S = 60

# Without `report_stats` it does not start; without `background_updates` a fresh database
# works through its queue for a minute, and some admin requests fail until then.
_CONFIG = """\
server_name: "{server_name}"
public_baseurl: "{url}/"
pid_file: "{dir}/synapse.pid"
listeners:
  - {{port: {port}, bind_addresses: ["127.0.0.1"], type: http, tls: false,
      resources: [{{names: [client]}}]}}
database: {{name: sqlite3, args: {{database: "{dir}/homeserver.db"}}}}
log_config: "{dir}/log.yaml"
media_store_path: "{dir}/media"
signing_key_path: "{dir}/signing.key"
registration_shared_secret: "{secret}"
macaroon_secret_key: "{secret}m"
form_secret: "{secret}f"
report_stats: false
trusted_key_servers: []
suppress_key_server_warning: true
federation_domain_whitelist: []
presence: {{enabled: false}}
background_updates: {{sleep_enabled: false}}
"""

_LOG_CONFIG = """\
version: 1
formatters: {{plain: {{format: "%(asctime)s %(name)s %(levelname)s %(message)s"}}}}
handlers: {{file: {{class: logging.FileHandler, filename: "{dir}/synapse.log", formatter: plain}}}}
root: {{level: WARNING, handlers: [file]}}
disable_existing_loggers: false
"""


@dataclass(frozen=True, slots=True)
class Person:
    """A registered account of the throw-away server."""

    user_id: str
    access_token: str = field(repr=False)
    device_id: str
    password: str = field(repr=False)

    @property
    def session(self) -> Session:
        return Session(UserId.parse(self.user_id), self.device_id, Secret(self.access_token))


class Homeserver:
    """A Synapse process on loopback; `start` and `stop` may alternate."""

    def __init__(
        self, directory: Path, python: Path, *, extra: str = "", server_name: str = "example.test"
    ) -> None:
        """Prepare; nothing runs yet. `extra` is appended to homeserver.yaml."""
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.shared_secret = secrets.token_hex(24)
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None
        directory.mkdir(parents=True, exist_ok=True)
        values = {
            "dir": directory,
            "server_name": server_name,
            "url": self.url,
            "port": self.port,
            "secret": self.shared_secret,
        }
        (directory / "homeserver.yaml").write_text(_CONFIG.format(**values) + extra)
        (directory / "log.yaml").write_text(_LOG_CONFIG.format(**values))

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start Synapse, and wait until it answers. Raises SetupError, which names the log."""
        # Synapse prints about signing keys on its first start; nobody needs to see that.
        with (self.directory / "output.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    str(self._python),
                    "-m",
                    "synapse.app.homeserver",
                    "-c",
                    str(self.directory / "homeserver.yaml"),
                ],
                cwd=self.directory,
                stdout=output,
                stderr=subprocess.STDOUT,
                # A ^C in the terminal is for us to handle: the server goes last.
                start_new_session=True,
            )
        deadline = time.monotonic() + _READY_S
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            while time.monotonic() < deadline and self._process.poll() is None:
                with contextlib.suppress(httpx.HTTPError):
                    if http.get("/health").status_code == 200:
                        return
                time.sleep(0.05)
        self.stop()
        raise SetupError(
            "The throw-away Synapse did not start.", f"See {self.directory / 'output.log'}."
        )

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End the process we started, and wait for it."""
        if self._process is None:
            return
        self._process.send_signal(how)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def register(self, name: str, *, admin: bool = False, password: str | None = None) -> Person:
        """Make an account by shared secret. Raises httpx.HTTPStatusError."""
        password = password or secrets.token_urlsafe(16)
        path = "/_synapse/admin/v1/register"
        with httpx.Client(base_url=self.url, trust_env=False, timeout=30) as http:
            nonce = http.get(path).json()["nonce"]
            signed = "\0".join([nonce, name, password, "admin" if admin else "notadmin"])
            mac = hmac.new(self.shared_secret.encode(), signed.encode(), hashlib.sha1).hexdigest()
            answer = http.post(
                path,
                json={
                    "nonce": nonce,
                    "username": name,
                    "password": password,
                    "admin": admin,
                    "mac": mac,
                },
            )
            body = answer.raise_for_status().json()
        return Person(body["user_id"], body["access_token"], body["device_id"], password)


def stay_on_loopback() -> None:
    """Take out of this process's environment what is meant for the real server: ADMINBOT_
    settings, which would win over the demo's own, and a proxy between us and 127.0.0.1.
    """
    for name in [name for name in os.environ if name.startswith("ADMINBOT_")]:
        del os.environ[name]
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1"]))


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at the moment.

    The port is below the range that outgoing connections get by themselves: while the server
    restarts, such a connection could take its port.
    """
    while True:
        port = secrets.choice(range(20_000, 32_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def cache_dir() -> Path:
    """Where the server's virtual environment is kept between two runs."""
    base = Path.home() / ".cache"
    return base / "adminbot"


def synapse_python(say: Callable[[str], None]) -> Path:
    """The Python that can run Synapse; installs it from PyPI the first time (pinned).

    Raises SetupError when it cannot be installed.
    """
    with as_file(files("adminbot.demo") / "synapse-requirements.txt") as requirements:
        words = ("--requirement", str(requirements))
        return python_with(*words, pins=requirements.read_bytes(), say=say)


def python_with(*words: str, pins: bytes, say: Callable[[str], None]) -> Path:
    """The Python of an environment that is made the first time, with `pip install WORDS`.

    `pins`: what decides whether it is the same environment. Raises SetupError.
    """
    stamp = hashlib.sha256(pins + sys.version.encode()).hexdigest()[:16]
    home = cache_dir() / f"synapse-{stamp}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_suffix(".lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # two test runs side by side install once
        if not (home / "complete").exists():
            say("installing Synapse into its own environment (once; about a minute) …")
            _install(home, words)
            (home / "complete").touch()
    return home / "bin" / "python"


def _install(home: Path, words: Sequence[str]) -> None:
    """Raises SetupError."""
    try:
        venv.create(home, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as exc:
        raise SetupError(
            "Python's venv module is not complete on this machine.",
            "On Debian and Ubuntu: apt-get install python3-venv",
        ) from exc
    pip = [str(home / "bin" / "python"), "-m", "pip", "install"]
    installed = subprocess.run(
        [*pip, "--quiet", "--disable-pip-version-check", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    if installed.returncode != 0:
        lines = installed.stderr.strip().splitlines()
        why = next((line for line in lines if line.startswith("ERROR")), "pip failed")
        raise SetupError(f"Synapse could not be installed ({why[:200]}).", "Is PyPI reachable?")


@contextmanager
def running(
    directory: Path, python: Path, *, extra: str = "", server_name: str = "example.test"
) -> Iterator[Homeserver]:
    """A Synapse that is up inside the block."""
    homeserver = Homeserver(directory, python, extra=extra, server_name=server_name)
    try:
        homeserver.start()
        yield homeserver
    finally:
        homeserver.stop()
