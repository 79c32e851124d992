"""Dispatcher, executor and accounts over hand-written edges and a real store: no server, no E2EE.

`Server` keeps accounts as Synapse does, as far as is asked; it can hang, and run out of
logins. `Chatter` notes what is said. What these prove is who waits for whom and what confirms
what, and nothing about encryption.
"""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adminbot.accounts.backends.synapse import SynapseBackend
from adminbot.accounts.device_keys import DeviceKeyMemory
from adminbot.accounts.identities import Identities
from adminbot.accounts.inspection import Inspector
from adminbot.accounts.operations import Accounts
from adminbot.accounts.registry import Own
from adminbot.app.commands import make_dispatcher
from adminbot.apps import load_catalog
from adminbot.cards.delivery import CardDelivery
from adminbot.cards.text import CardText
from adminbot.chat.incoming import REACTION, TEXT, Incoming
from adminbot.chat.pictures import Pictures
from adminbot.commands import ROUTER
from adminbot.config import Trust
from adminbot.crypto.crosssigning import SigningKey
from adminbot.dispatch import progress, turn
from adminbot.dispatch.chat_rules import ChatRules
from adminbot.dispatch.lockdown import AnnouncedLockdown
from adminbot.dispatch.services import Services
from adminbot.doctor.finding import Finding, Level
from adminbot.errors import (
    AccountGone,
    HomeserverError,
    HomeserverUnreachable,
    NameTaken,
    RateLimited,
    UsageError,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import (
    AccountState,
    Device,
    Invitation,
    PersonSeen,
    Removal,
    RemovalState,
    RoomFacts,
    Session,
    SigningUp,
    SignUpToken,
)
from adminbot.jobs.background import Background
from adminbot.store import InboxMessage, Store, open_store
from adminbot.trust.lockdown import Lockdown
from adminbot.trust.pins import Asked, PinState
from adminbot.values.ids import UserId
from adminbot.values.render import Message
from adminbot.values.secret import Sealer, Secret
from tests.one_step import OneStepBackend

ROOM, DM = "!admins", "!dm"
YOU = UserId("you", "example.org")
OTHER = UserId("other", "example.org")
OWN = UserId("adminbot", "example.org")
NANO = UserId("nano", "example.org")
_ids = itertools.count(1)


def signed_keys(device_id: str) -> dict[str, Any]:
    """Fresh device keys of NANO, signed by themselves, as /keys/query gives them."""
    key = SigningKey(os.urandom(32))
    public = {f"ed25519:{device_id}": key.public, f"curve25519:{device_id}": key.public}
    keys = {"user_id": str(NANO), "device_id": device_id, "keys": public}
    return keys | {"signatures": {str(NANO): {f"ed25519:{device_id}": key.sign(keys)}}}


async def until(is_so: Callable[[], object], *, within_s: float = 5) -> None:
    """Wait for something that tells nobody."""
    async with asyncio.timeout(within_s):
        while not is_so():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def anywhere(what: str) -> bool:
    return True


def nowhere(what: str) -> bool:
    return False


@dataclass
class Login:
    """An account on the server: its password, and device id → access tokens."""

    password: str = ""
    devices: dict[str, set[str]] = field(default_factory=dict)
    closed: bool = False
    is_admin: bool = False
    is_locked: bool = False
    is_erased: bool = False
    user_type: str = ""
    appservice_id: str = ""
    made_at: datetime | None = None
    display_name: str = ""
    last_seen: datetime | None = None  # also on sessions that are ended
    rooms: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)


