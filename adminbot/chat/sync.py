"""The sync loop: every message taken in once, also across crashes and gaps. Sends nothing.

The order that makes it so: matrix-nio has processed the response (keys stored), the messages
and the sync token are committed together, and only then does anybody act on a message.
"""

import asyncio
import logging
import time
from datetime import datetime

from nio import Event, RoomInfo, RoomMessagesResponse, SyncResponse
from nio.api import MessageDirection
from nio.events.misc import BadEventType

from adminbot.chat.client import Client
from adminbot.chat.event_reader import EventReader
from adminbot.chat.incoming import Incoming
from adminbot.chat.listener import Listener
from adminbot.chat.responses import expect, raw_answer, sent_at
from adminbot.chat.rooms import SYNC_FILTER
from adminbot.errors import GatewayTimeout, HomeserverError, StateError, TokenRejected
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import InboxMessage, Store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.backoff import pauses
from adminbot.values.clock import now
from adminbot.values.signal import Signal

log = logging.getLogger(__name__)

_POLL_MS = 30_000
_SHORTEST_POLL_MS = 1_000
_SHORT_POLL_MS = 3_000  # while we wait for a key
_RETRY_MOST_S = 10
_GAP_PAGES = 50
_POISON_TRIES = 3


class Sync:
    """Takes messages in, in order, and hands each new message to the listener."""

    def __init__(
        self,
        client: Client,
        account: ClientApi,
        store: Store,
        policy: TrustPolicy,
        changed: asyncio.Condition,
        listener: Listener,
    ) -> None:
        """`changed` is notified after every sync."""
        self._client = client
        self._account = account
        self._store = store
        self._policy = policy
        self._changed = changed
        self._listener = listener
        self._kept: str | None = None  # the sync token on disk
        self._encrypted: set[str] = set()  # rooms that are noted on disk
        self._longest_poll_ms = _POLL_MS
        self._reader = EventReader(client, policy, listener)
        self.done_at: datetime | None = None  # when the last sync was taken in
        # After each sync, also one that failed, and after each page of a gap: 50 may take long.
        self.goes_on: Signal[[]] = Signal()

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
        self.done_at = now()

    async def run(self) -> None:
        """Sync until cancelled. Raises TokenRejected when our own session was ended."""
        backoff, poisoned = pauses(_RETRY_MOST_S), 0
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
                self._listener.stuck(is_stuck=isinstance(exc, StateError))
                pause_s = next(backoff)
                log.warning("sync failed, trying again in_s=%s why=%s", pause_s, exc)
                await asyncio.sleep(pause_s)
            except Exception:  # something nio cannot digest
                # From the same token again, then past it: a loop of crashes would be a remote
                # off-switch.
                poisoned += 1
                log.exception("sync response not processed try=%s", poisoned)
                if poisoned < _POISON_TRIES:
                    self._client.next_batch = since
                await asyncio.sleep(0.5)
            else:
                self.done_at = now()
                backoff, poisoned = pauses(_RETRY_MOST_S), 0
                self._listener.stuck(is_stuck=False)
            self.goes_on()

    async def _sync(self, since: str | None, *, first: bool) -> SyncResponse:
        call = self._client.sync(
            timeout=0 if first else self._poll_ms(),
            sync_filter=SYNC_FILTER,
            since=since,
            full_state=first,  # else rooms joined earlier are unknown: "No such room"
        )
        began = time.monotonic()
        try:
            return await expect(
                SyncResponse, call, within_s=120 if first else _POLL_MS / 1000 + 20
            )
        except GatewayTimeout:
            self._poll_shorter(time.monotonic() - began)
            raise

    def _poll_ms(self) -> int:
        return min(_SHORT_POLL_MS if self._reader.awaits_keys else _POLL_MS, self._longest_poll_ms)

    def _poll_shorter(self, waited_s: float) -> None:
        """A proxy gives polls up: no sync would succeed until somebody speaks."""
        half_ms = int(waited_s * 500)
        if half_ms < _SHORTEST_POLL_MS:
            return  # it did not wait: the homeserver is away, and shorter polls mend nothing
        self._longest_poll_ms = min(half_ms, self._longest_poll_ms)
        log.info("a proxy gives up polls, asking for shorter ones ms=%s", self._longest_poll_ms)

    async def _take_in(self, response: SyncResponse, since: str) -> None:
        at = sent_at(response)
        incoming: list[Incoming] = []
        self._reader.note_withheld(response.to_device_events)
        for room_id, info in response.rooms.join.items():
            for event in await self._with_gap_filled(room_id, info, since):
                found = await self._reader.read(room_id, event, at)
                if found is not None:
                    incoming.append(found)
        incoming += await self._reader.read_late(at)
        for room_id in response.rooms.leave:  # nio would go on as if we were in it
            self._client.rooms.pop(room_id, None)
            log.info("not in a room any more room=%s", room_id)
        await self._note_encrypted()
        self._reader.sync_is_read()
        messages = [
            InboxMessage(item.event_id, item.to_json(), None, item.megolm) for item in incoming
        ]
        # What is still to be read must come again after a crash; event ids keep it single.
        keep = self._kept if self._kept and self._reader.awaits_keys else response.next_batch
        if messages or keep != self._kept:
            fresh = await self._store.inbox.receive(messages, since=keep)
            self._kept = keep
            for item in incoming:
                if item.event_id in fresh:
                    self._listener.message_came(item)
        self._note_invitations(response)
        if response.device_list.changed:
            self._listener.devices_changed(response.device_list.changed)
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
        """The timeline, preceded by the events left out of a `limited` sync, oldest first."""
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
            self.goes_on()
            if not page.end or page.end == start or not page.chunk:
                break
            start = page.end
        if missed:
            log.info("gap filled room=%s events=%s", room_id, len(missed))
        return missed[::-1] + events

    def _note_invitations(self, response: SyncResponse) -> None:
        for room_id, info in response.rooms.invite.items():
            own = [
                event
                for event in info.invite_state
                if getattr(event, "state_key", None) == self._client.user_id
                and getattr(event, "membership", None) == "invite"
            ]
            if any(self._policy.is_admin(event.sender) for event in own):
                self._listener.invited(room_id)
            else:  # silence; and nio would keep it for good
                self._client.invited_rooms.pop(room_id, None)

    async def _keep_fallback_key(self, response: SyncResponse) -> None:
        """Keep an unused fallback key published: the last way in without one-time keys."""
        answer = await raw_answer(response)
        unused = answer.get("device_unused_fallback_key_types")
        if isinstance(unused, list) and "signed_curve25519" not in unused:
            await self._account.upload_keys(self._client.new_fallback_key())
            self._client.fallback_key_published()
            log.info("fallback key published")
