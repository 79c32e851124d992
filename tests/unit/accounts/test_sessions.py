"""How an account gets a session, and whose account it must be: in which order. No server."""

from dataclasses import replace
from typing import Any

import pytest

from adminbot.accounts.newaccount import Attempt, NewAccounts
from adminbot.accounts.order import Order
from adminbot.accounts.sessions import Sessions
from adminbot.errors import HomeserverError, HomeserverUnreachable, NameTaken
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import AccountState, Device, Session
from adminbot.store import ActNote, Bot
from adminbot.values.clock import now
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

pytestmark = pytest.mark.anyio

YOU, NANO = UserId("you", "example.org"), UserId("nano", "example.org")
BOT = Bot(NANO, "Nano", "NANO1", False, YOU, now(), now())
NOTED = ActNote("$act", str(YOU), "newbot", str(NANO), None, "NANO1")


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

    def order(self) -> Order:
        async def say(text: str) -> None:
            raise AssertionError(text)

        async def will(what: str) -> None:
            self.did.append(("will", what))

        async def check() -> None:
            raise AssertionError("nothing is waited for")

        return Order(YOU, "$act", say=say, will=will, check=check)


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


def sessions_of(server: Server) -> Sessions:
    return Sessions(FakeSynapse(server), FakeAccount(server))


async def test_a_token_is_renewed_in_place_and_every_older_one_ends() -> None:
    server = Server()
    session, password = await sessions_of(server).renew_in_place(BOT, server.order())

    assert server.did == [
        ("will", "set a password"),
        ("set password", {"logout_devices": False}),
        ("will", "log in"),
        ("log in", ("nano", "NANO1")),
        ("will", "end every other session"),
        ("change password", "syt_1"),
    ]
    assert session == Session(NANO, "NANO1", Secret("syt_1"))
    assert password.reveal() == server.password


async def test_whoever_uses_the_old_token_has_the_new_one_before_the_old_one_ends() -> None:
    server = Server()

    async def take_over(session: Session) -> None:
        server.did.append(("taken over", session.token.reveal()))

    await sessions_of(server).renew_in_place(BOT, server.order(), take_over)
    words = server.words()
    assert words.index("log in") < words.index("taken over") < words.index("change password")


@pytest.mark.parametrize("what", ["set password", "log in", "change password"])
async def test_when_an_answer_is_lost_all_is_made_anew(what: str) -> None:
    """The token of a login whose answer was lost is ended with the others."""
    server = Server()
    server.breaks[what] = [HomeserverUnreachable("HTTP 502")]
    session, password = await sessions_of(server).renew_in_place(BOT, server.order())

    assert server.words()[-6:] == [
        *("will", "set password", "will", "log in", "will", "change password")
    ]
    assert server.did[-1] == ("change password", session.token.reveal())
    assert password.reveal() == server.password


async def test_a_fresh_device_begins_with_everything_signed_out() -> None:
    server = Server()
    await sessions_of(server).start_afresh(replace(BOT, device_id="NANO2"), server.order())

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
        await sessions_of(server).renew_in_place(BOT, server.order())
    assert server.words().count("log in") == 1
    assert "change password" not in server.words()


# -- whose account it is


def accounts_of(server: Server, *, shared: bool = True) -> NewAccounts:
    secret = Secret("shared") if shared else None
    return NewAccounts(FakeSynapse(server), sessions_of(server), secret)


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
    accounts = accounts_of(server)
    assert await accounts.is_ours(Attempt(may_be_ours=True), NOTED, NANO) is ours
    assert not await accounts.is_ours(Attempt(), NOTED, NANO), "no outcome is unknown"


@pytest.mark.parametrize(("shared", "what"), [(True, "register"), (False, "create")])
@pytest.mark.parametrize("errcode", ["M_FORBIDDEN", "M_UNKNOWN", "M_LIMIT", "M_WEAK_PASSWORD"])
async def test_a_plain_refusal_is_final(shared: bool, what: str, errcode: str) -> None:
    """Also if an account of that name has come meanwhile that has no device (yet)."""
    server = Server()
    server.breaks[what] = [HomeserverError("no", errcode=errcode, status=403)]
    server.found = account()
    with pytest.raises(HomeserverError) as refused:
        await accounts_of(server, shared=shared).make(BOT, NOTED, server.order(), Attempt())

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
        await accounts_of(server, shared=shared).make(BOT, NOTED, server.order(), attempt)
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
    session, _ = await accounts_of(server).make(BOT, NOTED, server.order(), attempt)

    assert server.words().count("register") == 1
    assert attempt.may_be_ours
    assert server.did[-1] == ("change password", session.token.reveal())


async def test_what_somebody_elses_account_is_after_a_lost_answer_is_not_touched() -> None:
    server = Server()
    server.breaks["register"] = [HomeserverUnreachable("HTTP 502"), NameTaken(NANO)]
    server.found, server.devices = account(), ["PHONE"]
    with pytest.raises(NameTaken):
        await accounts_of(server).make(BOT, NOTED, server.order(), Attempt())
    assert set(server.words()) == {"will", "register"}
