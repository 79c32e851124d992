"""Tells who watches a bot when the bot falls silent, and when it is back.

A lively bot costs one request in the time after which its silence would be told. Bots that are due
at about the same time are looked at together. What is found in one look is told in one message.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial

from adminbot.accounts.lookout import Lookout, Sign
from adminbot.chat.chat import Chat
from adminbot.errors import AdminbotError
from adminbot.jobs.alarm import Alarm
from adminbot.jobs.answering import Answering
from adminbot.jobs.runner import Job
from adminbot.metrics import count
from adminbot.metrics.table import ALARMS, About
from adminbot.store import Bot, Store, Watch
from adminbot.values import render
from adminbot.values.clock import now
from adminbot.values.ids import UserId, txn_id
from adminbot.values.render import ago

log = logging.getLogger(__name__)

MUTE = "🔕"
_REREAD_S = 300.0
_TOGETHER = timedelta(minutes=1)  # bots that become due wait for each other so long
_STILL_SILENT = timedelta(minutes=5)  # from one look at a silent bot to the next
# Synapse writes down that somebody was there every two minutes, and a program asks every half.
_COARSE = timedelta(minutes=3)
# After a start, and once the homeserver answers again: programs need a while to come back.
_GRACE = timedelta(minutes=10)
_LISTED = 10


def part_of(period: timedelta, most: timedelta) -> timedelta:
    """A quarter of a period, and no more than `most`."""
    return min(period / 4, most)


class SilenceWatch(Job):
    """Looks after the bots in `store.watches`, also across restarts."""

    name = "silence watch"
    retry_s = broken_s = 60.0

    def __init__(
        self, chat: Chat, store: Store, lookout: Lookout, alarm: Alarm, answering: Answering
    ) -> None:
        super().__init__()
        self._chat = chat
        self._store = store
        self._lookout = lookout
        self._alarm = alarm
        self._answering = answering
        # By bot, of this run: when somebody looked, and what the server had seen.
        self._looked: dict[UserId, tuple[datetime, Sign]] = {}

    async def round(self) -> float:
        """Look at the bots that are due; have told what was found. Raises StateError."""
        steady = self._answering.steady_since
        if steady is None:
            return 5.0
        moment = now()
        await self._store.watches.not_ahead(moment)
        watched = await self._awake(moment)
        if any(self._due_at(*it, steady) <= moment for it in watched.items()):
            # Of bots that were cut off at the same moment the server knows to the minute only.
            soon = [it for it in watched.items() if self._is_soon_due(*it, moment, steady)]
            await self._look_at(soon, moment, steady)
            watched = await self._awake(now())
        self._tell_all(watched)
        return self._next_s(watched, steady)

    async def _awake(self, moment: datetime) -> dict[Bot, Watch]:
        """The watched bots of which a sign can be expected; the others sleep."""
        watches = {it.user_id: it for it in await self._store.watches.all()}
        bots = await self._store.bots.all() if watches else []
        found = {bot: watches[bot.user_id] for bot in bots if bot.user_id in watches}
        asleep = [it for bot, it in found.items() if _sleeps(bot)]
        # Not in each round: that is noted to the minute.
        await self._sleep([it for it in asleep if it.alarmed or moment - it.since > _TOGETHER])
        return {bot: it for bot, it in found.items() if not _sleeps(bot)}

    async def _sleep(self, watches: Iterable[Watch]) -> None:
        if user_ids := [it.user_id for it in watches]:
            await self._store.watches.sleep(user_ids, now())

    # -- when

    def _due_at(self, bot: Bot, watch: Watch, steady: datetime) -> datetime:
        """When to look at a bot next."""
        first = steady + min(_GRACE, watch.silent)
        looked_at, sign = self._looked.get(bot.user_id, (None, Sign(None)))
        if looked_at is None:
            return first
        if watch.alarmed is None:
            return max(first, self._silent_at(bot, watch, sign))
        again = looked_at + part_of(watch.silent, _STILL_SILENT)
        return min(again, watch.snoozed_until or again)

    def _is_soon_due(self, bot: Bot, watch: Watch, moment: datetime, steady: datetime) -> bool:
        return self._due_at(bot, watch, steady) - _coarse(watch) <= moment

    def _silent_at(self, bot: Bot, watch: Watch, sign: Sign) -> datetime:
        """When the bot has been silent for so long that somebody wants to know."""
        moment = now()
        # What is in the future was noted by a clock that was ahead, and says nothing.
        known = (it for it in (watch.since, bot.token_at, sign.last) if it and it <= moment)
        start = max(known, default=moment)
        unseen = self._answering.broken_between(start, moment)
        return start + watch.silent + _coarse(watch) + unseen

    def _next_s(self, watched: dict[Bot, Watch], steady: datetime) -> float:
        soonest = min((self._due_at(*it, steady) for it in watched.items()), default=None)
        if soonest is None:
            return _REREAD_S
        apart = part_of(min(it.silent for it in watched.values()), _TOGETHER)
        left_s = max(soonest - now(), apart).total_seconds()
        return min(left_s, _REREAD_S)

    # -- looking

    async def _look_at(
        self, due: list[tuple[Bot, Watch]], moment: datetime, steady: datetime
    ) -> None:
        signs = await self._lookout.signs(bot for bot, _ in due)
        silent: list[Watch] = []
        nearly: list[Watch] = []
        asleep: list[Watch] = []
        for bot, watch in due:
            sign = signs.get(bot.user_id)
            if sign is None:
                continue  # the next round asks again
            self._looked[bot.user_id] = moment, sign
            if sign.is_gone or (bot.token_at is None and not sign.has_session):
                asleep.append(watch)
            elif moment < steady + min(_GRACE, watch.silent):
                continue
            elif watch.alarmed:
                silent += [watch] if _is_to_be_told_again(watch, sign, moment) else []
            elif (left := self._silent_at(bot, watch, sign) - moment) <= _coarse(watch):
                (nearly if left > timedelta() else silent).append(watch)
        # Who was cut off with a bot that is told of now, is told of in the same message.
        await self._found(silent and [*silent, *nearly], asleep, moment)

    async def _found(self, silent: list[Watch], asleep: list[Watch], moment: datetime) -> None:
        """Note whose silence is to be told: not of an account that is locked or closed."""
        are_shut = await asyncio.gather(*(self._lookout.is_shut(it.user_id) for it in silent))
        pairs = list(zip(silent, are_shut, strict=True))
        await self._sleep([*asleep, *(it for it, is_shut in pairs if is_shut)])
        if told := [it for it, is_shut in pairs if not is_shut]:
            log.warning("bots are silent count=%s", len(told))
            count(ALARMS, About.SILENCE, times=len(told))
            await self._store.watches.fell_silent(told, moment)

    # -- telling

    def _tell_all(self, watched: dict[Bot, Watch]) -> None:
        """Begin to tell what is noted and not told yet, also by an earlier run."""
        silent: defaultdict[tuple[UserId, datetime], list[Watch]] = defaultdict(list)
        back: defaultdict[UserId, list[Watch]] = defaultdict(list)
        for watch in watched.values():
            _, sign = self._looked.get(watch.user_id, (None, Sign(None)))
            if watch.alarmed and not watch.told:
                silent[watch.tell, watch.alarmed].append(watch)
            elif watch.alarmed and _is_back(watch, sign):
                back[watch.tell].append(watch)
        for (tell, alarmed), some in silent.items():
            self.beside(("silent", tell, alarmed), partial(self._tell_silent, some))
        for tell, some in back.items():
            self.beside(("back", tell), partial(self._tell_back, some))

    async def _tell_silent(self, watches: list[Watch]) -> float | None:
        """One message about all of them. Raises AdminbotError: nobody could be told."""
        tell, alarmed = watches[0].tell, watches[0].alarmed
        if alarmed is None:
            return None
        text = self._silent_text(watches)
        told: dict[str, str] = {}
        failed: AdminbotError | None = None
        for admin in self._alarm.who_hears(tell):
            try:
                event_id = await self._alarm.tell(admin, text, "silent", tell, alarmed)
            except AdminbotError as exc:
                failed = exc
            else:
                told |= {str(admin): event_id} if event_id else {}
        if failed and not told:
            raise failed
        if not told:
            return self.retry_s  # nobody has a device that may read the text
        for watch in watches:
            await self._alarm.told("silence", watch.user_id)
        await self._store.watches.told(tell, alarmed, told)
        # Last: nobody waits for the mark before a tap, and a tap on what is not noted is lost.
        for user_id, event_id in told.items():
            await self._put_mark(UserId.parse(user_id), event_id)
        return None

    async def _put_mark(self, admin: UserId, event_id: str) -> None:
        """🔕 under the alarm, so that one tap does it."""
        with suppress(AdminbotError):
            room_id = await self._chat.direct_chats.ready(admin)
            txn = txn_id("mute", event_id)
            await self._chat.react(room_id, event_id, MUTE, txn=txn)

    async def _tell_back(self, watches: list[Watch]) -> None:
        """Tell who was alarmed; once over a crash. Raises AdminbotError."""
        lines = [f"✅ `{it.user_id.localpart}` is back." for it in watches[:_LISTED]]
        if len(watches) > _LISTED:
            lines.append(f"✅ {len(watches) - _LISTED} more are back.")
        about = sorted(f"{it.user_id} {it.alarmed}" for it in watches)
        for user_id in sorted({user_id for it in watches for user_id in it.told}):
            admin = UserId.parse(user_id)
            if admin in self._alarm.who_hears(admin):
                room_id = await self._chat.direct_chats.ready(admin)
                txn = txn_id("back", admin, *about)
                await self._chat.send(room_id, render.notice("\n".join(lines)), txn=txn)
        await self._store.watches.are_back(watches)

    def _silent_text(self, watches: list[Watch]) -> str:
        quiet = f"{MUTE} under this: quiet for a day."
        first = watches[0].user_id.localpart
        if len(watches) == 1:
            return (
                f"⚠️ **{first}** is silent: {self._seen(watches[0])}.\n"
                f"More: `!bot {first}`\n{quiet} For good: `!watch {first} off`"
            )
        lines = [f"⚠️ **{len(watches)} bots are silent**"]
        lines += [f"• `{it.user_id.localpart}` {self._seen(it)}" for it in watches[:_LISTED]]
        if len(watches) > _LISTED:
            lines.append(f"• and {len(watches) - _LISTED} more")
        lines.append("All at once: perhaps the machine or the network that they are on.")
        return "\n".join([*lines, f"More: `!bots`\n{quiet} For good: `!watch {first} off`"])

    def _seen(self, watch: Watch) -> str:
        looked = self._looked.get(watch.user_id)
        if looked is None:  # found by an earlier run
            return "not seen for too long"
        last = looked[1].last
        return f"seen {ago(last)} ago" if last else "never used"


def _sleeps(bot: Bot) -> bool:
    """Whether no sign can be expected of a bot, by what we know."""
    return bot.is_paused or (bot.token_at is None and bot.adopted_at is None)


def _coarse(watch: Watch) -> timedelta:
    """How much longer than told a silence may seem, as coarse as the server counts."""
    return part_of(watch.silent, _COARSE)


def _is_to_be_told_again(watch: Watch, sign: Sign, moment: datetime) -> bool:
    is_over = watch.snoozed_until is not None and watch.snoozed_until <= moment
    return is_over and not _is_back(watch, sign)


def _is_back(watch: Watch, sign: Sign) -> bool:
    return watch.alarmed is not None and sign.last is not None and sign.last > watch.alarmed
