"""Once a week, in the admin room: what lies about. Nothing is said if nothing does."""

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta

from adminbot.accounts.lookout import Lookout, Sign
from adminbot.chat.chat import Chat
from adminbot.jobs.runner import Job
from adminbot.store import Bot, Store
from adminbot.values import render
from adminbot.values.clock import now
from adminbot.values.ids import UserId, txn_id

log = logging.getLogger(__name__)

_FACT = "weekly"  # when it was last looked
_EVERY = timedelta(days=7)
_UNUSED = timedelta(days=7)  # a bot that was made this week may still be set up
_SILENT = timedelta(days=90)
_OLD = timedelta(days=365)
_NAMED = 3
_LATEST_S = 6 * 3600.0


class Weekly(Job):
    """Looks once a week, counted from the first start, also across restarts."""

    name = "weekly look"
    retry_s = broken_s = 3600.0

    def __init__(self, chat: Chat, store: Store, lookout: Lookout, admin_room: str) -> None:
        super().__init__()
        self._chat = chat
        self._store = store
        self._lookout = lookout
        self._admin_room = admin_room

    async def round(self) -> float:
        """Look, say, and note that; what a crash has said again is the same event.

        Raises AdminbotError.
        """
        moment = now()
        noted = await self._store.facts.get(_FACT)
        last = datetime.fromisoformat(noted) if noted else moment
        if noted is None or last > moment:  # the first start, or a clock that was ahead
            await self._store.facts.set(_FACT, moment.isoformat())
            last = moment
        left = last + _EVERY - moment
        if left > timedelta():
            return min(left.total_seconds(), _LATEST_S)
        if text := await self._text():
            txn = txn_id("weekly", noted)
            await self._chat.send(self._admin_room, render.notice(text), txn=txn)
        await self._store.facts.set(_FACT, moment.isoformat())
        return _LATEST_S

    async def _text(self) -> str:
        """What there is to say; empty if nothing."""
        bots = [bot for bot in await self._store.bots.all() if not bot.is_paused]
        lines = list(_lines(bots, await self._lookout.signs(bots), await self._overdue(bots)))
        log.info("weekly look bots=%s lines=%s", len(bots), len(lines))
        return "\n".join(["🧹 **Once a week**", *lines]) if lines else ""

    async def _overdue(self, bots: list[Bot]) -> list[Bot]:
        """Whose token somebody wanted to have renewed by now."""
        expiries = {it.user_id: it for it in await self._store.expiries.all()}
        return [
            it for it in bots if it.user_id in expiries and expiries[it.user_id].is_overdue(it)
        ]


def _lines(bots: list[Bot], signs: dict[UserId, Sign], overdue: list[Bot]) -> Iterator[str]:
    known = {bot: signs[bot.user_id] for bot in bots if bot.user_id in signs}
    here = {bot: sign for bot, sign in known.items() if not sign.is_gone}
    unused = [bot for bot, sign in here.items() if sign.last is None and _is_unused(bot)]
    silent = [bot for bot, sign in here.items() if sign.last and now() - sign.last > _SILENT]
    old = [it for it in bots if it.token_at and now() - it.token_at > _OLD and it not in overdue]
    yield from _line("never used", unused, "Away with it", "deletebot")
    yield from _line("silent for 90 days", silent, "Look at it", "bot")
    yield from _line("with a token of over a year", old, "A new one", "rotate")
    yield from _line("overdue for a new token", overdue, "Get it", "rotate")


def _is_unused(bot: Bot) -> bool:
    return bot.token_at is not None and now() - bot.made_at > _UNUSED


def _line(what: str, bots: list[Bot], then: str, command: str) -> Iterator[str]:
    """`• 5 never used: a, b, c and 2 more. Away with it: !deletebot a`"""
    if not bots:
        return
    names = [f"`{bot.user_id.localpart}`" for bot in bots]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    first = bots[0].user_id.localpart
    yield f"• {len(names)} {what}: {', '.join(names[:_NAMED])}{more}. {then}: `!{command} {first}`"
