"""What the sync loop takes in, once and in order: over the real store. No server, no crypto."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from nio import MegolmEvent, RoomMessagesResponse, RoomMessageText, SyncResponse

from adminbot.chat.client import Client
from adminbot.chat.incoming import Incoming, Step
from adminbot.chat.sync import Sync
from adminbot.config import Trust
from adminbot.errors import GatewayTimeout, HomeserverUnreachable, TokenRejected
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Store, open_store
from adminbot.trust.pins import TrustPolicy
from adminbot.values.ids import UserId
from adminbot.values.secret import Sealer
from tests.fakes import ended

pytestmark = pytest.mark.anyio

JSON = dict[str, Any]
OWN, YOU, MALLORY = "@adminbot:example.org", "@you:example.org", "@mallory:example.org"
ROOM = "!room"
PHONE = ("PHONE's key", "its session")


class Transport:
    """Where matrix-nio keeps the raw answer."""

    def __init__(self, body: JSON) -> None:
        self._body, self.headers = body, dict[str, str]()

    async def json(self) -> JSON:
        return self._body


def event(kind: str, content: JSON, *, by: str = YOU, event_id: str = "$1") -> JSON:
    return {
        "event_id": event_id,
        "sender": by,
        "origin_server_ts": 1_700_000_000_000,
        "type": kind,
        "content": content,
    }


def said(body: str, *, by: str = YOU, event_id: str = "$1") -> JSON:
    return event("m.room.message", {"msgtype": "m.text", "body": body}, by=by, event_id=event_id)


def unread(event_id: str = "$1", *, by: str = YOU, session: str = "its session") -> JSON:
    content = {
        "algorithm": "m.megolm.v1.aes-sha2",
        "ciphertext": "x",
        "device_id": "PHONE",
        "sender_key": "PHONE's key",
        "session_id": session,
    }
    return event("m.room.encrypted", content, by=by, event_id=event_id)


def reaction(*, by: str = YOU, event_id: str = "$1") -> JSON:
    relation = {"rel_type": "m.annotation", "event_id": "$q", "key": "✅"}
    return event("m.reaction", {"m.relates_to": relation}, by=by, event_id=event_id)


def synced(*events: JSON, token: str, limited: bool = False, **more: Any) -> SyncResponse:
    """A sync answer with these events in the room; `more` are further parts of it."""
    timeline = {"events": list(events), "limited": limited, "prev_batch": "before"}
    room: JSON = {
        "timeline": timeline,
        "state": {"events": []},
        "ephemeral": {"events": []},
        "account_data": {"events": []},
    }
    body = {"next_batch": token, "rooms": {"join": {ROOM: room}, **more.pop("rooms", {})}, **more}
    response = SyncResponse.from_dict(body)
    assert isinstance(response, SyncResponse), response
    response.transport_response = Transport(body)  # type: ignore[assignment]
    return response


class FakeClient:
    """Gives one prepared sync answer after the other, then waits.

    `trusted`: (sender key, session) that came from a trusted device. `keys`: sessions that can
    be read; `at_refresh`: what changes when devices are looked up.
    """

    user_id = OWN
    access_token = "syt_x"

    def __init__(self) -> None:
        self.answers: list[SyncResponse | Exception] = []
        self.asked: list[str | None] = []
        self.polls_ms: list[int] = []
        self.next_batch: str | None = None
        self.positions: dict[str, str] = {}
        self.invited_rooms: dict[str, object] = {}
        self.rooms: dict[str, SimpleNamespace] = {}
        self.trusted: set[tuple[str, str]] = set()
        self.keys: set[str] = set()
        self.at_refresh: Callable[[], None] = lambda: None
        self.pages: list[list[JSON]] = []
        self.page_filters: list[JSON] = []
        self.olm = SimpleNamespace(_decrypt_megolm_no_error=self.decrypt)

    async def sync(self, *, since: str | None, timeout: int, **_: Any) -> SyncResponse:
        self.asked.append(since)
        self.polls_ms.append(timeout)
        if not self.answers:
            await asyncio.sleep(60)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        for room in answer.rooms.join.values():
            events = room.timeline.events
            events[:] = [self.read(it) if isinstance(it, MegolmEvent) else it for it in events]
        self.next_batch = answer.next_batch
        return answer

    def read(self, found: MegolmEvent) -> Any:
        return self.decrypt(found) or found

    def decrypt(self, found: MegolmEvent) -> RoomMessageText | None:
        if found.session_id not in self.keys:
            return None
        clear = RoomMessageText.from_dict(said("!ping", by=found.sender, event_id=found.event_id))
        assert isinstance(clear, RoomMessageText)
        clear.decrypted, clear.sender_key = True, found.sender_key
        clear.session_id = found.session_id
        clear.room_id = getattr(found, "room_id", None)  # type: ignore[attr-defined]
        self.positions[found.event_id] = f"{found.sender_key} {found.session_id} 0"
        return clear

    def trusted_device_of(self, sender: str, room_id: str, sender_key: str, session: str) -> bool:
        return (sender_key, session) in self.trusted

    def keep_encrypted(self, *room_ids: str) -> None:
        self.rooms |= {it: SimpleNamespace(encrypted=True) for it in room_ids}

    async def refresh_keys(self, *user_ids: str) -> None:
        self.at_refresh()

    async def after_sync(self, response: SyncResponse) -> None:
        """Nothing to be uploaded."""

    async def room_messages(self, room_id: str, start: str, **more: Any) -> RoomMessagesResponse:
        self.page_filters.append(more["message_filter"])
        chunk = self.pages.pop(0) if self.pages else []
        response = RoomMessagesResponse.from_dict(
            {"chunk": chunk, "start": start, "end": f"{start}."}, room_id
        )
        assert isinstance(response, RoomMessagesResponse)
        return response


class FakeAccount(ClientApi):
    """Nothing is asked of it here."""

    def __init__(self) -> None:
        pass


class Heard:
    """What the listener was told; `came` is what would be acted upon, in order."""

    def __init__(self) -> None:
        self.came: list[Incoming] = []
        self.steps: list[Step] = []
        self.unreadable: list[tuple[str, str, str, str]] = []
        self.is_stuck: list[bool] = []
        self.invitations: list[str] = []

    def message_came(self, incoming: Incoming) -> None:
        self.came.append(incoming)

    def message_unreadable(self, room_id: str, event_id: str, sender: str, code: str) -> None:
        self.unreadable.append((room_id, event_id, sender, code))

    def verification_step(self, step: Step) -> None:
        self.steps.append(step)

    def devices_changed(self, user_ids: Collection[str]) -> None:
        assert user_ids

    def stuck(self, *, is_stuck: bool) -> None:
        self.is_stuck.append(is_stuck)

    def invited(self, room_id: str) -> None:
        self.invitations.append(room_id)


class Run(Heard):
    """One run of the service over a store, and its listener."""

    def __init__(self, store: Store, client: FakeClient | None = None) -> None:
        self.store, self.client, self.account = store, client or FakeClient(), FakeAccount()
        super().__init__()
        policy = TrustPolicy(Trust.PINNED, (UserId.parse(YOU),), store)
        self.sync = Sync(
            cast(Client, self.client), self.account, store, policy, asyncio.Condition(), self
        )

    async def take(self, *answers: SyncResponse | Exception) -> list[str]:
        """Begin, get these answers, and wait for more; the event ids that would be acted upon."""
        self.client.answers += answers
        await self.sync.start()
        return await self.go_on()

    async def go_on(self) -> list[str]:
        asked = len(self.client.asked) + len(self.client.answers) + 1
        task = asyncio.create_task(self.sync.run())
        for _ in range(500):
            await asyncio.sleep(0.01)
            if task.done() or len(self.client.asked) >= asked:
                break
        await ended(task)
        return [it.event_id for it in self.came]


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Store]:
    """A store of before the first sync."""
    async with open_store(tmp_path / "data", Sealer(bytes(32))) as opened:
        yield opened


@pytest.fixture
async def store(fresh: Store) -> Store:
    """A store of a service that was up before."""
    await fresh.inbox.receive([], since="s0")
    return fresh


async def test_what_admins_say_is_taken_in_with_the_token(store: Store) -> None:
    run = Run(store)
    assert await run.take(synced(said("!ping"), reaction(event_id="$2"), token="s1")) == [
        "$1",
        "$2",
    ]
    assert run.client.asked[0] == "s0"
    assert await store.facts.get("since") == "s1"
    assert [letter.event_id for letter in await store.inbox.unanswered()] == ["$1", "$2"]


async def test_what_strangers_say_is_not_read(store: Store) -> None:
    run = Run(store)
    request = {"msgtype": "m.key.verification.request", "body": "?"}
    events = [
        said("!newbot mine", by=MALLORY),
        reaction(by=MALLORY, event_id="$2"),
        unread("$3", by=MALLORY),
        event("m.room.message", request, by=MALLORY, event_id="$4"),
        said("!newbot mine", by=OWN, event_id="$5"),
    ]
    assert await run.take(synced(*events, token="s1")) == []
    assert (run.steps, run.unreadable) == ([], [])
    assert await store.inbox.unanswered() == []


async def test_what_was_said_before_the_first_start_is_not_acted_upon(fresh: Store) -> None:
    assert await Run(fresh).take(synced(said("!newbot old"), token="s1")) == []
    assert await fresh.facts.get("since") == "s1"


async def test_the_same_message_comes_once(store: Store) -> None:
    run = Run(store)
    first, again = synced(said("!ping"), token="s1"), synced(said("!ping"), token="s2")
    assert await run.take(first, again) == ["$1"]
    assert await Run(store).take(synced(said("!ping"), token="s3")) == []


async def test_the_same_ciphertext_under_another_event_id_is_not_acted_upon(store: Store) -> None:
    """The server's owner may play it again, also after a restart."""
    run = Run(store)
    run.client.keys = {"its session"}
    assert await run.take(synced(unread("$1"), token="s1"), synced(unread("$2"), token="s2")) == [
        "$1"
    ]
    later = Run(store)
    later.client.keys = {"its session"}
    assert await later.take(synced(unread("$3"), token="s3")) == []


