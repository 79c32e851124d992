"""The sync loop: every message taken in once, also across crashes and gaps. Sends nothing.

The order that makes it so: matrix-nio has processed the response (keys stored), the messages
and the sync token are committed together, and only then does anybody act on a message.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from datetime import datetime

from nio import (
    Event,
    MegolmEvent,
    ReactionEvent,
    RoomInfo,
    RoomMessagesResponse,
    RoomMessageText,
    RoomMessageUnknown,
    SyncResponse,
    UnknownEvent,
)
from nio.api import MessageDirection
from nio.events.misc import BadEventType

from adminbot.chat.client import Client, expect, raw_answer, sent_at
from adminbot.chat.incoming import Incoming, Step, reaction_of, step_of, text_of
from adminbot.chat.rooms import SYNC_FILTER
from adminbot.chat.unread import Unread
from adminbot.errors import AdminbotError, HomeserverError, StateError, TokenRejected
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import InboxMessage, Store
from adminbot.trust.pins import TrustPolicy

log = logging.getLogger(__name__)

_POLL_MS = 30_000
_SHORT_POLL_MS = 3_000  # while we wait for a key
_BACKOFF_S = (0.2, 0.5, 1, 2, 5, 10)
_GAP_PAGES = 50
_LOOK_UP_S = 8
_POISON_TRIES = 3


class Sync:
    """Brings messages in, in order, and hands each new one to `on_incoming`."""

    def __init__(
        self,
        client: Client,
        account: ClientApi,
        store: Store,
        policy: TrustPolicy,
        *,
        changed: asyncio.Condition,
        on_incoming: Callable[[Incoming], None],
        on_unreadable: Callable[[str, str, str, str], None],
        on_step: Callable[[Step], None],
        on_devices_changed: Callable[[Collection[str]], None],
        on_stuck: Callable[[bool], None],
        on_invited: Callable[[str], None],
    ) -> None:
        self._client = client
        self._account = account
        self._store = store
        self._policy = policy
        self._on_incoming = on_incoming
        self._on_step = on_step
        self._on_devices_changed = on_devices_changed
        self._on_stuck = on_stuck
        self._on_invited = on_invited
        self._kept: str | None = None  # the sync token on disk
        self._encrypted: set[str] = set()  # rooms that are noted on disk
        self._looked_up: set[str] = set()  # whose keys were asked for in this sync
        self._unread = Unread(client.olm._decrypt_megolm_no_error, on_unreadable)
        self._changed = changed

    async def start(self) -> None:
        """The first sync. Without a remembered token what came before is not acted upon."""
        since = self._kept = await self._store.facts.get("since")
        self._encrypted = await self._store.rooms.encrypted()
        self._client.keep_encrypted(*self._encrypted)
        response = await self._sync(since, first=True)
        if since is None:
            await self._note_encrypted()
            await self._store.inbox.receive([], since=response.next_batch)
            self._kept = response.next_batch
            await self._client.after_sync(response)
        else:
            await self._take_in(response, since)

    async def run(self) -> None:
        """Sync until cancelled. Raises TokenRejected when our own session was ended."""
        failures = poisoned = 0
        while True:
            since, token = self._client.next_batch, self._client.access_token
            try:
                response = await self._sync(since, first=False)
                await self._take_in(response, since)
            except TokenRejected:
                if token == self._client.access_token:
                    raise  # else we have just given ourselves a new one
            except (HomeserverError, StateError) as exc:
                # From what is on disk: a message read late may have come before `since`.
                self._client.next_batch = self._kept or since
                self._on_stuck(isinstance(exc, StateError))
                pause = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
                log.warning("sync failed, trying again in_s=%s why=%s", pause, exc)
                await asyncio.sleep(pause)
                failures += 1
            except Exception:
                # Something nio cannot digest. From the same token again, then past it: a loop
                # of crashes would be a remote off-switch.
                poisoned += 1
                log.exception("sync response not processed try=%s", poisoned)
                if poisoned < _POISON_TRIES:
                    self._client.next_batch = since
                await asyncio.sleep(0.5)
            else:
                failures = poisoned = 0
                self._on_stuck(False)

    async def _sync(self, since: str | None, *, first: bool) -> SyncResponse:
        call = self._client.sync(
            timeout=0 if first else self._poll_ms(),
            sync_filter=SYNC_FILTER,
            since=since,
            full_state=first,  # else rooms joined earlier are unknown: "No such room"
        )
        return await expect(SyncResponse, call, within_s=120 if first else _POLL_MS / 1000 + 20)

    def _poll_ms(self) -> int:
        return _SHORT_POLL_MS if self._unread else _POLL_MS

    async def _take_in(self, response: SyncResponse, since: str) -> None:
        at = sent_at(response)
        incoming: list[Incoming] = []
        self._unread.note_withheld(response.to_device_events, self._policy.is_admin)
        for room_id, info in response.rooms.join.items():
            for event in await self._with_gap_filled(room_id, info, since):
                found = await self._read(room_id, event, at)
                if found is not None:
                    incoming.append(found)
        incoming += await self._read_late(at)
        for room_id in response.rooms.leave:  # nio would go on as if we were in it
            self._client.rooms.pop(room_id, None)
            log.info("not in a room any more room=%s", room_id)
        await self._note_encrypted()
        self._client.positions.clear()
        self._looked_up.clear()
        letters = [
            InboxMessage(item.event_id, item.to_json(), None, item.megolm) for item in incoming
        ]
        # What is still to be read must come again after a crash; event ids keep it single.
        keep = self._kept if self._kept and self._unread else response.next_batch
        if letters or keep != self._kept:
            fresh = await self._store.inbox.receive(letters, since=keep)
            self._kept = keep
            for item in incoming:
                if item.event_id in fresh:
                    self._on_incoming(item)
        self._note_invitations(response)
        if response.device_list.changed:
            self._on_devices_changed(response.device_list.changed)
        await self._client.after_sync(response)
        await self._keep_fallback_key(response)
        async with self._changed:
            self._changed.notify_all()

    async def _note_encrypted(self) -> None:
        """Before anything is said there: what was encrypted once is so for good."""
        rooms = {room_id for room_id, room in self._client.rooms.items() if room.encrypted}
        for room_id in rooms - self._encrypted:
            await self._store.rooms.remember_encrypted(room_id)
            self._encrypted.add(room_id)

    async def _with_gap_filled(
        self, room_id: str, info: RoomInfo, since: str
    ) -> list[Event | BadEventType]:
        """The timeline, and before it what a `limited` sync left out, oldest first."""
        events: list[Event | BadEventType] = list(info.timeline.events)
        start = info.timeline.prev_batch
        missed: list[Event | BadEventType] = []
        for _ in range(_GAP_PAGES if info.timeline.limited else 0):
            call = self._client.room_messages(
                room_id,
                start,
                end=since,
                direction=MessageDirection.back,
                limit=100,
                # Who floods a room from outside our admins makes nobody wait.
                message_filter={
                    "types": SYNC_FILTER["room"]["timeline"]["types"],
                    "senders": sorted(self._policy.admins),
                },
            )
            page = await expect(RoomMessagesResponse, call)
            missed += page.chunk
            if not page.end or page.end == start or not page.chunk:
                break
            start = page.end
        if missed:
            log.info("gap filled room=%s events=%s", room_id, len(missed))
        return missed[::-1] + events

    async def _read(
        self, room_id: str, event: Event | BadEventType, at: datetime
    ) -> Incoming | None:
        """An admin's message or reaction; None for anything else."""
        try:
            return await self._read_unguarded(room_id, event, at)
        except AdminbotError:
            raise
        except Exception as exc:  # noqa: BLE001  # one message must not take a sync with it
            log.warning("dropped an event that makes no sense why=%s", type(exc).__name__)
            return None

    async def _read_unguarded(
        self, room_id: str, event: Event | BadEventType, at: datetime
    ) -> Incoming | None:
        known = ReactionEvent | MegolmEvent | RoomMessageText | RoomMessageUnknown | UnknownEvent
        if not isinstance(event, known):
            return None
        if event.sender == self._client.user_id or not self._policy.is_admin(event.sender):
            return None
        if isinstance(event, ReactionEvent):
            return reaction_of(event, room_id, at)
        if isinstance(event, MegolmEvent) or event.decrypted:
            self._client.keep_encrypted(room_id)  # so it is, also where the state does not say so
        if isinstance(event, MegolmEvent):
            event.room_id = room_id
            self._unread.add(event)
            return None
        if not isinstance(event, RoomMessageText):
            if step := step_of(event, room_id):
                self._on_step(step)
            return None
        trusted = bool(event.decrypted) and await self._is_trusted(room_id, event)
        position = self._client.positions.get(event.event_id)
        return text_of(event, room_id, at, trusted=trusted, megolm=position)

    async def _is_trusted(self, room_id: str, event: Event) -> bool:
        """Judge the sending device; one that we do not trust yet is looked up once more."""
        args = (event.sender, room_id, str(event.sender_key), str(event.session_id))
        if self._client.came_from_trusted(*args):
            return True
        if event.sender not in self._looked_up:
            self._looked_up.add(event.sender)
            await self._look_up(event.sender)
        return self._client.came_from_trusted(*args)

    async def _look_up(self, user_id: str) -> None:
        """Not for long: whatever else this sync brought waits for it, brakes included."""
        try:
            async with asyncio.timeout(_LOOK_UP_S):
                await self._client.refresh_keys(user_id)
        except (HomeserverError, TimeoutError) as exc:
            log.warning("keys not refreshed user=%s why=%s", user_id, type(exc).__name__)

    async def _read_late(self, at: datetime) -> list[Incoming]:
        """Try again what could not be read when it came."""
        found = [await self._read(event.room_id, event, at) for event in self._unread.retry()]
        return [item for item in found if item]

    def _note_invitations(self, response: SyncResponse) -> None:
        for room_id, info in response.rooms.invite.items():
            own = [
                event
                for event in info.invite_state
                if getattr(event, "state_key", None) == self._client.user_id
                and getattr(event, "membership", None) == "invite"
            ]
            if any(self._policy.is_admin(event.sender) for event in own):
                self._on_invited(room_id)
            else:  # silence; and nio would keep it for good
                self._client.invited_rooms.pop(room_id, None)

    async def _keep_fallback_key(self, response: SyncResponse) -> None:
        """Keep an unused fallback key published: the last way in when one-time keys run out."""
        answer = await raw_answer(response)
        unused = answer.get("device_unused_fallback_key_types")
        if isinstance(unused, list) and "signed_curve25519" not in unused:
            await self._account.upload_keys(self._client.new_fallback_key())
            self._client.fallback_key_published()
            log.info("fallback key published")
