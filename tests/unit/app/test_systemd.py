"""What systemd is told, at a socket like systemd's."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from adminbot.app.systemd import systemd


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        sock.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield sock


def test_readiness_and_life_are_told(manager: socket.socket) -> None:
    with systemd() as told:
        told.ready()
        told.status("answers")
        told.alive()
    heard = [manager.recv(100) for _ in range(3)]
    assert heard == [b"READY=1\n", b"STATUS=answers\n", b"WATCHDOG=1\n"]


def test_a_manager_that_does_not_listen_stops_nobody(manager: socket.socket) -> None:
    with systemd() as told:
        for _ in range(10_000):
            told.alive()
        manager.close()
        told.alive()


def test_without_systemd_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with systemd() as told:
        told.ready()
        told.alive()
