"""How an account gets a session, and whose account it must be: in which order. No server."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from adminbot.accounts.act import Act
from adminbot.accounts.backends import removal
from adminbot.accounts.backends.base import Attempt, Target
from adminbot.accounts.backends.synapse import SynapseBackend
from adminbot.errors import AccountGone, HomeserverError, HomeserverUnreachable, NameTaken
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.synapse_messages import SynapseMessages
from adminbot.homeserver.values import AccountState, Device, Removal, RemovalState, Session
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

pytestmark = pytest.mark.anyio

T = TypeVar("T")

NANO = UserId("nano", "example.org")
TARGET = Target(NANO, "NANO1", "Nano")


class Server:
    """What happened, in order; `breaks`: what goes wrong next, by the word of what is done."""

    def __init__(self) -> None:
        self.did: list[tuple[str, Any]] = []
        self.breaks: dict[str, list[Exception]] = {}
        self.password = ""
        self.found: AccountState | None = None
        self.devices: list[str] = []

    def do(self, what: str, value: Any = None) -> None:
        self.did.append((what, value))
        if waiting := self.breaks.get(what):
            raise waiting.pop(0)

    def words(self) -> list[str]:
        return [what for what, _ in self.did]


class FakeAct(Act):
    """Notes its steps beside what happens; nothing is waited for."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def step(self, what: str) -> None:
        self._server.did.append(("will", what))

    async def say(self, text: str) -> None:
        raise AssertionError(text)

    async def check(self) -> None:
        raise AssertionError("nothing is waited for")

    async def whole(self, login: Coroutine[Any, Any, T]) -> T:
        return await login

    def aside(self) -> AbstractAsyncContextManager[None]:
        raise AssertionError("nothing is waited for")


class FakeSynapse(SynapseAdmin):
    def __init__(self, server: Server) -> None:
        self._server = server

    async def set_password(
        self, user_id: UserId, password: Secret, *, logout_devices: bool
    ) -> None:
        self._server.password = password.reveal()
        self._server.do("set password", {"logout_devices": logout_devices})

    async def register(
        self,
        shared_secret: Secret,
        localpart: str,
        *,
        password: Secret,
        display_name: str,
        device_id: str,
        admin: bool = False,
    ) -> Session:
        assert not admin
        self._server.do("register", device_id)
        return Session(NANO, device_id, Secret("syt_registered"))

    async def create_blank(self, user_id: UserId) -> None:
        self._server.do("create")

    async def set_up(
        self, user_id: UserId, *, display_name: str, password: Secret, admin: bool = False
    ) -> None:
        assert not admin
        self._server.password = password.reveal()
        self._server.do("set up")

    async def set_locked(self, user_id: UserId, *, locked: bool) -> None:
        self._server.do("set locked", locked)

    async def deactivate(self, user_id: UserId, *, erase: bool = False) -> None:
        self._server.do("deactivate", *(["erase"] if erase else []))

    async def delete_device(self, user_id: UserId, device_id: str) -> None:
        self._server.do("delete device", device_id)

    async def find_account(self, user_id: UserId) -> AccountState | None:
        return self._server.found

    async def devices(self, user_id: UserId) -> list[Device]:
        return [Device(device_id, None) for device_id in self._server.devices]


class FakeAccount(ClientApi):
    def __init__(self, server: Server) -> None:
        self._server = server
        self._logins = 0

    async def log_in(
        self, user: str, password: Secret, *, device_id: str, device_name: str
    ) -> Session:
        assert password.reveal() == self._server.password
        self._server.do("log in", (user, device_id))
        self._logins += 1
        return Session(NANO, device_id, Secret(f"syt_{self._logins}"))

    async def change_password(self, session: Session, *, old: Secret, new: Secret) -> None:
        assert old.reveal() == self._server.password
        self._server.do("change password", session.token.reveal())
        self._server.password = new.reveal()


def backend_of(server: Server, *, shared: bool = True) -> SynapseBackend:
    secret = Secret("shared") if shared else None
    return SynapseBackend(FakeSynapse(server), FakeAccount(server), secret)


async def test_a_token_is_renewed_in_place_and_every_older_one_ends() -> None:
    server = Server()
    login = await backend_of(server).renew(TARGET, FakeAct(server))

    assert server.did == [
        ("will", "set a password"),
        ("set password", {"logout_devices": False}),
        ("will", "log in"),
        ("log in", ("nano", "NANO1")),
        ("will", "end every other session"),
        ("change password", "syt_1"),
    ]
    assert login.session == Session(NANO, "NANO1", Secret("syt_1"))
    assert login.password
    assert login.password.reveal() == server.password


async def test_whoever_uses_the_old_token_has_the_new_one_before_the_old_one_ends() -> None:
    server = Server()

    async def take_over(session: Session) -> None:
        server.did.append(("taken over", session.token.reveal()))

    await backend_of(server).renew(TARGET, FakeAct(server), take_over)
    words = server.words()
    assert words.index("log in") < words.index("taken over") < words.index("change password")


