"""Reminds people to rotate tokens: 7 days before, 1 day before, and when it is time; each once."""

from collections import defaultdict
from datetime import timedelta
from functools import partial

from adminbot.errors import AdminbotError
from adminbot.jobs.alarm import Alarm
from adminbot.jobs.runner import Job
from adminbot.store import Bot, Expiry, Store
from adminbot.values.clock import now
from adminbot.values.ids import UserId

_BEFORE = (timedelta(), timedelta(days=1), timedelta(days=7))  # the last one first
_REREAD_S = 3600.0
_LISTED = 10

_Due = tuple[Bot, Expiry, timedelta]  # by how much too early


def stage_of(expiry: Expiry, bot: Bot) -> timedelta | None:
    """Which reminder is due, as the time before; None: none.

    A reminder whose moment was over when the person asked is none: the answer said as much.
    """
    due = expiry.due_at(bot)
    if due is None or bot.is_paused:
        return None
    for before in _BEFORE:
        if due - before <= now():
            counted = expiry.counts_from(bot) or due
            return before if due - before > max(expiry.since, counted) else None
    return None


def mark_of(expiry: Expiry, bot: Bot, stage: timedelta) -> str:
    """What is kept of a reminder: another token is another matter."""
    return f"{expiry.counts_from(bot)} {stage.days}"


class ExpiryWatch(Job):
    """Looks after `store.expiries`, also across restarts. The server is asked nothing."""

    name = "expiry watch"
    retry_s = broken_s = 60.0

    def __init__(self, store: Store, alarm: Alarm) -> None:
        super().__init__()
        self._store = store
        self._alarm = alarm

    async def round(self) -> float:
        """Begin to remind whoever is to be reminded; of many bots in one message."""
        await self._store.expiries.not_ahead(now())
        expiries = {it.user_id: it for it in await self._store.expiries.all()}
        bots = await self._store.bots.all() if expiries else []
        due: defaultdict[UserId, list[_Due]] = defaultdict(list)
        for bot in bots:
            expiry = expiries.get(bot.user_id)
            stage = stage_of(expiry, bot) if expiry else None
            if expiry and stage is not None and expiry.reminded != mark_of(expiry, bot, stage):
                due[expiry.tell].append((bot, expiry, stage))
        for tell, some in due.items():
            self.beside(tell, partial(self._remind, tell, some))
        return _REREAD_S

    async def _remind(self, tell: UserId, due: list[_Due]) -> float | None:
        """Tell, then note: sent again after a crash, it is the same event."""
        marks = {expiry: mark_of(expiry, bot, stage) for bot, expiry, stage in due}
        about = [f"{expiry.user_id} {mark}" for expiry, mark in marks.items()]
        text, is_told = _text(due), False
        failed: AdminbotError | None = None
        for admin in self._alarm.who_hears(tell):
            try:
                is_told = bool(await self._alarm.tell(admin, text, "expiry", *about)) or is_told
            except AdminbotError as exc:
                failed = exc
        if failed and not is_told:
            raise failed
        if not is_told:
            return _REREAD_S  # nobody has a device that may read the text
        await self._store.expiries.reminded(marks)
        return None


def _text(due: list[_Due]) -> str:
    if len(due) == 1:
        bot, expiry, stage = due[0]
        name = bot.user_id.localpart
        return (
            f"🔑 The token of `{name}` is {_when(stage)}: {expiry.days} days old then.\n"
            f"A new one: `!rotate {name}`"
            if stage
            else f"🔑 It is time for a new token for `{name}`: {expiry.days} days are over.\n"
            f"Get one: `!rotate {name}`"
        )
    lines = [f"🔑 **{len(due)} tokens want to be renewed**"]
    lines += [f"• `!rotate {bot.user_id.localpart}` {_when(it)}" for bot, _, it in due[:_LISTED]]
    if len(due) > _LISTED:
        lines.append(f"• and {len(due) - _LISTED} more; all at once: `!rotate --all`")
    return "\n".join(lines)


def _when(stage: timedelta) -> str:
    if not stage:
        return "now"
    return f"due in {stage.days} days" if stage.days > 1 else "due tomorrow"
