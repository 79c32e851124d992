"""Remembers when the homeserver did not answer us, and when nobody was here to ask.

Such time is no silence of a bot: nobody could have seen a sign of it.
"""

import asyncio
import json
from datetime import datetime, timedelta

from adminbot.jobs.runner import Job
from adminbot.store import Store
from adminbot.values.clock import now

_FACT = "answering"
_BREAK = timedelta(minutes=2)  # an idle sync answers every 30 s
_SAVE = timedelta(minutes=5)
_MOST = 200  # breaks that are remembered

_Break = tuple[datetime, datetime]


class Answering(Job):
    """Notes each sync's answer, and every break between two of them, also over restarts."""

    name = "answering"
    retry_s = broken_s = 60.0

    def __init__(self, store: Store, synced: asyncio.Condition) -> None:
        """`synced` is notified after every sync."""
        super().__init__()
        self._store = store
        self._synced = synced
        self._breaks: list[_Break] = []
        self._last: datetime | None = None
        self._saved: datetime | None = None
        self._steady: datetime | None = None

    @property
    def steady_since(self) -> datetime | None:
        """Since when we run and the server answers us; None while the server does not."""
        is_steady = self._last is not None and now() - self._last < _BREAK
        return self._steady if is_steady else None

    def broken_between(self, start: datetime, end: datetime) -> timedelta:
        """How long of this time nobody could have seen a sign of a bot."""
        overlaps = (min(end, until) - max(start, since) for since, until in self._breaks)
        return sum((it for it in overlaps if it > timedelta()), timedelta())

    async def round(self) -> float:
        """Wait for one answer, and note the answer. Raises StateError."""
        async with self._synced:
            await self._synced.wait()
        await self.heard()
        return 0

    async def heard(self) -> None:
        """The server has answered just now. Raises StateError."""
        moment = now()
        if self._last is None:
            await self._recall(moment)
            self._steady = moment
        if self._last is not None and moment - self._last >= _BREAK:
            self._breaks = [*self._breaks, (self._last, moment)][-_MOST:]
            self._saved, self._steady = None, moment
        self._last = moment
        if self._saved is None or moment - self._saved >= _SAVE:
            await self._save(moment)

    async def _recall(self, moment: datetime) -> None:
        """What an earlier run noted, unless its clock was ahead: that would last until then."""
        noted = await self._store.facts.get(_FACT)
        if noted is None:
            return
        kept = json.loads(noted)
        breaks = [tuple(map(datetime.fromisoformat, it)) for it in kept["breaks"]]
        self._breaks = [(since, until) for since, until in breaks if since <= until <= moment]
        last = datetime.fromisoformat(kept["last"])
        self._last = last if last <= moment else None

    async def _save(self, moment: datetime) -> None:
        breaks = [[since.isoformat(), until.isoformat()] for since, until in self._breaks]
        kept = {"last": moment.isoformat(), "breaks": breaks}
        await self._store.facts.set(_FACT, json.dumps(kept))
        self._saved = moment
