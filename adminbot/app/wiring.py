"""The service put together from open connections."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass

from adminbot.app.base import Base
from adminbot.app.commands import make_dispatcher, make_services
from adminbot.app.jobs import make_jobs
from adminbot.app.listener import ServiceListener
from adminbot.apps import Catalog
from adminbot.chat.sync import Sync
from adminbot.config import Settings
from adminbot.connections import Connections
from adminbot.dispatch.dispatcher import Dispatcher
from adminbot.dispatch.permission import why_untrusted
from adminbot.verification.messenger import Messenger
from adminbot.verification.party import Parties, own_party
from adminbot.verification.service import Verifications

Work = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What a start and a stop have to do with. `beside`: what runs beside the sync."""

    sync: Sync
    dispatcher: Dispatcher
    verifications: Verifications
    beside: tuple[Work, ...]


async def wire(
    settings: Settings, opened: Connections, apps: Catalog, tasks: asyncio.TaskGroup
) -> Service:
    """Put the service together. Nothing runs yet."""
    base = await Base.over(settings, opened, apps, tasks)
    jobs = make_jobs(base)
    verifications = await _make_verifications(base)
    dispatcher = make_dispatcher(base, jobs, make_services(base, jobs, verifications))

    def join(room_id: str) -> None:
        base.background.start(base.chat.join(room_id))

    listener = ServiceListener(dispatcher, verifications, jobs, join)
    sync = Sync(opened.client, opened.account, opened.store, opened.policy, base.synced, listener)
    return Service(sync, dispatcher, verifications, tuple(job.run for job in jobs.every))


async def _make_verifications(base: Base) -> Verifications:
    opened, chat = base.opened, base.chat
    us = await own_party(opened.client, opened.store)
    return Verifications(
        chat,
        opened.store,
        Parties(us, opened.account, opened.store, opened.policy),
        Messenger(chat, us, why_untrusted=why_untrusted),
        base.background,
    )
