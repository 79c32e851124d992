"""A second kind of account, complete and kept by hand: one that renews a token in one step.

After the pattern of MAS: accounts have sessions and no passwords, an account is made first and
gets its session then, and what is shown of its use is nothing. No HTTP: this is the backend
itself, for what stands above the seam.
"""

import asyncio
import itertools
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adminbot.accounts.act import Act, NotedAct
from adminbot.accounts.backends.base import (
    MAKE,
    AccountBackend,
    Attempt,
    Can,
    Login,
    TakeOver,
    Target,
)
from adminbot.errors import AccountGone, ForeignIdentity, NameTaken
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import (
    AccountState,
    Device,
    PersonSeen,
    Removal,
    RemovalState,
    RoomFacts,
    Session,
    SigningUp,
    SignUpToken,
)
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret

JSON = dict[str, Any]


@dataclass
class Account:
    """An account: device id → access token."""

    tokens: dict[str, str] = field(default_factory=dict)
    is_locked: bool = False
    is_closed: bool = False


class KeyServer(ClientApi):
    """Devices' keys and cross-signing identities; whoever asks may upload for anybody."""

    def __init__(self) -> None:
        self._answer: defaultdict[str, JSON] = defaultdict(dict)

    def device_starts(self, user_id: UserId, keys: JSON) -> None:
        """A program publishes its device's keys."""
        devices = self._answer["device_keys"].setdefault(str(user_id), {})
        devices[keys["device_id"]] = keys

    def forget_devices(self, user_id: UserId) -> None:
        self._answer["device_keys"].pop(str(user_id), None)

    async def query_keys(self, *user_ids: UserId) -> JSON:
        return {"device_keys": {}, **self._answer}

    async def upload_cross_signing(self, body: JSON) -> None:
        user_id = body["master_key"]["user_id"]
        if (
            self._answer["master_keys"].setdefault(user_id, body["master_key"])
            != (body["master_key"])
        ):
            raise ForeignIdentity(user_id)
        self._answer["self_signing_keys"][user_id] = body["self_signing_key"]

    async def upload_signatures(self, body: JSON) -> None:
        for user_id, devices in body.items():
            for device_id, signed in devices.items():
                known = self._answer["device_keys"][user_id][device_id]
                known["signatures"][user_id] |= signed["signatures"][user_id]

    async def set_account_data(self, user_id: UserId, kind: str, body: JSON) -> None:
        self._answer[kind][str(user_id)] = body


