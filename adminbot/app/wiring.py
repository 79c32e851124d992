"""The service put together from open connections."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, replace

from adminbot import doctor
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
from adminbot.dispatch.services import Examine
from adminbot.doctor.finding import Finding
from adminbot.doctor.subject import from_inside
from adminbot.values.clock import now
from adminbot.values.secret import Secret
from adminbot.verification.messenger import Messenger
from adminbot.verification.party import Parties, own_party
from adminbot.verification.service import Verifications

Work = Callable[[], Coroutine[None, None, None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What the service's life has to do with. `beside`: what runs beside the sync."""

    opened: Connections
    sync: Sync
    dispatcher: Dispatcher
    verifications: Verifications
    examine: Examine
    beside: tuple[Work, ...]


async def wire(
    settings: Settings, opened: Connections, apps: Catalog, tasks: asyncio.TaskGroup
) -> Service:
    """Put the service together. Nothing runs yet."""
    base = await Base.over(settings, opened, apps, tasks)
    jobs = make_jobs(base)
    verifications = await _make_verifications(base)

    async def examine() -> AsyncIterator[Finding]:
        token = Secret(opened.client.access_token)  # the newest: it may have been renewed
        session = replace(opened.session, token=token)
        synced_at = sync.done_at or now()
        async with from_inside(settings, session, opened.store, opened.client, synced_at) as us:
            async for finding in doctor.examine(us):
                yield finding

    dispatcher = make_dispatcher(base, jobs, make_services(base, jobs, verifications, examine))

    def join(room_id: str) -> None:
        base.background.start(base.chat.join(room_id))

    listener = ServiceListener(dispatcher, verifications, jobs, join)
    sync = Sync(opened.client, opened.account, opened.store, opened.policy, base.synced, listener)
    beside = tuple(job.run for job in jobs.every)
    return Service(opened, sync, dispatcher, verifications, examine, beside)


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
