"""The composition root: opens the edges, wires them, runs until stopped, closes them."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Collection, Coroutine
from functools import partial

from adminbot.accounts.identities import Identities
from adminbot.accounts.inspection import Inspector
from adminbot.accounts.operations import Accounts
from adminbot.accounts.registry import Own
from adminbot.cards.delivery import CardDelivery, CardText
from adminbot.chat import Chat
from adminbot.chat.own_identity import adopt_session
from adminbot.chat.sync import Sync
from adminbot.checks import LOG_IN_AGAIN
from adminbot.commands import ROUTER
from adminbot.config import Settings
from adminbot.connections import Connections, open_connections
from adminbot.dispatch.chat_rules import ChatRules
from adminbot.dispatch.dispatcher import Dispatcher, make_dispatcher
from adminbot.dispatch.lockdown import AnnouncedLockdown
from adminbot.dispatch.permission import why_untrusted
from adminbot.dispatch.services import Services
from adminbot.errors import (
    HomeserverUnreachable,
    RateLimited,
    SetupError,
    StateError,
    TokenRejected,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs.admin_room import AdminRoom
from adminbot.jobs.alarm import Alarm
from adminbot.jobs.background import Background
from adminbot.jobs.device_watch import DeviceWatch
from adminbot.logs import ready
from adminbot.trust.lockdown import Restraint
from adminbot.values.backoff import pauses
from adminbot.verification import control
from adminbot.verification.party import own_party
from adminbot.verification.service import Verifications

log = logging.getLogger(__name__)

_Loop = Callable[[], Coroutine[None, None, None]]
_FINISH_S = 3
_RETRY_MOST_S = 10


async def run(settings: Settings) -> None:
    """The service: answers until SIGTERM or SIGINT.

    Raises:
        SetupError: it cannot start, or our own session was ended meanwhile.
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
    """Raise what ended the task; a group of reasons has one that came first."""
    reason = task.exception()
    while isinstance(reason, BaseExceptionGroup):
        reason = reason.exceptions[0]
    if reason:
        raise reason


async def _serve(settings: Settings, began: float) -> None:
    async with open_connections(settings) as edges, asyncio.TaskGroup() as tasks:
        sync, dispatcher, verifications, loops = await _wired(settings, edges, tasks)
        unanswered = await edges.store.inbox.unanswered()
        await verifications.take_up()
        await _start(sync, edges)
        dispatcher.take_up(unanswered)
        for loop in loops:
            tasks.create_task(loop())
        took = time.monotonic() - began
        ready.info("ready user=%s room=%s took_s=%.2f", settings.user_id, settings.room_id, took)
        try:
            await sync.run()
        except TokenRejected as exc:
            raise SetupError(
                "The homeserver ended my own session.",
                LOG_IN_AGAIN,
            ) from exc
        finally:
            await verifications.stop()


async def _wired(
    settings: Settings, edges: Connections, tasks: asyncio.TaskGroup
) -> tuple[Sync, Dispatcher, Verifications, list[_Loop]]:
    """Who is given what; the last are to run beside the sync, once that has begun."""
    account, store = edges.account, edges.store
    edges.client.keep_encrypted(settings.room_id)  # made so, whatever the server says of it
    changed = asyncio.Condition()
    chat = Chat(
        *(edges.client, account, store, edges.policy, changed),
        settings.room_id,
        settings.prefix,
    )
    public_url = await _public_url(settings, account)
    text = CardText(public_url, settings.card_ttl)
    restraint = Restraint(store, settings.max_age)
    accounts = Accounts.over(
        Own(settings.user_id, edges.session.device_id),
        backend=edges.backend,
        account=account,
        store=store,
        phrase=text.phrase,
        become=partial(adopt_session, edges.client, account, store, settings.device_id),
    )
    alarm = Alarm(chat, store, edges.policy, settings.room_id)
    edges.policy.on_change = alarm.ring
    identities = Identities(account, store, accounts.signer, alarm.ring_bot)
    arrivals = DeviceWatch(chat, store, account, accounts.signer, restraint, identities)
    # Not before: the requests for a device would compete with the card's.
    cards = CardDelivery(chat, store, text, restraint, when_tried=arrivals.wake)
    for admin in edges.left_out:
        alarm.left_out(admin)
    verifications = Verifications(
        await own_party(edges.client, store),
        chat,
        account,
        store,
        edges.policy,
        tasks=tasks,
        why_untrusted=why_untrusted,
    )
    background = Background(tasks)
    services = Services(
        accounts=accounts,
        look=Inspector(edges.backend, account, identities),
        lockdown=AnnouncedLockdown(restraint, alarm, settings.room_id),
        verify=verifications.ask,
        router=ROUTER,
        rules=ChatRules(
            chat,
            edges.policy,
            admin_room=settings.room_id,
            prefix=settings.prefix,
            names=_names(settings),
        ),
    )
    dispatcher = make_dispatcher(
        services,
        chat=chat,
        store=store,
        cards=cards,
        restraint=restraint,
        alarm=alarm,
        background=background,
    )

    def devices_changed(user_ids: Collection[str]) -> None:
        arrivals.wake(user_ids)
        identities.wake(user_ids)

    sync = Sync(
        edges.client,
        account,
        store,
        edges.policy,
        changed=changed,
        on_incoming=dispatcher.take,
        on_unreadable=dispatcher.could_not_read,
        on_step=verifications.take,
        on_devices_changed=devices_changed,
        on_stuck=lambda is_stuck: alarm.stuck(is_stuck=is_stuck),
        on_invited=lambda room_id: background.start(chat.join(room_id)),
    )
    room = AdminRoom(
        settings.room_id,
        chat=chat,
        account=account,
        store=store,
        policy=edges.policy,
        alarm=alarm,
        changed=changed,
    )
    loops: list[_Loop] = [
        cards.run,
        arrivals.run,
        identities.run,
        alarm.run,
        partial(control.serve, settings.data_dir, verifications),
        room.run,
    ]
    return sync, dispatcher, verifications, loops


async def _start(sync: Sync, edges: Connections) -> None:
    """The first sync, once the admins' devices are judged by what the server says now."""
    for pause_s in pauses(_RETRY_MOST_S):
        try:
            await edges.client.refresh_keys(*edges.policy.admins)
            await sync.start()
        except (HomeserverUnreachable, RateLimited, StateError) as exc:
            log.warning("first sync failed, trying again in_s=%s why=%s", pause_s, exc)
            await asyncio.sleep(pause_s)
        else:
            return


async def _public_url(settings: Settings, account: ClientApi) -> str:
    return settings.public_url or await account.well_known_base_url() or settings.homeserver


def _names(settings: Settings) -> tuple[str, ...]:
    """What people call the bot in front of a command."""
    return (settings.user_id.localpart, str(settings.user_id), "adminbot")
