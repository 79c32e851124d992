"""What systemd is told: that the service is up, what it waits for, and that its loop goes round.

Source: sd_notify(3). Where systemd did not start us (no NOTIFY_SOCKET), nothing is sent.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from systemd_watchdog.systemd_watchdog import WatchDog


class Systemd:
    """The notification socket. A notice that cannot be sent is no reason to stop."""

    def __init__(self, watchdog: WatchDog) -> None:
        self._watchdog = watchdog

    def ready(self) -> None:
        with suppress(OSError):
            self._watchdog.ready()

    def status(self, text: str) -> None:
        with suppress(OSError):
            self._watchdog.status(text)

    def alive(self) -> None:
        """Feed the watchdog (WatchdogSec= in the unit)."""
        with suppress(OSError):
            self._watchdog.notify()


@contextmanager
def systemd() -> Iterator[Systemd]:
    """The socket, closed at the end of the block."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)  # the loop waits for nobody
        yield Systemd(WatchDog(sock=sock))
