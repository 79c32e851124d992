"""Notices when a bot's program first shows its device, has the device signed, tells the owner.

The server reports a new device only of accounts that share an encrypted room with us. For all
other bots we have to ask: often enough to see the device within five seconds during the first two
hours, then more and more rarely. One request asks for all due bots, and the number of bots asked
for in a second is bounded: two thousand programs that never start cost next to nothing.
"""

import logging
import time
from collections.abc import Collection
from datetime import timedelta
from typing import Any, NamedTuple

from adminbot.accounts.device_keys import keys_of
from adminbot.accounts.identities import Identities
from adminbot.accounts.signing import Signer
from adminbot.chat.chat import Chat
from adminbot.crypto.crosssigning import DeviceState, device_state, master_key, trusted_devices
from adminbot.errors import AdminbotError, ForeignIdentity
from adminbot.homeserver.client_api import ClientApi
from adminbot.jobs.runner import Job
from adminbot.store import Awaited, Store
from adminbot.trust.lockdown import Lockdown
from adminbot.values import render
from adminbot.values.clock import now
from adminbot.values.ids import UserId, txn_id

log = logging.getLogger(__name__)

_SOONEST_S, _AT_FIRST_S, _LATEST_S = 1.0, 4.0, 3600.0
_FRESH, _OLD = timedelta(hours=2), timedelta(days=7)
_AT_ONCE = 200  # bots in one request
_EACH_S = 0.01  # what asking for one costs the next request in delay
_REREAD_S = 60.0


def pause(age: timedelta) -> float:
    """Seconds between two looks at a bot that has been awaited for `age`.

    A second at first, four for the first two hours; then from 12 seconds to 17 minutes; an hour
    from a week on.
    """
    if age < _FRESH:
        return min(max(age.total_seconds() / 10, _SOONEST_S), _AT_FIRST_S)
    return age.total_seconds() / 600 if age < _OLD else _LATEST_S


class _Planned(NamedTuple):
    """`at`: when to look again, by the monotonic clock. `pause_s`: from the last look to that."""

    at: float
    pause_s: float