class OneStepBackend(AccountBackend):
    """Accounts without passwords. `did`: each request that changed something, in order.

    `dies_at`: the request that the process does not survive; the request itself is not made.
    """

    can: frozenset[Can] = frozenset()

    def __init__(self) -> None:
        self.accounts: dict[UserId, Account] = {}
        self.keys = KeyServer()
        self.did: list[str] = []
        self.dies_at = ""
        self.hangs = False
        self._numbers = itertools.count(1)

    def alive(self, token: str) -> bool:
        return any(
            token in account.tokens.values() and not account.is_locked
            for account in self.accounts.values()
        )

    async def _request(self, what: str) -> None:
        self.hangs = what == self.dies_at
        if self.hangs:
            await asyncio.Event().wait()  # until the process is ended
        self.did.append(what)

    def _there(self, user_id: UserId) -> Account:
        if user_id not in self.accounts:
            raise AccountGone
        return self.accounts[user_id]

    async def _open(self, user_id: UserId, device_id: str) -> Login:
        await self._request("open a session")
        token = f"mpt_{next(self._numbers)}"
        self._there(user_id).tokens[device_id] = token
        return Login(Session(user_id, device_id, Secret(token)), None)

    # -- making

    async def check_name_free(self, user_id: UserId) -> None:
        if user_id in self.accounts:
            raise NameTaken(user_id)

    async def make(self, target: Target, act: Act, attempt: Attempt) -> Login:
        if not await self.is_ours(target, attempt):
            await act.step(MAKE)
            if target.user_id in self.accounts:
                raise NameTaken(target.user_id)
            await self._request("make an account")
            self.accounts[target.user_id] = Account()
            attempt.may_be_ours = True
        await act.step("open its session")
        return await self._open(target.user_id, target.device_id)

    async def is_ours(self, target: Target, attempt: Attempt) -> bool:
        account = self.accounts.get(target.user_id)
        if not attempt.may_be_ours or account is None or account.is_closed:
            return False
        return account.tokens.keys() <= {target.device_id}

    # -- sessions

    async def renew(
        self, target: Target, act: Act, take_over: TakeOver | None = None, *, meanwhile: str = ""
    ) -> Login:
        await act.step("renew its token")
        await self._request("renew a token")
        token = f"mpt_{next(self._numbers)}"
        self._there(target.user_id).tokens[target.device_id] = token
        session = Session(target.user_id, target.device_id, Secret(token))
        if take_over:
            await take_over(session)
        return Login(session, None)

    async def start_afresh(self, target: Target, act: Act) -> Login:
        await self.sign_out(target.user_id, act)
        await act.step("open its session")
        return await self._open(target.user_id, target.device_id)

    async def sign_out(self, user_id: UserId, act: NotedAct) -> None:
        for device_id in list(self._there(user_id).tokens):
            await act.step(f"end its session {device_id}")
            await self._request("end a session")
            del self.accounts[user_id].tokens[device_id]
        self.keys.forget_devices(user_id)

    async def end_session(self, user_id: UserId, device_id: str, act: NotedAct) -> None:
        await act.step("end a session")
        await self._request("end a session")
        self._there(user_id).tokens.pop(device_id, None)

    async def remove_messages(self, user_id: UserId, act: NotedAct) -> Removal:
        await act.step("remove its messages")
        await self._request("remove messages")
        return Removal(RemovalState.DONE)

    async def close(self, user_id: UserId, act: NotedAct, *, erase: bool = False) -> None:
        await act.step("deactivate it")
        await self._request("deactivate an account")
        self.accounts[user_id] = Account(is_closed=True)

    async def lock(self, user_id: UserId, act: NotedAct) -> None:
        await act.step("lock it")
        await self._request("lock an account")
        self._there(user_id).is_locked = True

    async def unlock(self, user_id: UserId, act: NotedAct) -> None:
        await act.step("unlock it")
        await self._request("unlock an account")
        self._there(user_id).is_locked = False

    async def set_password(
        self, user_id: UserId, password: Secret, act: NotedAct, *, keep_sessions: bool
    ) -> None:
        raise AssertionError("whoever asks has looked at `can`")

    @asynccontextmanager
    async def acting_as(self, user_id: UserId) -> AsyncIterator[ClientApi]:
        self._there(user_id)
        yield self.keys

    # -- our own account

    async def open_device(self, user_id: UserId, device_id: str) -> Session:
        return (await self._open(user_id, device_id)).session

    async def drop_device(self, user_id: UserId, device_id: str) -> None:
        self._there(user_id).tokens.pop(device_id, None)

    # -- looking

    async def devices(self, user_id: UserId) -> list[Device]:
        return [Device(device_id, None) for device_id in self._there(user_id).tokens]

    async def find(self, user_id: UserId) -> AccountState | None:
        account = self.accounts.get(user_id)
        if account is None:
            return None
        return AccountState(user_id, False, account.is_closed, account.is_locked)

    async def names_with(self, text: str) -> list[str]:
        return [it.localpart for it in self.accounts if text in it.localpart]

    async def is_reserved(self, user_id: UserId) -> bool:
        return user_id.localpart.startswith("_")

    async def make_person(
        self, target: Target, password: Secret, act: Act, attempt: Attempt
    ) -> None:
        raise AssertionError("accounts have no passwords here")

    async def people(self, word: str, *, start: int, count: int) -> tuple[list[PersonSeen], int]:
        found = sorted(user_id for user_id in self.accounts if word in user_id.localpart)
        shown = [PersonSeen(it, "", False, False, None) for it in found[start : start + count]]
        return shown, len(found)

    async def sign_up_tokens(self) -> list[SignUpToken]:
        raise AssertionError("there are no sign-up tokens here")

    async def make_sign_up_token(
        self, token: Secret, act: NotedAct, *, uses: int, until: datetime
    ) -> None:
        raise AssertionError("there are no sign-up tokens here")

    async def drop_sign_up_token(self, token: Secret, act: NotedAct) -> None:
        raise AssertionError("there are no sign-up tokens here")

    async def signing_up(self) -> SigningUp:
        return SigningUp.SHUT

    async def room(self, room_id: str) -> RoomFacts:
        return RoomFacts(room_id)

    async def rooms(self, user_id: UserId) -> list[str]:
        return []

    async def addresses(self, user_id: UserId) -> list[str]:
        raise AssertionError("whoever asks has looked at `can`")