@pytest.mark.parametrize(
    ("encrypted", "trusted"), [(True, True), (True, False), (False, True), (False, False)]
)
async def test_trust_is_that_of_the_session_it_came_in(
    encrypted: bool, trusted: bool, store: Store
) -> None:
    run = Run(store)
    run.client.keys = {"its session"}
    run.client.trusted = {PHONE} if trusted else set()
    await run.take(synced(unread() if encrypted else said("!ping"), token="s1"))

    [message] = run.came
    assert (message.encrypted, message.trusted) == (encrypted, encrypted and trusted)


async def test_a_device_that_is_not_trusted_yet_is_looked_up_once_more(store: Store) -> None:
    run = Run(store)
    run.client.keys = {"its session"}
    run.client.at_refresh = lambda: run.client.trusted.add(PHONE)
    await run.take(synced(unread(), token="s1"))
    assert run.came[0].trusted


async def test_a_message_whose_key_comes_later_is_read_then_and_outlives_a_crash(
    store: Store,
) -> None:
    """What waits for its key must come again: the token stays where it is."""
    run = Run(store)
    assert await run.take(synced(unread(), token="s1")) == []
    assert await store.facts.get("since") == "s0"

    again = Run(store)
    again.client.answers = [synced(unread(), token="s1")]
    await again.sync.start()
    again.client.keys = {"its session"}
    again.client.answers = [synced(token="s2")]
    assert await again.go_on() == ["$1"]
    assert await store.facts.get("since") == "s2"


