"""The composition root: opens the edges, wires them, runs until stopped, closes them."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from functools import partial

from adminbot.accounts.identities import Identities
from adminbot.accounts.inspection import Inspector
from adminbot.accounts.operations import Accounts
from adminbot.accounts.registry import Own
from adminbot.cards.delivery import CardDelivery
from adminbot.cards.text import CardText
from adminbot.chat.chat import Chat
from adminbot.chat.incoming import Incoming, Step
from adminbot.chat.own_identity import adopt_session
from adminbot.chat.room_view import RoomView
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
from adminbot.jobs.card_watch import CardWatch
from adminbot.jobs.device_watch import DeviceWatch
from adminbot.jobs.identity_watch import IdentityWatch
from adminbot.logs import ready
from adminbot.trust.change_limit import ChangeLimit
from adminbot.trust.lockdown import Lockdown
from adminbot.values.backoff import pauses
from adminbot.verification import control
from adminbot.verification.messenger import Messenger
from adminbot.verification.party import Parties, own_party
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
    rooms = RoomView(edges.client, edges.policy, changed, settings.room_id)
    chat = Chat(rooms, edges.client, account, store, edges.policy, settings.prefix)
    public_url = await _public_url(settings, account)
    text = CardText(public_url, settings.card_ttl)
    lockdown = Lockdown(store)
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
    identities = Identities(store, accounts.signer, alarm.ring_bot)
    identity_watch = IdentityWatch(account, store, identities)
    arrivals = DeviceWatch(chat, store, account, accounts.signer, lockdown, identities)
    cards = CardDelivery(chat, store, text, lockdown)
    cards.tried.connect(arrivals.wake)  # not before: its requests would compete with the card's
    for admin in edges.left_out:
        alarm.left_out(admin)
    us = await own_party(edges.client, store)
    background = Background(tasks)

    def join(room_id: str) -> None:
        background.start(chat.join(room_id))

    verifications = Verifications(
        chat,
        store,
        Parties(us, account, store, edges.policy),
        Messenger(chat, us, why_untrusted=why_untrusted),
        background,
    )
    services = Services(
        accounts=accounts,
        look=Inspector(edges.backend, account, identities),
        lockdown=AnnouncedLockdown(lockdown, alarm, settings.room_id),
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
        lockdown=lockdown,
        limit=ChangeLimit(store, settings.max_age),
        alarm=alarm,
        background=background,
    )

    listener = _Listener(dispatcher, verifications, alarm, arrivals, identity_watch, join)
    sync = Sync(edges.client, account, store, edges.policy, changed, listener)
    room = AdminRoom(
        settings.room_id,
        chat=chat,
        account=account,
        store=store,
        policy=edges.policy,
        alarm=alarm,
    )
    loops: list[_Loop] = [
        CardWatch(cards, store, settings.card_ttl).run,
        arrivals.run,
        identity_watch.run,
        alarm.run,
        partial(control.serve, settings.data_dir, verifications),
        room.run,
    ]
    return sync, dispatcher, verifications, loops


@dataclass(frozen=True, slots=True)
class _Listener:
    """Hands what a sync brought to whoever deals with it."""

    dispatcher: Dispatcher
    verifications: Verifications
    alarm: Alarm
    device_watch: DeviceWatch
    identity_watch: IdentityWatch
    join: Callable[[str], None]

    def message_came(self, incoming: Incoming) -> None:
        self.dispatcher.take(incoming)

    def message_unreadable(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        self.dispatcher.could_not_read(room_id, event_id, sender, code)

    def verification_step(self, step: Step) -> None:
        self.verifications.take(step)

    def devices_changed(self, user_ids: Collection[str]) -> None:
        self.device_watch.wake(user_ids)
        self.identity_watch.wake(user_ids)

    def stuck(self, *, is_stuck: bool) -> None:
        self.alarm.stuck(is_stuck=is_stuck)

    def invited(self, room_id: str) -> None:
        self.join(room_id)


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