@pytest.mark.parametrize("what", ["set password", "log in", "change password"])
async def test_when_an_answer_is_lost_all_is_made_anew(what: str) -> None:
    """The token of a login whose answer was lost is ended with the others."""
    server = Server()
    server.breaks[what] = [HomeserverUnreachable("HTTP 502")]
    login = await backend_of(server).renew(TARGET, FakeAct(server))

    assert server.words()[-6:] == [
        *("will", "set password", "will", "log in", "will", "change password")
    ]
    assert server.did[-1] == ("change password", login.session.token.reveal())
    assert login.password
    assert login.password.reveal() == server.password


async def test_a_fresh_device_begins_with_everything_signed_out() -> None:
    server = Server()
    await backend_of(server).start_afresh(replace(TARGET, device_id="NANO2"), FakeAct(server))

    assert server.did == [
        ("will", "sign everything out"),
        ("set password", {"logout_devices": True}),
        ("will", "log in"),
        ("log in", ("nano", "NANO2")),
    ]


async def test_a_refused_login_is_said_in_words_and_not_tried_again() -> None:
    server = Server()
    server.breaks["log in"] = [HomeserverError("no", errcode="M_FORBIDDEN", status=403)]
    with pytest.raises(HomeserverError, match="does not let @nano"):
        await backend_of(server).renew(TARGET, FakeAct(server))
    assert server.words().count("log in") == 1
    assert "change password" not in server.words()


# -- what needs no session

OneChange = Callable[[SynapseBackend, FakeAct], Awaitable[None]]
ONE_CHANGE: list[tuple[OneChange, str, Any]] = [
    (lambda it, act: it.sign_out(NANO, act), "set password", {"logout_devices": True}),
    (lambda it, act: it.lock(NANO, act), "set locked", True),
    (lambda it, act: it.unlock(NANO, act), "set locked", False),
    (
        lambda it, act: it.set_password(NANO, Secret("p"), act, keep_sessions=True),
        "set password",
        {"logout_devices": False},
    ),
    (
        lambda it, act: it.set_password(NANO, Secret("p"), act, keep_sessions=False),
        "set password",
        {"logout_devices": True},
    ),
    (lambda it, act: it.end_session(NANO, "NANO1", act), "delete device", "NANO1"),
]


@pytest.mark.parametrize(("change", "what", "value"), ONE_CHANGE)
async def test_a_change_is_noted_before_it_is_made(
    change: OneChange, what: str, value: Any
) -> None:
    server = Server()
    server.found = account()
    await change(backend_of(server), FakeAct(server))
    assert server.words() == ["will", what]
    assert server.did[-1][1] == value


@pytest.mark.parametrize(("change", "what", "value"), ONE_CHANGE)
async def test_an_account_that_is_gone_is_not_made_anew(
    change: OneChange, what: str, value: Any
) -> None:
    """Synapse's PUT of a user creates one that is not there."""
    server = Server()
    with pytest.raises(AccountGone):
        await change(backend_of(server), FakeAct(server))
    assert server.words() == ["will"]


@pytest.mark.parametrize("gone", [True, False])
async def test_an_account_that_is_gone_counts_as_closed(gone: bool) -> None:
    server = Server()
    server.breaks["deactivate"] = [AccountGone()] if gone else []
    await backend_of(server).close(NANO, FakeAct(server))
    assert server.words() == ["will", "deactivate"]


class FakeMessages(SynapseMessages):
    """A removal that goes on until `ends_after` looks."""

    def __init__(self, server: Server, ends_after: int) -> None:
        self._server = server
        self._looks_left = ends_after

    async def redact(self, user_id: UserId) -> str | None:
        self._server.do("redact")
        return "an id" if self._looks_left else None

    async def removal_of(self, redact_id: str) -> Removal:
        self._server.do("look")
        self._looks_left -= 1
        return Removal(RemovalState.GOES_ON if self._looks_left else RemovalState.DONE)


async def remove(server: Server, ends_after: int) -> Removal:
    edge = FakeSynapse(server)
    edge.messages = FakeMessages(server, ends_after)
    backend = SynapseBackend(edge, FakeAccount(server), None)
    return await backend.remove_messages(NANO, FakeAct(server))


async def test_the_end_of_a_removal_is_waited_for_some_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(removal, "_LOOK_S", 0.001)
    server = Server()
    assert (await remove(server, 3)).state is RemovalState.DONE
    assert server.words() == ["will", "redact", "look", "look", "look"]
    monkeypatch.setattr(removal, "_REMOVAL_S", 0.01)
    assert (await remove(Server(), 300)).state is RemovalState.GOES_ON


