"""Accounts kept by Synapse itself: the admin API, and sessions opened by password.

Nothing is remembered here: passwords live as long as a call.

Sources: Synapse's docs/admin_api; measurements on Synapse 1.163 where the documents are silent.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime

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
from adminbot.accounts.backends.checks import check_may_change
from adminbot.accounts.backends.login_limit import log_in
from adminbot.accounts.backends.lost_answers import TRIES, until_known
from adminbot.accounts.backends.removal import remove_messages
from adminbot.errors import (
    AccountGone,
    HomeserverError,
    HomeserverUnreachable,
    NameTaken,
    Paused,
)
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.synapse_admin import SynapseAdmin
from adminbot.homeserver.values import (
    AccountState,
    Device,
    PersonSeen,
    Removal,
    RoomFacts,
    Session,
    SigningUp,
    SignUpToken,
)
from adminbot.values.ids import UserId
from adminbot.values.secret import Secret, new_password

log = logging.getLogger(__name__)

_ACTING_S = 60  # counted by the server's clock, see `SynapseAdmin.log_in_as`


class SynapseBackend(AccountBackend):
    """With the registration shared secret, an account is made in one request, else in three."""

    can = frozenset(Can)

    def __init__(
        self, synapse: SynapseAdmin, account: ClientApi, shared_secret: Secret | None
    ) -> None:
        self._synapse = synapse
        self._account = account
        self._shared_secret = shared_secret

    # -- making

    async def check_name_free(self, user_id: UserId) -> None:
        await self._synapse.check_name_free(user_id)

    async def make(self, target: Target, act: Act, attempt: Attempt) -> Login:
        for _ in range(TRIES):
            try:
                return await self._make_once(target, act, attempt)
            except HomeserverUnreachable as exc:
                log.warning("outcome unknown, looking it up user=%s why=%s", target.user_id, exc)
                attempt.may_be_ours = True
            except NameTaken:  # perhaps by our own earlier request, whose answer was lost
                if not await self.is_ours(target, attempt):
                    raise
            except HomeserverError as exc:
                if exc.errcode != "M_RESOURCE_LIMIT_EXCEEDED":
                    raise
                # The server is full (monthly active users), yet has made the account already.
                attempt.may_be_ours = True
            if await self.is_ours(target, attempt):
                await self._set_up(target, new_password(), act)
                return await self.renew(target, act)
        raise HomeserverUnreachable("several tries")

    async def _make_once(self, target: Target, act: Act, attempt: Attempt) -> Login:
        password = new_password()
        await act.step(MAKE)
        if self._shared_secret:
            session = await self._synapse.register(
                self._shared_secret,
                target.user_id.localpart,
                password=password,
                display_name=target.display_name,
                device_id=target.device_id,
            )
            attempt.may_be_ours = True
            return Login(session, password)
        # Not the name and password at once: on an account that exists, the same request with a
        # password would replace the password and log everybody out.
        await self._synapse.create_blank(target.user_id)
        attempt.may_be_ours = True
        await self._set_up(target, password, act)
        return Login(await log_in(self._account, target, password, act), password)

    async def _set_up(self, target: Target, password: Secret, act: Act) -> None:
        await act.step("give it its name")
        await self._synapse.set_up(
            target.user_id, display_name=target.display_name, password=password
        )

    async def is_ours(self, target: Target, attempt: Attempt) -> bool:
        """Whether the account can only have come of `attempt`. No read unless `may_be_ours`.

        The name was free when the act was noted. Another person's account of since then would have
        a device of its own, or be an admin's; ours has the target's device or none.
        """
        if not attempt.may_be_ours:
            return False
        account = await self.find(target.user_id)
        if account is None or account.is_admin or account.is_deactivated:
            return False
        devices = {device.device_id for device in await self.devices(target.user_id)}
        return devices <= {target.device_id}

    async def make_person(
        self, target: Target, password: Secret, act: Act, attempt: Attempt
    ) -> None:
        # Blank first: a request with a password in it would overwrite an account that exists.
        if not await self.is_ours(target, attempt):
            await act.step(MAKE)
            try:
                await self._synapse.create_blank(target.user_id)
            except HomeserverUnreachable:
                attempt.may_be_ours = True
                if not await self.is_ours(target, attempt):
                    raise
            attempt.may_be_ours = True
        await act.step("give it its name and password")
        await self._synapse.people.set_up_person(
            target.user_id, display_name=target.display_name, password=password
        )

    # -- sessions

    async def renew(
        self, target: Target, act: Act, take_over: TakeOver | None = None, *, meanwhile: str = ""
    ) -> Login:
        """1. Set a password by the admin API, logging nobody out. 2. Log in on the same device.

        3. With the new token, change the password and log all other sessions out: the only request
        that spares the device. After a stop after 1 nothing is lost; after 2 the older token
        lives, too; after 3 nobody has the new token. A lost answer is such a stop. `take_over` is
        called before 3.
        """
        first, second = new_password(), new_password()

        async def once() -> Session:
            await act.step("set a password")
            # Synapse's default, True, would delete all devices with their keys.
            await self._synapse.set_password(target.user_id, first, logout_devices=False)
            session = await log_in(self._account, target, first, act, meanwhile)
            if take_over:
                await take_over(session)
            # The login left the older token of this device alive (Synapse issue 6616).
            await act.step("end every other session")
            await self._account.change_password(session, old=first, new=second)
            return session

        return Login(await until_known(once), second)

    async def start_afresh(self, target: Target, act: Act) -> Login:
        password = new_password()

        async def once() -> Session:
            await act.step("sign everything out")
            await self._synapse.set_password(target.user_id, password, logout_devices=True)
            return await log_in(self._account, target, password, act)

        return Login(await until_known(once), password)

    async def sign_out(self, user_id: UserId, act: NotedAct) -> None:
        await act.step("sign it out everywhere")
        await check_may_change(self, user_id)
        await self._synapse.set_password(user_id, new_password(), logout_devices=True)

    async def end_session(self, user_id: UserId, device_id: str, act: NotedAct) -> None:
        await act.step("end a session")
        await check_may_change(self, user_id)
        await self._synapse.delete_device(user_id, device_id)

    async def remove_messages(self, user_id: UserId, act: NotedAct) -> Removal:
        await act.step("remove its messages")
        return await remove_messages(self._synapse.messages, user_id)

    async def close(self, user_id: UserId, act: NotedAct, *, erase: bool = False) -> None:
        await act.step("deactivate it")
        with suppress(AccountGone):
            await self._synapse.deactivate(user_id, erase=erase)

    async def lock(self, user_id: UserId, act: NotedAct) -> None:
        await act.step("lock it")
        await check_may_change(self, user_id)
        await self._synapse.set_locked(user_id, locked=True)

    async def unlock(self, user_id: UserId, act: NotedAct) -> None:
        await act.step("unlock it")
        await check_may_change(self, user_id)
        await self._synapse.set_locked(user_id, locked=False)

    async def set_password(
        self, user_id: UserId, password: Secret, act: NotedAct, *, keep_sessions: bool
    ) -> None:
        await act.step("set a password")
        await check_may_change(self, user_id)
        await self._synapse.set_password(user_id, password, logout_devices=not keep_sessions)

    @asynccontextmanager
    async def acting_as(self, user_id: UserId) -> AsyncIterator[ClientApi]:
        token = await self._synapse.log_in_as(user_id, for_s=_ACTING_S)
        account = self._account.acting_with(token)
        try:
            yield account
        except HomeserverError as exc:
            if exc.errcode == "M_USER_LOCKED":
                raise Paused(user_id) from exc
            raise
        finally:
            with suppress(HomeserverError):  # the session ends by itself
                await account.log_out()

    # -- signing up

    async def sign_up_tokens(self) -> list[SignUpToken]:
        return await self._synapse.people.tokens()

    async def make_sign_up_token(
        self, token: Secret, act: NotedAct, *, uses: int, until: datetime
    ) -> None:
        await act.step("make a sign-up token")
        await self._synapse.people.make_token(token, uses=uses, until=until)

    async def drop_sign_up_token(self, token: Secret, act: NotedAct) -> None:
        await act.step("take a sign-up token away")
        await self._synapse.people.drop_token(token)

    async def signing_up(self) -> SigningUp:
        return await self._synapse.people.signing_up()

    # -- our own account

    async def open_device(self, user_id: UserId, device_id: str) -> Session:
        password = new_password()
        await self._synapse.set_password(user_id, password, logout_devices=False)
        return await self._account.log_in(
            user_id.localpart, password, device_id=device_id, device_name="adminbot"
        )

    async def drop_device(self, user_id: UserId, device_id: str) -> None:
        await self._synapse.delete_device(user_id, device_id)

    # -- looking

    async def devices(self, user_id: UserId) -> list[Device]:
        return await self._synapse.devices(user_id)

    async def find(self, user_id: UserId) -> AccountState | None:
        return await self._synapse.find_account(user_id)

    async def names_with(self, text: str) -> list[str]:
        return await self._synapse.people.names_with(text)

    async def is_reserved(self, user_id: UserId) -> bool:
        return await self._synapse.is_reserved(user_id)

    async def people(self, word: str, *, start: int, count: int) -> tuple[list[PersonSeen], int]:
        return await self._synapse.people.page(word, start=start, count=count)

    async def rooms(self, user_id: UserId) -> list[str]:
        return await self._synapse.rooms.joined_by(user_id)

    async def room(self, room_id: str) -> RoomFacts:
        return await self._synapse.rooms.facts(room_id)

    async def addresses(self, user_id: UserId) -> list[str]:
        return await self._synapse.whois(user_id)
