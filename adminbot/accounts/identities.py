"""Which cross-signing identity counts for a managed bot, and who is told when another shows up.

For a bot that we sign for it is the one that was made here; its master key is sealed beside the
seed. For a bot that signs itself it is the first one seen on its device. What counts is kept as a
pin. Looks at all bots now and then, at one when the server reports a change, and
whenever somebody else has an answer to look at.
"""

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import Any

from adminbot.accounts.signing import Signer
from adminbot.crypto.crosssigning import master_key
from adminbot.errors import AdminbotError
from adminbot.homeserver.client_api import ClientApi
from adminbot.store import Bot, Pin, Store

log = logging.getLogger(__name__)

_LOOK_S = 1800.0
_AT_ONCE = 50


class Identities:
    """Compares what the server shows with what counts; rings once for each other identity."""

    def __init__(
        self,
        account: ClientApi,
        store: Store,
        signer: Signer,
        ring: Callable[[Bot, str, str], None],
    ) -> None:
        self._account = account
        self._store = store
        self._signer = signer
        self._ring = ring
        self._wake = asyncio.Event()
        self._changed: set[str] = set()

    async def counts(self, bot: Bot, answer: dict[str, Any]) -> str:
        """The master key that counts for a bot; empty if there is none yet.

        Args:
            answer: of /keys/query. Another identity in it than one that counted before is told.
        """
        seen = master_key(answer, str(bot.user_id))
        pin = await self._store.bot_pins.find(bot.user_id)
        if bot.own_identity:
            counting = pin.master_key if pin else seen or ""
        else:
            kept = await self._signer.kept(bot.user_id)
            counting = kept.master if kept else ""
            if kept is None or not kept.is_out:
                return counting  # nothing of ours was ever shown, so nothing was replaced
        if counting and (pin is None or pin.master_key != counting):
            await self._store.bot_pins.pin(bot.user_id, counting)
            pin = Pin(counting, verified=False, alarmed=None)
        if seen and seen != counting and pin and pin.alarmed != seen:
            self._ring(bot, counting, seen)
        return counting

    def wake(self, user_ids: Collection[str]) -> None:
        """These users' devices or identities changed: look now."""
        self._changed.update(user_ids)
        self._wake.set()

    async def run(self) -> None:
        """Look, until cancelled."""
        hurried: set[str] | None = None  # at first, and now and then: everybody
        while True:
            try:
                await self._look(hurried)
            except AdminbotError as exc:
                log.warning("could not look at the bots' identities why=%s", exc)
            except Exception:  # whatever it was: the next look may do better
                log.exception("looking at the bots' identities failed")
            hurried = await self._next()

    async def _next(self) -> set[str] | None:
        try:
            await asyncio.wait_for(self._wake.wait(), _LOOK_S)
        except TimeoutError:
            return None
        self._wake.clear()
        changed, self._changed = self._changed, set()
        return changed

    async def _look(self, only: set[str] | None) -> None:
        every = await self._store.bots.all()
        due = [bot for bot in every if only is None or str(bot.user_id) in only]
        for start in range(0, len(due), _AT_ONCE):
            some = due[start : start + _AT_ONCE]
            answer = await self._account.query_keys(*(bot.user_id for bot in some))
            for bot in some:
                await self.counts(bot, answer)