async def test_an_admin_is_told_when_a_key_is_withheld_and_only_by_their_own_note(
    store: Store,
) -> None:
    def note(sender: str) -> JSON:
        content = {"code": "m.unverified", "session_id": "its session", "sender_key": "k"}
        withheld = {"sender": sender, "type": "m.room_key.withheld", "content": content}
        return {"events": [withheld]}

    run = Run(store)
    await run.take(synced(unread(), token="s1", to_device=note(MALLORY)))
    assert run.unreadable == []
    run = Run(store)
    await run.take(synced(unread(), token="s1", to_device=note(YOU)))
    assert run.unreadable == [(ROOM, "$1", YOU, "m.unverified")]


async def test_a_gap_is_filled_in_order_and_with_admins_messages_only(store: Store) -> None:
    run = Run(store)
    run.client.pages = [[said("c", event_id="$c"), said("b", event_id="$b")]]
    run.client.pages += [[said("a", event_id="$a"), said("x", by=MALLORY, event_id="$x")]]
    found = await run.take(synced(said("d", event_id="$d"), token="s1", limited=True))

    assert found == ["$a", "$b", "$c", "$d"]
    assert all(it["senders"] == [YOU] for it in run.client.page_filters)


async def test_a_long_gap_on_a_slow_server_is_no_loop_that_hangs(store: Store) -> None:
    """By this signal systemd's watchdog is fed."""
    run, fed = Run(store), []
    run.client.pages = [[said("c", event_id="$c")], [said("b", event_id="$b")]]
    run.sync.goes_on.connect(lambda: fed.append(len(run.came)))
    await run.take(synced(said("d", event_id="$d"), token="s1", limited=True))
    assert fed[:2] == [0, 0], "fed while nothing is taken in yet"


