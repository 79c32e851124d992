"""Notices when a bot's program first shows its device, has it signed, and tells its owner.

Nothing tells us of a program that starts somewhere, unless we share an encrypted room with it.
So we look: every second at first, and more and more rarely the longer nothing comes.
"""

import asyncio
import logging
import time
import zlib
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from adminbot import render
from adminbot.account import Account
from adminbot.chat import Chat
from adminbot.clock import now
from adminbot.crosssigning import DeviceState, device_state, trusted_devices
from adminbot.errors import AdminbotError, ForeignIdentity
from adminbot.identities import Identities
from adminbot.ids import UserId
from adminbot.restraint import Restraint
from adminbot.signer import Signer
from adminbot.store import Awaited, Store

log = logging.getLogger(__name__)

_SOONEST_S, _LATEST_S = 1.0, 60.0
_RETRY_S = 10.0
_IDLE_S = 3600.0


def pause(age: timedelta) -> float:
    """Seconds between two looks at a bot that has been awaited for `age`."""
    return min(max(age.total_seconds() / 10, _SOONEST_S), _LATEST_S)


def _pause(awaited: Awaited) -> float:
    return pause(now() - awaited.since)


class Arrivals:
    """Waits for the devices in `Store.awaited`; survives restarts."""

    def __init__(
        self,
        chat: Chat,
        store: Store,
        account: Account,
        signer: Signer,
        restraint: Restraint,
        identities: Identities,
    ) -> None:
        self._restraint = restraint
        self._identities = identities
        self._chat = chat
        self._store = store
        self._account = account
        self._signer = signer
        self._wake = asyncio.Event()
        self._hurried: set[str] = set()
        self._looked: dict[Awaited, float] = {}
        self._published: set[UserId] = set()  # whose identity is known to be out

    def hurry(self, user_ids: Collection[str] = ()) -> None:
        """Somebody was added, or these users' devices changed: look now."""
        self._hurried.update(user_ids)
        self._wake.set()

    async def forever(self) -> None:
        """Look, sign and tell, until cancelled."""
        while True:
            self._wake.clear()
            try:
                wait_s = await self._round()
            except AdminbotError as exc:
                log.warning("could not look for arrivals why=%s", exc)
                wait_s = _RETRY_S
            except Exception:  # whatever it was: the next round may do better
                log.exception("looking for arrivals failed")
                wait_s = _LATEST_S
            try:
                await asyncio.wait_for(self._wake.wait(), wait_s)
            except TimeoutError:
                continue

    async def _round(self) -> float:
        """Look at all that are due; returns the seconds until the next one is."""
        if await self._restraint.locked():
            return _RETRY_S
        every = await self._store.awaited()
        hurried, self._hurried = self._hurried, set()
        self._looked = {it: self._looked[it] for it in every if it in self._looked}
        due = {it for it in every if str(it.user_id) in hurried or self._left_s(it) <= 0}
        if due:  # one request serves those, too, that would be soon
            due |= {it for it in every if self._left_s(it) < _pause(it) / 2}
            answer = await self._account.query_keys(*(it.user_id for it in due))
            for awaited in due:
                self._looked[awaited] = time.monotonic()
                await self._look(awaited, answer)
        return max(0.05, min((self._left_s(it) for it in every), default=_IDLE_S))

    def _left_s(self, awaited: Awaited) -> float:
        looked_at = self._looked.get(awaited)
        if looked_at is None:
            return 0
        return looked_at + _pause(awaited) - time.monotonic()

    async def _look(self, awaited: Awaited, answer: dict[str, Any]) -> None:
        """One bot: publish its identity, sign its device once it is there, tell its owner."""
        name = awaited.user_id.localpart
        try:
            is_there = await self._is_trusted(awaited, answer)
        except ForeignIdentity as exc:
            # It made one before we could, or its owner did.
            await self._tell(awaited, f"⚠️ `{name}`: {exc} {exc.hint}")
            await self._store.signs_itself(awaited.user_id)
        except AdminbotError as exc:
            log.warning("not signed yet user=%s why=%s", awaited.user_id, exc)
        else:
            if is_there:
                await self._tell(awaited, f"✅ `{name}` is online and trusted.")
                await self._store.arrived(awaited)

    async def _is_trusted(self, awaited: Awaited, answer: dict[str, Any]) -> bool:
        user_id, device_id = str(awaited.user_id), awaited.device_id
        bot = await self._store.find_bot(awaited.user_id)
        counts = await self._identities.counts(bot, answer) if bot else ""
        state = device_state(answer, user_id, device_id, counts)
        if awaited.own_identity:
            return state is DeviceState.TRUSTED
        if state is DeviceState.NEVER_STARTED and awaited.user_id in self._published:
            return False
        await self._signer.ensure(awaited.user_id)
        self._published.add(awaited.user_id)
        if state in (DeviceState.NEVER_STARTED, DeviceState.REPLACED):
            return False  # of one that was replaced since we made it, `counts` has told
        if state is not DeviceState.TRUSTED:
            keys = trusted_devices(answer, user_id, None)[device_id]
            await self._signer.sign(awaited.user_id, keys)
            log.info("device signed user=%s device=%s", user_id, device_id)
        return True

    async def _tell(self, awaited: Awaited, text: str) -> None:
        """Once, also when it is said again after a crash: the transaction id is the same."""
        if not self._chat.trusted_devices(awaited.tell):
            log.info("nobody to tell of an arrival user=%s", awaited.user_id)
            return
        about = f"{awaited.user_id} {awaited.device_id} {text}"
        try:
            room_id = await self._chat.ready_dm(awaited.tell)
            txn = f"arrived-{zlib.crc32(about.encode())}"
            await self._chat.send(room_id, render.notice(text), txn=txn)
        except AdminbotError as exc:
            log.warning("not told of an arrival user=%s why=%s", awaited.user_id, exc)
