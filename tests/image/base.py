"""A base image without a registry of images: Debian by debootstrap, with Python."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.image.podman import PodmanError, podman

_PACKAGES = "python3,python3-venv,ca-certificates"
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"


def debian(suite: str, directory: Path, say: Callable[[str], None]) -> str:
    """The name of such an image; made the first time, as root. Raises PodmanError."""
    name = f"localhost/adminbot-base:{suite}"
    if podman("images", "--quiet", name):
        return name
    if not shutil.which("debootstrap"):
        raise PodmanError("debootstrap is not installed: apt-get install debootstrap")
    say(f"making a base of Debian {suite} (once; about a minute) ...")
    root = directory / "base"
    words = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", suite, str(root)]
    made = subprocess.run(words, capture_output=True, text=True, check=False)
    if made.returncode:
        raise PodmanError(f"debootstrap: {made.stdout.strip().splitlines()[-1]}")
    # Behind a proxy with an authority of its own pip finds the registry as this machine does.
    shutil.copy(Path("/") / _CERTIFICATES, root / _CERTIFICATES)
    archive = directory / "base.tar"
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    podman("import", archive, name, within_s=300)
    shutil.rmtree(root)
    return name