class DeviceWatch(Job):
    """Waits for the devices in `store.awaited`, also across restarts."""

    name = "device watch"
    retry_s = 5.0
    broken_s = 60.0

    def __init__(
        self,
        chat: Chat,
        store: Store,
        account: ClientApi,
        signer: Signer,
        lockdown: Lockdown,
        identities: Identities,
    ) -> None:
        super().__init__()
        self._lockdown = lockdown
        self._identities = identities
        self._chat = chat
        self._store = store
        self._account = account
        self._signer = signer
        self._changed = True  # a bot may have been added
        self._read_at = 0.0
        self._free_at = 0.0  # before, only hurried bots are asked for
        self._hurried: set[str] = set()
        self._next: dict[Awaited, _Planned] = {}
        self._published: set[UserId] = set()  # whose identity is known to be out
        # At the last look: the master key, or, where the program picks its device, the devices.
        self._last: dict[Awaited, str | None] = {}

    def wake(self, user_ids: Collection[str] = ()) -> None:
        """A bot was added, or the devices of some users changed: look now."""
        self._changed = self._changed or not user_ids
        self._hurried.update(user_ids)
        super().wake()

    async def round(self) -> float:
        """Look at the due bots, at some if there are many; sign and tell."""
        if await self._lockdown.locked():
            return self.retry_s
        await self._reread()
        hurried, self._hurried = self._hurried, set()
        due = self._due(hurried)
        if due:
            await self._look_at(due, hurried)
        soonest = min((it.at for it in self._next.values()), default=float("inf"))
        next_s = min(max(soonest, self._free_at) - time.monotonic(), _REREAD_S)
        return max(next_s, 0.05)

    async def _look_at(self, due: list[Awaited], hurried: set[str]) -> None:
        """One request for all due bots; then deal with each and plan the next look."""
        try:
            answer = await self._account.query_keys(*(it.user_id for it in due))
        except AdminbotError:
            self._hurried |= hurried
            raise
        self._free_at = time.monotonic() + _EACH_S * len(due)
        for awaited in due:
            self._plan(awaited, failed=True)  # also where a bug ends the round here
            if await self._look(awaited, answer):
                self._plan(awaited)

    async def _reread(self) -> None:
        """Read the awaited bots anew when there may be others. A newcomer is due at once."""
        if not self._changed and time.monotonic() - self._read_at < _REREAD_S:
            return
        self._changed = False
        try:
            every = await self._store.awaited.all()
        except AdminbotError:
            self._changed = True
            raise
        self._read_at = time.monotonic()
        moment = now()
        self._next = {
            it: self._next.get(it) or _Planned(self._read_at, pause(moment - it.since))
            for it in every
        }
        self._last = {it: self._last[it] for it in every if it in self._last}

    def _due(self, hurried: set[str]) -> list[Awaited]:
        """Hurried bots first, then by lateness in proportion to the pause.

        Bots that would be due soon are served by the same request.
        """
        at = time.monotonic()
        may_ask = at >= self._free_at and any(it.at <= at for it in self._next.values())
        found = [
            (str(it.user_id) not in hurried, (plan.at - at) / plan.pause_s, it)
            for it, plan in self._next.items()
            if (may_ask and plan.at - plan.pause_s / 2 <= at) or str(it.user_id) in hurried
        ]
        found.sort(key=lambda entry: entry[:2])
        return [it for _, _, it in found[:_AT_ONCE]]

    def _plan(self, awaited: Awaited, *, failed: bool = False) -> None:
        """Plan the next look: an hour later where the server reports the device anyway."""
        if failed:
            pause_s = self.broken_s
        elif self._chat.rooms.shares_encrypted_room(awaited.user_id):
            pause_s = _LATEST_S
        else:
            pause_s = pause(now() - awaited.since)
        self._next[awaited] = _Planned(time.monotonic() + pause_s, pause_s)

    async def _look(self, awaited: Awaited, answer: dict[str, Any]) -> bool:
        """Publish a bot's identity; sign the device once the device is there, tell the owner.

        Returns False if something failed: look again soon.
        """
        name, shown = awaited.user_id.localpart, answer["device_keys"].get(str(awaited.user_id))
        if shown and not await self._store.awaited.holds(awaited):  # signed out meanwhile
            self._changed = True
            return True
        if not awaited.device_id:
            return await self._take_picked(awaited, answer)
        try:
            is_there = await self._is_trusted(awaited, answer)
        except ForeignIdentity as exc:
            # The program made an identity before we could, or the owner did.
            await self._tell(awaited, f"⚠️ `{name}`: {exc} {exc.hint}")
            await self._store.signs_itself(awaited.user_id)
            self._changed = True
        except AdminbotError as exc:
            log.warning("not signed yet user=%s why=%s", awaited.user_id, exc)
            return False
        else:
            if is_there:
                await self._tell(awaited, f"✅ `{name}` is online and trusted.")
                await self._store.awaited.arrived(awaited)
                self._changed = True
        return True

    async def _take_picked(self, awaited: Awaited, answer: dict[str, Any]) -> bool:
        """Where the program picks its device: the only device with keys is the bot's.

        Of several a person has to choose, and is told so whenever there are other ones, and after
        a restart. Returns False if something failed: look again soon.
        """
        user_id, name = str(awaited.user_id), awaited.user_id.localpart
        with_keys = sorted(trusted_devices(answer, user_id, None))
        before, self._last[awaited] = self._last.get(awaited), " ".join(with_keys)
        if len(with_keys) > 1 and self._last[awaited] != before:
            await self._tell(
                awaited,
                f"⚠️ `{name}` shows {len(with_keys)} devices, so I cannot tell which is its "
                f"program's. Look: `!devices {name}`. Then: `!trust {name} DEVICE`",
            )
        if len(with_keys) != 1:
            return True
        await self._store.takes_device(awaited.user_id, with_keys[0])
        log.info("device picked user=%s device=%s", user_id, with_keys[0])
        self._changed = True
        return True

    async def _is_trusted(self, awaited: Awaited, answer: dict[str, Any]) -> bool:
        """Whether the device is there and signed by the identity that counts; if need be, by us.

        Raises AdminbotError; ForeignIdentity: the account has an identity of another maker.
        """
        user_id, device_id = str(awaited.user_id), awaited.device_id
        master = master_key(answer, user_id)
        is_shown = device_id in answer["device_keys"].get(user_id, {})
        if not is_shown and self._last.get(awaited, "") == master:
            return False  # as at the last look: of thousands that is nearly all
        bot = await self._store.bots.find(awaited.user_id)
        counts = await self._identities.counts(bot, answer) if bot else ""
        state = device_state(answer, user_id, device_id, counts)
        if not awaited.own_identity and (is_shown or awaited.user_id not in self._published):
            await self._signer.ensure(awaited.user_id)
            self._published.add(awaited.user_id)
        self._last[awaited] = master
        if awaited.own_identity and state is not DeviceState.TRUSTED:
            return False
        if state in (DeviceState.NEVER_STARTED, DeviceState.REPLACED):
            return False  # `counts` has rung the alarm for a replaced identity
        device = trusted_devices(answer, user_id, None)[device_id]
        if state is not DeviceState.TRUSTED:
            known = await self._store.device_keys.find(awaited.user_id, device_id)
            if known and not known.are(keys_of(device)):
                return False  # signed before a crash, and changed since: that rings elsewhere
            await self._signer.sign(awaited.user_id, device)
            log.info("device signed user=%s device=%s", user_id, device_id)
        await self._store.device_keys.remember(awaited.user_id, device_id, keys_of(device))
        return True

    async def _tell(self, awaited: Awaited, text: str) -> None:
        """Tell the owner, once also across a crash: the transaction id is the same again."""
        if not self._chat.rooms.trusted_devices(awaited.tell):
            log.info("nobody to tell of an arrival user=%s", awaited.user_id)
            return
        try:
            room_id = await self._chat.direct_chats.ready(awaited.tell)
            txn = txn_id("arrived", awaited.user_id, awaited.device_id, text)
            await self._chat.send(room_id, render.notice(text), txn=txn)
        except AdminbotError as exc:
            log.warning("not told of an arrival user=%s why=%s", awaited.user_id, exc)
