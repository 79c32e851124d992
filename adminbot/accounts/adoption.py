"""Taking an existing account into care. Nothing on the server is changed by that."""

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from adminbot.accounts.act import Acts, Order
from adminbot.accounts.backends.base import AccountBackend, Can
from adminbot.accounts.registry import Registry
from adminbot.crypto.crosssigning import master_key, trusted_devices
from adminbot.errors import AccountGone, NoSuchAccount, Protected, Refused, UsageError
from adminbot.homeserver.client_api import ClientApi
from adminbot.homeserver.values import AccountState, Device
from adminbot.store import Bot, Store
from adminbot.values.clock import now
from adminbot.values.ids import MOST_OF_A_USER_ID, UserId, is_device_id, is_localpart

_ALIKE = 2  # letters at the beginning of a mistyped name that are taken for right


@dataclass(frozen=True, slots=True)
class Candidate:
    """An account that may be taken into care, as the server shows the account now.

    `device_id`: the device with keys that was seen last. `master`: the master key of the account's
    own cross-signing identity. None: there is no such thing.
    """

    account: AccountState
    devices: tuple[Device, ...]
    device_id: str | None
    master: str | None
    rooms: int
    was_used: bool

    @property
    def user_id(self) -> UserId:
        return self.account.user_id

    @property
    def last_seen(self) -> datetime | None:
        return max((it.last_seen for it in self.devices if it.last_seen), default=None)

    @property
    def seems_in_use(self) -> bool:
        """Whether a person seems to use the account, who does not know of our care.

        Only a server admin makes an account of type `bot`; all others may be a person's.
        """
        return self.account.user_type != "bot" and bool(self.devices or self.was_used)

    def adopted_by(self, who: UserId) -> Bot:
        """The account as a bot of ours."""
        moment = now()
        return Bot(
            user_id=self.user_id,
            display_name=self.account.display_name or self.user_id.localpart,
            device_id=self.device_id,
            has_password=False,
            made_by=who,
            made_at=self.account.made_at or moment,
            token_at=moment if self.devices else None,
            # An identity from before stays the owner's: we have no key of it, and make none.
            own_identity=self.master is not None,
            is_paused=self.account.is_locked,
            adopted_at=moment,
        )


class Adoption:
    """Takes accounts into care that were not made here."""

    def __init__(
        self,
        registry: Registry,
        account: ClientApi,
        backend: AccountBackend,
        acts: Acts,
        store: Store,
    ) -> None:
        self._registry = registry
        self._account = account
        self._backend = backend
        self._acts = acts
        self._store = store

    async def look(self, typed: str) -> Candidate:
        """The account that may be adopted. Changes nothing.

        Raises:
            UsageError: no user id, or one of another server.
            NoSuchAccount: there is none of that name.
            Refused: the account is protected, a bridge's, closed, or in our care already.
            HomeserverError.
        """
        user_id = self._user_id(typed)
        self._registry.check_unprotected(user_id)
        if await self._store.bots.find(user_id):
            raise Refused(
                f"`{user_id}` is one of my bots already.", f"More: `!bot {user_id.localpart}`"
            )
        account = await self._backend.find(user_id)
        if account is None:
            raise NoSuchAccount(user_id, typed, *await self._like(user_id.localpart))
        await self._check_may_be_adopted(account)
        try:
            devices, addresses, rooms, keys = await asyncio.gather(
                self._backend.devices(user_id),
                self._addresses(user_id),
                self._backend.rooms(user_id),
                self._account.query_keys(user_id),
            )
        except AccountGone:
            raise NoSuchAccount(user_id, typed) from None
        with_keys = trusted_devices(keys, str(user_id), None)
        latest = sorted(devices, key=lambda it: it.last_seen.timestamp() if it.last_seen else 0)
        usable = [it.device_id for it in latest if self._is_usable(it.device_id, with_keys)]
        return Candidate(
            account=account,
            devices=tuple(devices),
            device_id=usable[-1] if usable else None,
            master=master_key(keys, str(user_id)),
            rooms=len(rooms),
            was_used=bool(addresses),
        )

    def _is_usable(self, device_id: str, with_keys: Collection[str]) -> bool:
        """Whether a device can be the bot's: see `Creation` for our own device id."""
        is_ours = device_id == self._registry.own.device_id
        return device_id in with_keys and is_device_id(device_id) and not is_ours

    def _user_id(self, typed: str) -> UserId:
        """Raises UsageError."""
        localpart, colon, server = typed.strip().removeprefix("@").partition(":")
        if colon and server != self._registry.server:
            raise UsageError(
                f"I care for accounts on {self._registry.server} only. Nothing was changed.",
                "`!users` lists the people here.",
            )
        is_short = len(f"@{localpart}:{self._registry.server}") <= MOST_OF_A_USER_ID
        if not (is_localpart(localpart) and is_short):
            raise UsageError(
                "That is no user id. Nothing was changed.",
                f"Type: `!adopt @name:{self._registry.server}`",
            )
        return self._registry.user_id(localpart)

    async def _check_may_be_adopted(self, account: AccountState) -> None:
        """Raises Refused, HomeserverError."""
        user_id = account.user_id
        if account.is_admin:
            raise Protected(user_id)
        if account.appservice_id or await self._backend.is_reserved(user_id):
            raise Refused(
                f"`{user_id}` belongs to a bridge (application service), which cares for it "
                "itself. Nothing was changed."
            )
        if account.is_deactivated:
            was_ours = await self._store.bots.was_deleted(user_id)
            once = "was one of my bots, and is" if was_ours else "is"
            raise Refused(
                f"`{user_id}` {once} closed for good: there is nothing to care for.",
                f"For another one: `!newbot {user_id.localpart}2`",
            )

    async def _like(self, name: str) -> list[str]:
        """The name of the account that was probably meant, if one begins alike."""
        names = await self._backend.names_with(name[:_ALIKE])
        return get_close_matches(name, names, n=1, cutoff=0.7)

    async def _addresses(self, user_id: UserId) -> list[str]:
        """Where the account was used from; the server forgets after a month."""
        if Can.ADDRESSES not in self._backend.can:
            return []
        return await self._backend.addresses(user_id)

    async def adopt(self, typed: str, order: Order, *, also_in_use: bool) -> Bot:
        """Take an account into care, by what the server says of the account now.

        `also_in_use`: the person has said so twice. Nothing on the server is changed: the store
        has the bot and the act's end in one transaction. If the process dies before, nothing has
        happened, and the second run looks once more.

        Raises: as `look`; Refused also where a person has begun to use the account; Superseded.
        """
        async with self._acts.begin("adopt", self._user_id(typed), order) as act:
            candidate = await self.look(typed)
            if candidate.seems_in_use and not also_in_use:
                raise Refused(
                    f"`{candidate.user_id}` is in use since a moment ago. Nothing was changed.",
                    f"Look again: `!adopt {candidate.user_id.localpart}`",
                )
            await act.note()
            bot = candidate.adopted_by(act.who)
            await self._store.adopted(bot, event_id=order.event_id, master_key=candidate.master)
            return bot
