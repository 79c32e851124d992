"""Real servers for the tests: one Synapse for most, one with its default limits."""

import itertools
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from adminbot.demo.homeserver import Homeserver, Person, running, synapse_python
from tests.human import ensure_installed
from tests.world import MANY_LOGINS, World, a_world, started

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session", autouse=True)
def _an_interrupt_interrupts() -> None:
    """A shell starts what is in its background with SIGINT ignored, and children inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
async def _no_process_outlives_the_tests(anyio_backend: str) -> AsyncIterator[None]:
    """A test that failed half-way may have left its bot running."""
    yield
    for process in started:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.fixture(scope="session")
def synapse() -> Path:
    """Installs Synapse and the human's client where they are missing; nothing skips."""
    ensure_installed()
    return synapse_python(print)


@pytest.fixture(scope="session")
def homeserver(synapse: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homeserver]:
    with running(tmp_path_factory.mktemp("synapse"), synapse, extra=MANY_LOGINS) as server:
        yield server


@pytest.fixture(scope="session")
def root(homeserver: Homeserver) -> Person:
    """A server admin who is not the bot."""
    return homeserver.register("root", admin=True)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A directory whose name serves as the bot's name: no two bots share one."""
    path = tmp_path / f"adminbot{next(_numbers)}"
    path.mkdir()
    return path


@pytest.fixture(scope="module")
async def world(
    homeserver: Homeserver, root: Person, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    """One bot and one admin for the tests of a module."""
    path = tmp_path_factory.mktemp("bot") / f"adminbot{next(_numbers)}"
    async with a_world(homeserver, root, path) as made:
        yield made