class Server:
    """Synapse and its client API, as the account backend sees them."""

    def __init__(self) -> None:
        self.accounts: dict[UserId, Login] = {}
        self.asked: list[str] = []
        self.logins_left = 1000
        self.retry_after = timedelta(hours=0.9)
        self.hangs: Callable[[str], bool] = nowhere  # at which requests
        self.keys: dict[str, Any] = {}  # NANO's device keys
        self.seen: dict[UserId, datetime] = {}  # when an account's devices were last used
        self.seen_on: dict[str, datetime | None] = {}  # when a device was, in place of that
        self.messages = self
        self.removal: Removal | HomeserverError = Removal(RemovalState.DONE)
        self.lies_about_device = ""
        self.aliases: dict[str, str] = {}
        self.inviting: set[str] = set()  # rooms that let every bot in
        self.entered: list[tuple[str, str]] = []  # user id, room
        self.rooms = Rooms(self)
        self.uploads: list[tuple[bytes, str]] = []
        self.avatars: dict[str, str] = {}
        self.sent: dict[str, bytes] = {}  # pictures in the chat, by event id
        self.sign_up: dict[str, SignUpToken] = {}
        self.signing = SigningUp.BY_TOKEN
        self._tokens = itertools.count(1)

    def alive(self, token: str) -> bool:
        return any(
            token in tokens and not login.is_locked
            for login in self.accounts.values()
            for tokens in login.devices.values()
        )

    async def _asked(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(0)
        await until(lambda: not self.hangs(what), within_s=60)

    def _session(self, user_id: UserId, device_id: str) -> Session:
        token = f"syt_{next(self._tokens)}"
        self.accounts[user_id].devices.setdefault(device_id, set()).add(token)
        return Session(user_id, self.lies_about_device or device_id, Secret(token))

    # -- the admin API

    async def check_name_free(self, user_id: UserId) -> None:
        await self._asked("is free")
        if user_id in self.accounts:
            raise NameTaken(user_id)

    async def register(
        self, shared_secret: Secret, localpart: str, *, device_id: str, password: Secret, **_: Any
    ) -> Session:
        await self._asked("register")
        user_id = UserId(localpart, OWN.server)
        if user_id in self.accounts:
            raise NameTaken(user_id)
        self.accounts[user_id] = Login(password.reveal())
        return self._session(user_id, device_id)

    async def set_up(self, user_id: UserId, *, display_name: str, password: Secret) -> None:
        await self._asked("set up")
        self.accounts[user_id].password = password.reveal()

    async def set_password(
        self, user_id: UserId, password: Secret, *, logout_devices: bool
    ) -> None:
        await self._asked("sign out" if logout_devices else "set password")
        self.accounts[user_id].password = password.reveal()
        if logout_devices:
            self.accounts[user_id].devices.clear()

    async def devices(self, user_id: UserId) -> list[Device]:
        await self._asked("devices")
        if user_id not in self.accounts:
            raise AccountGone
        seen = self.seen.get(user_id)
        return [
            Device(device_id, self.seen_on.get(device_id, seen))
            for device_id in self.accounts[user_id].devices
        ]

    async def delete_device(self, user_id: UserId, device_id: str) -> None:
        await self._asked("delete device")
        self.accounts[user_id].devices.pop(device_id, None)

    async def whois(self, user_id: UserId) -> list[str]:
        await self._asked("whois")
        return self.accounts[user_id].addresses if user_id in self.accounts else []

    # -- people; the fake is the admin API's part for people, too

    @property
    def people(self) -> "Server":
        return self

    async def create_blank(self, user_id: UserId) -> None:
        await self._asked("create")
        if user_id in self.accounts:
            raise NameTaken(user_id)
        self.accounts[user_id] = Login()

    async def set_up_person(self, user_id: UserId, *, display_name: str, password: Secret) -> None:
        await self._asked("set up person")
        self.accounts[user_id].password = password.reveal()
        self.accounts[user_id].display_name = display_name

    async def set_locked(self, user_id: UserId, *, locked: bool) -> None:
        await self._asked("lock" if locked else "unlock")
        self.accounts[user_id].is_locked = locked

    async def page(self, word: str, *, start: int, count: int) -> tuple[list[PersonSeen], int]:
        await self._asked("people")
        found = [
            PersonSeen(it, login.display_name, login.is_admin, login.is_locked, self.seen.get(it))
            for it, login in sorted(self.accounts.items())
            if word in it.localpart and not login.closed
        ]
        return found[start : start + count], len(found)

    async def tokens(self) -> list[SignUpToken]:
        await self._asked("tokens")
        return list(self.sign_up.values())

    async def make_token(self, token: Secret, *, uses: int, until: datetime) -> None:
        await self._asked("make token")
        self.sign_up[token.reveal()] = SignUpToken(token, uses, until)

    async def drop_token(self, token: Secret) -> None:
        await self._asked("drop token")
        self.sign_up.pop(token.reveal(), None)

    async def signing_up(self) -> SigningUp:
        return self.signing

    async def names_with(self, text: str) -> list[str]:
        await self._asked("names")
        return [it.localpart for it in self.accounts if text in it.localpart]

    async def is_reserved(self, user_id: UserId) -> bool:
        await self._asked("is reserved")
        return user_id.localpart.startswith("_")

    async def find_account(self, user_id: UserId) -> AccountState | None:
        await self._asked("find")
        login = self.accounts.get(user_id)
        if login is None:
            return None
        return AccountState(
            user_id,
            login.is_admin,
            login.closed,
            login.is_locked,
            login.made_at,
            login.user_type,
            login.appservice_id,
            login.display_name,
            login.last_seen,
        )

    async def deactivate(self, user_id: UserId, *, erase: bool = False) -> None:
        await self._asked("deactivate")
        self.accounts[user_id] = Login(closed=True, is_erased=erase)

    async def redact(self, user_id: UserId) -> str:
        await self._asked("redact")
        if isinstance(self.removal, HomeserverError):
            raise self.removal
        return "redaction"

    async def removal_of(self, redact_id: str) -> Removal:
        await self._asked("how far")
        assert isinstance(self.removal, Removal)
        return self.removal

    # -- the client API

    async def log_in(
        self, user: str, password: Secret, *, device_id: str, device_name: str
    ) -> Session:
        self.asked.append("log in")
        await asyncio.sleep(0)
        if self.logins_left == 0:
            raise RateLimited(self.retry_after)
        self.logins_left -= 1
        user_id = UserId(user, OWN.server)
        if self.accounts[user_id].password != password.reveal():
            raise HomeserverError("no", errcode="M_FORBIDDEN", status=403)
        if self.accounts[user_id].is_locked:
            raise HomeserverError("no", errcode="M_USER_LOCKED", status=401)
        return self._session(user_id, device_id)

    async def change_password(self, session: Session, *, old: Secret, new: Secret) -> None:
        self.asked.append("change password")
        await asyncio.sleep(0)
        login = self.accounts[session.user_id]
        if login.password != old.reveal():
            raise HomeserverError("no", errcode="M_FORBIDDEN", status=403)
        login.password = new.reveal()
        login.devices = {session.device_id: {session.token.reveal()}}

    async def log_in_as(self, user_id: UserId, *, for_s: int) -> Secret:
        await self._asked("act as")
        return Secret(str(user_id))

    def acting_with(self, token: Secret) -> "Acting":
        return Acting(self, token.reveal())

    async def room_of_alias(self, alias: str, *, once: bool = False) -> str:
        await self._asked("alias")
        if once:
            raise HomeserverUnreachable("HTTP 502")
        if alias not in self.aliases:
            raise HomeserverError("no", errcode="M_NOT_FOUND", status=404)
        return self.aliases[alias]

    async def query_keys(self, *user_ids: UserId) -> dict[str, Any]:
        return {"device_keys": {str(NANO): self.keys}}


@dataclass
class Rooms:
    """Rooms: what each is like by id, its state events, and who has which in `m.direct`."""

    server: Server
    known: dict[str, RoomFacts] = field(default_factory=dict)
    state: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    direct: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    made_by: dict[str, str] = field(default_factory=dict)
    loses_answer: bool = False  # of a request that makes a room
    closed: set[str] = field(default_factory=set)  # nobody may invite to these, or enter them

    def of(self, user_id: str) -> list[str]:
        login = self.server.accounts.get(UserId.parse(user_id))
        entered = [room for who, room in self.server.entered if who == user_id]
        return sorted([*(login.rooms if login else []), *entered])

    async def joined_by(self, user_id: UserId) -> list[str]:
        await self.server._asked("rooms")
        return self.of(str(user_id))

    async def facts(self, room_id: str) -> RoomFacts:
        await self.server._asked("room")
        if room_id not in self.state:
            return self.known.get(room_id, RoomFacts(room_id))
        events = self.state[room_id]
        joined = [it for it in events if it["content"].get("membership") == "join"]
        kinds = [it["type"] for it in events]
        return RoomFacts(
            room_id,
            members=len(joined),
            is_encrypted="m.room.encryption" in kinds,
            creator=self.made_by.get(room_id, ""),
        )

    def member(self, room_id: str, user_id: str, membership: str) -> None:
        events = self.state.setdefault(room_id, [])
        events[:] = [it for it in events if it["state_key"] != user_id]
        content = {"membership": membership}
        events.append({"type": "m.room.member", "state_key": user_id, "content": content})


@dataclass
class Acting:
    """The client API in the name of an account."""

    server: Server
    user_id: str

    async def invitations(self) -> list[Invitation]:
        self._check_unlocked()
        rooms = sorted(self.server.inviting - set(self.server.rooms.of(self.user_id)))
        known = self.server.rooms.known
        return [Invitation(it, known[it].name if it in known else "", str(YOU)) for it in rooms]

    async def join(self, room: str, via: Sequence[str] = ()) -> None:
        await self.server._asked("join")
        self._check_unlocked()
        rooms = self.server.inviting - self.server.rooms.closed
        if self.server.aliases.get(room, room) not in rooms:
            raise HomeserverError("no", errcode="M_FORBIDDEN", status=403)
        self.server.entered.append((self.user_id, room))

    async def leave(self, room_id: str) -> None:
        await self.server._asked("leave")
        if room_id in self.server.inviting and room_id not in self.server.rooms.of(self.user_id):
            self.server.inviting.remove(room_id)
        elif (self.user_id, room_id) in self.server.entered:
            self.server.entered.remove((self.user_id, room_id))
        else:
            raise HomeserverError("no", errcode="M_FORBIDDEN", status=403)

    def _check_unlocked(self) -> None:
        if self.server.accounts[UserId.parse(self.user_id)].is_locked:
            raise HomeserverError("no", errcode="M_USER_LOCKED", status=401)

    async def joined_rooms(self) -> list[str]:
        self._check_unlocked()
        return self.server.rooms.of(self.user_id)

    async def create_room(self, body: dict[str, Any]) -> str:
        await self.server._asked("create room")
        room_id = f"!made{len(self.server.rooms.state)}"
        self.server.rooms.state[room_id] = list(body["initial_state"])
        self.server.rooms.made_by[room_id] = self.user_id
        self.server.rooms.member(room_id, self.user_id, "join")
        for user_id in body["invite"]:
            self.server.rooms.member(room_id, user_id, "invite")
        self.server.entered.append((self.user_id, room_id))
        if self.server.rooms.loses_answer:
            raise HomeserverUnreachable("ReadTimeout")
        return room_id

    async def room_state(self, room_id: str) -> list[dict[str, Any]]:
        return self.server.rooms.state.get(room_id, [])

    async def invite_to_chat(self, room_id: str, user_id: UserId) -> None:
        await self.server._asked("invite")
        if room_id in self.server.rooms.closed:
            raise HomeserverError("no", errcode="M_FORBIDDEN", status=403)
        self.server.rooms.member(room_id, str(user_id), "invite")

    async def account_data(self, user_id: UserId, kind: str) -> dict[str, Any]:
        return dict(self.server.rooms.direct.get(self.user_id, {}))

    async def set_account_data(self, user_id: UserId, kind: str, body: dict[str, Any]) -> None:
        await self.server._asked("m.direct")
        self.server.rooms.direct[self.user_id] = body

    @property
    def media(self) -> "Acting":
        return self

    async def upload(self, data: bytes, kind: str) -> str:
        await self.server._asked("upload")
        self.server.uploads.append((data, kind))
        return f"mxc://example.org/{len(self.server.uploads)}"

    async def set_avatar(self, own: UserId, address: str) -> None:
        await self.server._asked("set avatar")
        assert str(own) == self.user_id
        self.server.avatars[self.user_id] = address

    async def set_display_name(self, own: UserId, name: str) -> None:
        await self.server._asked("set name")
        self.server.accounts[own].display_name = name

    async def log_out(self) -> None:
        await self.server._asked("log out")


class SentPictures(Pictures):
    """The pictures in the chat, without encryption."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def read(self, room_id: str, event_id: str, *, most: int) -> bytes:
        if event_id not in self._server.sent:
            raise UsageError("What you replied to is no picture. Nothing was changed.")
        return self._server.sent[event_id]


class Chatter:
    """The chat: what was said to whom, as (event id replied to, text)."""

    user_id = str(OWN)

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.rooms = self.direct_chats = self
        self.contents: list[dict[str, Any]] = []
        self.said: list[tuple[str, str]] = []
        self.told: list[tuple[str, str]] = []
        self.secrets: list[str] = []
        self.marks: list[tuple[str, str]] = []
        self.gone: list[str] = []
        self.reachable = True
        self.onlooker = ""  # why the admin room is no place to ask for a card
        self.no_way = False  # the private chat cannot be made ready just now
        self.mute = False  # nothing can be sent just now
        self.refuses = False  # nothing can be sent ever
        self.shut = asyncio.Event()
        self._ids = itertools.count(1)
        self._news = asyncio.Condition()

    def _body(self, message: Message) -> str:
        """What is read of a message on a screen that shows no HTML."""
        self.contents.append(message.content(self.prefix))
        return str(self.contents[-1]["body"])

    async def send(self, room_id: str, message: Message, *, txn: str) -> str:
        await until(lambda: not self.mute)
        if self.refuses:
            raise HomeserverError("no", errcode="M_FORBIDDEN", status=403)
        self.said.append((message.reply_to or "", self._body(message)))
        async with self._news:
            self._news.notify_all()
        return f"$said{next(self._ids)}"

    async def send_secret(
        self,
        room_id: str,
        message: Message,
        *,
        reader: UserId,
        txn: str,
        check: Callable[[], Awaitable[None]],
    ) -> str:
        await check()
        self.secrets.append(self._body(message))
        return f"$secret{next(self._ids)}"

    async def tell_untrusted(
        self, room_id: str, user_id: str, message: Message, *, txn: str
    ) -> str:
        self.told.append((message.reply_to or "", self._body(message)))
        async with self._news:
            self._news.notify_all()
        return f"$told{next(self._ids)}"

    async def react(self, room_id: str, event_id: str, key: str, *, txn: str) -> str:
        self.marks.append((event_id, key))
        return f"$mark{next(self._ids)}"

    async def redact(self, room_id: str, event_id: str, *, reason: str | None, txn: str) -> None:
        self.gone.append(event_id)

    async def ready(self, user_id: UserId) -> str:
        await until(lambda: not self.no_way)
        return DM

    def is_own_dm(self, room_id: str, user_id: str) -> bool:
        return room_id == DM

    def can_reach(self, reader: UserId) -> bool:
        return self.reachable

    def why_no_card_from(self, room_id: str) -> str:
        return self.onlooker if room_id == ROOM else ""

    async def is_open_invitation(self, user_id: UserId) -> bool:
        return False

    async def answers(self, event_id: str, count: int = 1) -> list[str]:
        """The answers to a message, once there are so many."""

        def found() -> list[str]:
            return [text for to, text in (*self.said, *self.told) if to == event_id]

        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: len(found()) >= count)
        return found()


class Policy:
    """What is known of the admins' identities."""

    admins = frozenset({str(YOU), str(OTHER)})

    def __init__(self) -> None:
        self.mode = Trust.PINNED
        self.state = PinState.AS_PINNED

    def standing(self, user_id: str) -> PinState:
        return self.state

    def may_receive(self, user_id: str) -> bool:
        return self.state is PinState.AS_PINNED


class Desk:
    """A dispatcher with all that it needs, and two admins who type.

    `became`: the sessions that our own token was renewed to.
    """

    def __init__(
        self, store: Store, tasks: Any, server: Server, other: OneStepBackend | None, prefix: str
    ) -> None:
        self.store, self.server, self.chat, self.policy = store, server, Chatter(prefix), Policy()
        self.became: list[Session] = []
        edge: Any = server
        backend = other or SynapseBackend(edge, edge, Secret("s"))
        account: ClientApi = other.keys if other else edge
        self.lockdown = Lockdown(store)
        text = CardText("https://example.org", timedelta(hours=1), load_catalog(None))
        chat: Any = self.chat
        self.cards = CardDelivery(chat, store, text, self.lockdown)
        accounts = Accounts.over(
            Own(OWN, "OWN", frozenset({YOU, OTHER})),
            backend=backend,
            account=account,
            store=store,
            phrase=text.phrase,
            become=self._become,
        )
        signer = accounts.signer
        identities = Identities(store, signer, lambda bot, counting, seen: None)
        self.alarms: list[str] = []
        keys = DeviceKeyMemory(store, lambda bot, keys: self.alarms.append(str(keys)))
        alarm: Any = SimpleNamespace(
            tell_room=lambda text, *, rings=False: self.alarms.append(text),
            stuck=lambda *, is_stuck: None,
        )
        policy: Any = self.policy
        self.findings = [Finding("state", Level.OK, "whole")]
        self.services = Services(
            accounts=accounts,
            look=Inspector(backend, account, store, identities, keys),
            lockdown=AnnouncedLockdown(self.lockdown, alarm, ROOM),
            verify=self._verify,
            audit=store.audit,
            pictures=SentPictures(server),
            stop_many=store.acts.stop,
            forget_question=store.questions.withdraw,
            router=ROUTER,
            rules=ChatRules(chat, policy, admin_room=ROOM, prefix=prefix, names=("adminbot",)),
            card_text=text,
            examine=self._examine,
        )
        base: Any = SimpleNamespace(
            settings=SimpleNamespace(max_age=timedelta(hours=1)),
            opened=SimpleNamespace(store=store),
            chat=chat,
            lockdown=self.lockdown,
            cards=self.cards,
            background=Background(tasks),
        )
        jobs: Any = SimpleNamespace(alarm=alarm)
        self.dispatcher = make_dispatcher(base, jobs, self.services)

    async def _examine(self) -> AsyncIterator[Finding]:
        for finding in self.findings:
            yield finding

    async def _become(self, session: Session) -> None:
        self.became.append(session)

    @staticmethod
    async def _verify(_: UserId) -> Asked:
        return Asked(before=False, still_invited=False)

    async def says(self, body: str, *, sender: UserId = YOU, **more: Any) -> str:
        """A message comes in; returns its event id."""
        about: dict[str, Any] = {"kind": TEXT, "encrypted": True, "trusted": True} | more
        about = {"room_id": ROOM} | about
        incoming = Incoming(f"$m{next(_ids)}", sender=str(sender), body=body, **about)
        letter = InboxMessage(incoming.event_id, incoming.to_json(), None)
        await self.store.inbox.receive([letter], since="s")
        self.dispatcher.take(incoming)
        return incoming.event_id

    async def taps(self, key: str, event_id: str, **more: Any) -> str:
        about: dict[str, Any] = {"kind": REACTION, "relates_to": event_id}
        return await self.says(key, **about, encrypted=False, trusted=False, **more)

    async def asks(self, body: str, **more: Any) -> str:
        """Type a line; returns the (first) answer."""
        [answer, *_] = await self.chat.answers(await self.says(body, **more))
        return answer

    async def unanswer(self, letter: InboxMessage) -> None:
        """As if a crash had come before anything of the answer was noted."""
        content = self.store._db.seal("inbox", letter.content)
        sql = "UPDATE inbox SET content = ?, reply = NULL WHERE event_id = ?"
        await self.store._db.write(sql, content, letter.event_id)

    async def question(self) -> str:
        """The event id under which the only open question is out."""
        async with asyncio.timeout(5):
            while True:
                found = await self.store.questions.of(YOU)
                if found and found[0].event_id.startswith("$"):
                    return found[0].event_id
                await asyncio.sleep(0.01)

    async def settled(self) -> None:
        """Once everything that came in is answered or dropped."""
        async with asyncio.timeout(5):
            while await self.store.inbox.unanswered():  # noqa: ASYNC110
                await asyncio.sleep(0.01)


class Tasks:
    """What is under way; ended at once, as by a crash."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def create_task(self, work: Coroutine[None, None, None]) -> None:
        self._tasks.add(asyncio.create_task(work))

    async def cut_off(self) -> None:
        await asyncio.sleep(0)  # each has begun
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def a_desk(
    directory: Path,
    server: Server | None = None,
    other: OneStepBackend | None = None,
    *,
    prefix: str = "!",
) -> AsyncIterator[Desk]:
    """Open the state, go on with what is unanswered; at the end what is under way is cut off.

    The accounts are the server's, or those of another kind.
    """
    tasks = Tasks()
    async with open_store(directory, Sealer(b"k" * 32)) as store:
        desk = Desk(store, tasks, server or Server(), other, prefix)
        desk.dispatcher.take_up(await store.inbox.unanswered())
        try:
            yield desk
        finally:
            await tasks.cut_off()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path) as made:
        yield made


@pytest.fixture(autouse=True)
def short_blink(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "BLINK_S", 0.05)
    monkeypatch.setattr(turn, "BLINK_S", 0.05)


async def token_of(desk: Desk, line: str) -> str:
    """Type a line that ends in a card; returns the access token on the card."""
    answer = await desk.asks(line)
    assert "✅" in answer, answer
    return desk.chat.secrets[-1].split("MATRIX_ACCESS_TOKEN=")[1].split("\n")[0]