async def test_a_removal_that_is_under_way_is_not_waited_for() -> None:
    server = Server()
    assert (await remove(server, 0)).state is RemovalState.GOES_ON
    assert server.words() == ["will", "redact"]


async def test_an_older_synapse_removes_no_messages() -> None:
    server = Server()
    server.breaks["redact"] = [HomeserverError("no", errcode="M_UNRECOGNIZED", status=404)]
    assert (await remove(server, 1)).state is RemovalState.UNSUPPORTED
    server.breaks["redact"] = [HomeserverError("no", errcode="M_FORBIDDEN", status=403)]
    with pytest.raises(HomeserverError):
        await remove(server, 1)


async def test_our_own_new_device_costs_no_other_session() -> None:
    server = Server()
    session = await backend_of(server).open_device(NANO, "NEW")
    await backend_of(server).drop_device(NANO, "OLD")
    assert server.did == [
        ("set password", {"logout_devices": False}),
        ("log in", ("nano", "NEW")),
        ("delete device", "OLD"),
    ]
    assert session.device_id == "NEW"


# -- whose account it is


def account(*, admin: bool = False, deactivated: bool = False) -> AccountState:
    return AccountState(NANO, admin, deactivated)


@pytest.mark.parametrize(
    ("found", "devices", "ours"),
    [
        (None, [], False),
        (account(), [], True),
        (account(), ["NANO1"], True),
        (account(), ["PHONE"], False),
        (account(), ["NANO1", "PHONE"], False),
        (account(), ["nano1"], False),
        (account(admin=True), ["NANO1"], False),
        (account(deactivated=True), [], False),
    ],
)
async def test_which_account_was_made_by_an_act(
    found: AccountState | None, devices: list[str], ours: bool
) -> None:
    server = Server()
    server.found, server.devices = found, devices
    backend = backend_of(server)
    assert await backend.is_ours(TARGET, Attempt(may_be_ours=True)) is ours
    assert not await backend.is_ours(TARGET, Attempt()), "no outcome is unknown"


@pytest.mark.parametrize(("shared", "what"), [(True, "register"), (False, "create")])
@pytest.mark.parametrize("errcode", ["M_FORBIDDEN", "M_UNKNOWN", "M_LIMIT", "M_WEAK_PASSWORD"])
async def test_a_plain_refusal_is_final(shared: bool, what: str, errcode: str) -> None:
    """Also if an account of that name has come meanwhile that has no device (yet)."""
    server = Server()
    server.breaks[what] = [HomeserverError("no", errcode=errcode, status=403)]
    server.found = account()
    with pytest.raises(HomeserverError) as refused:
        await backend_of(server, shared=shared).make(TARGET, FakeAct(server), Attempt())

    assert refused.value.errcode == errcode
    assert server.words() == ["will", what]


@pytest.mark.parametrize(("shared", "what"), [(True, "register"), (False, "create")])
@pytest.mark.parametrize(
    ("unknown", "devices"), [(False, ["PHONE"]), (False, []), (True, ["PHONE"])]
)
async def test_somebody_elses_account_of_that_name_is_not_touched(
    unknown: bool, devices: list[str], shared: bool, what: str
) -> None:
    """However new and empty it looks: only where an outcome is unknown may it be ours."""
    server = Server()
    server.breaks[what] = [NameTaken(NANO)]
    server.found, server.devices = account(), devices
    attempt = Attempt(may_be_ours=unknown)
    with pytest.raises(NameTaken):
        await backend_of(server, shared=shared).make(TARGET, FakeAct(server), attempt)
    assert server.words() == ["will", what]


@pytest.mark.parametrize(
    "lost",
    [
        pytest.param(HomeserverUnreachable("HTTP 502"), id="no answer"),
        pytest.param(
            HomeserverError("no", errcode="M_RESOURCE_LIMIT_EXCEEDED", status=403),
            id="a full server, which makes it and then refuses",
        ),
    ],
)
async def test_what_a_lost_answer_left_behind_is_taken_over_and_its_token_dies(
    lost: Exception,
) -> None:
    server = Server()
    server.breaks["register"] = [lost]
    server.found, server.devices = account(), ["NANO1"]
    attempt = Attempt()
    login = await backend_of(server).make(TARGET, FakeAct(server), attempt)

    assert server.words().count("register") == 1
    assert attempt.may_be_ours
    assert server.did[-1] == ("change password", login.session.token.reveal())


async def test_what_somebody_elses_account_is_after_a_lost_answer_is_not_touched() -> None:
    server = Server()
    server.breaks["register"] = [HomeserverUnreachable("HTTP 502"), NameTaken(NANO)]
    server.found, server.devices = account(), ["PHONE"]
    with pytest.raises(NameTaken):
        await backend_of(server).make(TARGET, FakeAct(server), Attempt())
    assert set(server.words()) == {"will", "register"}
