"""The service from start to end: opens the connections, syncs, closes the connections."""

import asyncio
import logging
import signal
import time

from adminbot import control
from adminbot.app.metrics import start_metrics
from adminbot.app.shell import Shell
from adminbot.app.systemd import Systemd, systemd
from adminbot.app.wiring import wire
from adminbot.apps import Catalog, load_catalog
from adminbot.chat.sync import Sync
from adminbot.checks import LOG_IN_AGAIN
from adminbot.config import Settings
from adminbot.connections import Connections, open_connections
from adminbot.errors import (
    HomeserverUnreachable,
    RateLimited,
    SetupError,
    StateError,
    TokenRejected,
)
from adminbot.logs import ready
from adminbot.store.owner import SoleOwner
from adminbot.values.backoff import pauses

log = logging.getLogger(__name__)

_FINISH_S = 3
_RETRY_MOST_S = 10


async def run(settings: Settings) -> None:
    """The service: answers until SIGTERM or SIGINT.

    Raises:
        SetupError: the service cannot start, or our own session was ended meanwhile.
        ConfigError: some app profiles are not usable.
    """
    began = time.monotonic()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    serving = asyncio.create_task(_serve(settings, began))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if serving.done():
        _raise_first(serving)
    log.info("stopping")
    serving.cancel()
    # What is cut off here is taken up again by the next start, as after a crash.
    await asyncio.wait({serving}, timeout=_FINISH_S)
    log.info("stopped")


def _raise_first(task: asyncio.Task[None]) -> None:
    """Raise the exception that ended the task; of a group the first."""
    reason = task.exception()
    while isinstance(reason, BaseExceptionGroup):
        reason = reason.exceptions[0]
    if reason:
        raise reason


async def _serve(settings: Settings, began: float) -> None:
    apps = load_catalog(settings.apps_dir)
    shell = Shell()
    # The lock first: only whoever holds the lock may replace the socket.
    with SoleOwner(settings.data_dir), systemd() as manager:
        manager.status("waiting for the homeserver")
        async with asyncio.TaskGroup() as conversations:
            if settings.metrics:  # first: what is started later is counted
                start_metrics(settings.metrics, shell, conversations)
            conversations.create_task(control.serve(settings.data_dir, shell.words))
            await _answer(settings, apps, began, shell, manager)


async def _answer(
    settings: Settings, apps: Catalog, began: float, shell: Shell, manager: Systemd
) -> None:
    async with (
        open_connections(settings, alone=False) as opened,
        asyncio.TaskGroup() as tasks,
    ):
        service = await wire(settings, opened, apps, tasks)
        service.sync.goes_on.connect(manager.alive)
        # Before the first sync: what that brings is handed over by the sync itself.
        unanswered = await opened.store.inbox.unanswered()
        await service.verifications.take_up()
        await _first_sync(service.sync, opened)
        service.dispatcher.take_up(unanswered)
        for work in service.beside:
            tasks.create_task(work())
        shell.service = service
        manager.ready()
        manager.status("answers")
        took = time.monotonic() - began
        ready.info("ready user=%s room=%s took_s=%.2f", settings.user_id, settings.room_id, took)
        try:
            await service.sync.run()
        except TokenRejected as exc:
            raise SetupError("The homeserver ended my own session.", LOG_IN_AGAIN) from exc
        finally:
            await service.verifications.stop()


async def _first_sync(sync: Sync, opened: Connections) -> None:
    """The first sync, once the admins' devices are judged by what the server says now."""
    for pause_s in pauses(_RETRY_MOST_S):
        try:
            await opened.client.refresh_keys(*opened.policy.admins)
            await sync.start()
        except (HomeserverUnreachable, RateLimited, StateError) as exc:
            log.warning("first sync failed, trying again in_s=%s why=%s", pause_s, exc)
            await asyncio.sleep(pause_s)
        else:
            return
