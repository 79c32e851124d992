"""The service from start to end: opens the connections, syncs, closes the connections."""

import asyncio
import logging
import signal
import time

from adminbot.app.wiring import wire
from adminbot.apps import load_catalog
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
    async with open_connections(settings) as opened, asyncio.TaskGroup() as tasks:
        service = await wire(settings, opened, apps, tasks)
        # Before the first sync: what that brings is handed over by the sync itself.
        unanswered = await opened.store.inbox.unanswered()
        await service.verifications.take_up()
        await _first_sync(service.sync, opened)
        service.dispatcher.take_up(unanswered)
        for work in service.beside:
            tasks.create_task(work())
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