@pytest.mark.parametrize("can_be_read", [True, False])
async def test_where_an_admin_wrote_encrypted_it_is_so_for_good(
    can_be_read: bool, store: Store
) -> None:
    """Whatever the server makes of the room's state, also after a restart."""
    run = Run(store)
    run.client.keys = {"its session"} if can_be_read else set()
    await run.take(synced(unread(), token="s1"))
    assert run.client.rooms[ROOM].encrypted

    later = Run(store)
    await later.take(synced(token="s2"))
    assert later.client.rooms[ROOM].encrypted


@pytest.mark.parametrize(("by", "joins"), [(YOU, ["!new"]), (MALLORY, [])])
async def test_only_an_admins_invitation_is_followed(
    by: str, joins: list[str], store: Store
) -> None:
    run = Run(store)
    run.client.invited_rooms = {"!new": object()}
    member = {
        "type": "m.room.member",
        "state_key": OWN,
        "sender": by,
        "content": {"membership": "invite"},
    }
    about_another = member | {"state_key": MALLORY, "sender": YOU}
    rooms = {"invite": {"!new": {"invite_state": {"events": [member, about_another]}}}}
    await run.take(synced(token="s1", rooms=rooms))

    assert run.invitations == joins
    assert bool(run.client.invited_rooms) is bool(joins), "a stranger's is not kept"


async def test_after_a_failure_it_goes_on_from_what_is_on_disk(store: Store) -> None:
    run = Run(store)
    failure = HomeserverUnreachable("HTTP 502")
    found = await run.take(
        synced(unread(), token="s1"), failure, synced(said("!ping"), token="s2")
    )

    assert run.client.asked[:3] == ["s0", "s1", "s0"], "the unread message comes again"
    assert found == ["$1"]
    assert run.is_stuck[0] is False


@pytest.mark.parametrize(
    ("failure", "waited_s", "then_ms"),
    [
        (GatewayTimeout(), 5, 2_500),
        (GatewayTimeout(), 1, 30_000),  # a homeserver that is away, told at once
        (GatewayTimeout(), 70, 30_000),
        (HomeserverUnreachable("HTTP 502"), 5, 30_000),
    ],
)
async def test_a_proxy_that_gives_up_polls_is_asked_for_shorter_ones(
    store: Store, failure: Exception, waited_s: int, then_ms: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else no sync would succeed while nobody speaks, and what is said would wait for a retry."""
    clock = SimpleNamespace(monotonic=itertools.count(step=waited_s).__next__)
    monkeypatch.setattr("adminbot.chat.sync.time", clock)
    run = Run(store)
    await run.take(synced(token="s1"), failure, synced(token="s2"))
    assert run.client.polls_ms == [0, 30_000, then_ms, then_ms]


async def test_what_cannot_be_digested_is_tried_three_times_and_passed_over(
    store: Store,
) -> None:
    """A loop of crashes would be a remote off-switch."""
    run = Run(store)
    poison: list[Exception | SyncResponse] = [RecursionError("deep")] * 3
    found = await run.take(synced(token="s1"), *poison, synced(said("!ping"), token="s2"))
    assert found == ["$1"]


async def test_an_ended_session_ends_the_loop_unless_we_have_another_by_now(store: Store) -> None:
    run = Run(store)
    run.client.answers = [synced(token="s1"), TokenRejected()]
    await run.sync.start()
    with pytest.raises(TokenRejected):
        await asyncio.wait_for(run.sync.run(), 5)
