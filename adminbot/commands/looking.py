"""Commands that look at the managed bots and change nothing: the list, and one in detail."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta

from adminbot.accounts.inspection import BotDetail, Seen, Standing, in_words
from adminbot.commands.watching import expiry_in_words, watch_in_words
from adminbot.crypto.crosssigning import DeviceState
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Reply, Router
from adminbot.errors import UsageError
from adminbot.store import Bot
from adminbot.values.clock import now
from adminbot.values.render import ago
from adminbot.values.text import safe_to_quote, shown_id

router = Router("Bots")

_PER_PAGE = 12  # lines that fit on a phone; of many bots each costs a request
_LOOKED_AT = 50  # bots: of so many the server is asked, to find what wants a look
# What wants a look first.
_SIGNS = "🚨⚠️👻🔴⚪🔑⏸🟡🟢"


@router.command(
    "bots",
    "[WORD] [PAGE]",
    "the bots in my care, and how they are",
    details=(
        "🚨 not to be trusted · ⚠️ not signed · 🟢 seen within the hour · 🟡 within the week · "
        "🔴 longer ago · ⚪ never started · ⏸ paused · 🔑 signed out · 👻 not on the server any "
        "more.\n"
        "WORD is looked for in name, display name, note and app. A number alone is a page: "
        "`!bots 7 1` looks for a 7.\n"
        "What wants a look comes first: of up to 50 bots by what the server says now, of more by "
        "what I know."
    ),
)
async def bots(ctx: Context, args: Args) -> Reply:
    registry, look = ctx.services.accounts.registry, ctx.services.look
    word, typed = _word_and_page(args)
    asked, count = await registry.worst_first(word, most=_LOOKED_AT)
    if not count:
        return Reply(_none(word))
    page, pages = _page(typed, count, word)
    start = (page - 1) * _PER_PAGE
    if count > _LOOKED_AT:
        asked, _ = await registry.worst_first(word, most=_PER_PAGE, skip=start)
        start = 0
    shown = sorted(await look.standings(asked), key=_urgency)[start : start + _PER_PAGE]
    found = f" with “{safe_to_quote(word)}”" if word else ""
    lines = [f"🤖 **Bots{found}** ({count})", *map(_in_a_line, shown)]
    if pages > 1:
        lines.append(f"Page {page} of {pages}, what wants a look first.")
    if page < pages:
        lines.append(f"More: `!bots{_again(word)} {page + 1}`")
    return Reply("\n".join([*lines, "Details: `!bot NAME`"]))


def _word_and_page(args: Args) -> tuple[str, str]:
    """What was typed for both; a number alone is a page, a user id stands for its name."""
    word, page = args.get("WORD"), args.get("PAGE")
    if not page and re.fullmatch("[0-9]+", word):
        return "", word
    if word.startswith("@"):
        word = word[1:].partition(":")[0]
    # As it can be shown: half a surrogate pair could not be looked for, either.
    return safe_to_quote(word, 60), page or "1"


def _page(typed: str, count: int, word: str) -> tuple[int, int]:
    """The page that was typed, and how many there are. Raises UsageError."""
    pages = (count + _PER_PAGE - 1) // _PER_PAGE
    if re.fullmatch("[0-9]{1,4}", typed) and 1 <= int(typed) <= pages:
        return int(typed), pages
    there = f"there are {pages}" if pages > 1 else "there is one"
    raise UsageError(
        f"There is no page {safe_to_quote(typed, 10)}; {there}.", f"Type: `!bots{_again(word)}`"
    )


def _none(word: str) -> str:
    if not word:
        return "No bots yet. Make one: `!newbot nanobot`"
    return f"No bot has “{safe_to_quote(word)}” in its name, note or app. All of them: `!bots`"


def _again(word: str) -> str:
    """A word as to be typed once more, with a blank before."""
    return f' "{word}"' if " " in word else f" {word}" if word else ""


def _sign(standing: Standing) -> str:
    bot, seen, state = standing.bot, standing.seen, standing.state
    if state in (DeviceState.REPLACED, DeviceState.OTHER_KEYS):
        return "🚨"
    if seen.is_gone:
        return "👻"
    if bot.is_paused:
        return "⏸"
    if state is DeviceState.UNSIGNED:
        return "⚠️"
    if bot.token_at is None:
        return "🔑"
    if seen.last is None:
        return "⚪"
    age = now() - seen.last
    return "🟢" if age < timedelta(hours=1) else "🟡" if age < timedelta(days=7) else "🔴"


def _urgency(standing: Standing) -> tuple[int, datetime]:
    """What wants a look first, then the longest silent."""
    return _SIGNS.index(_sign(standing)), standing.seen.last or standing.bot.made_at


def _in_a_line(standing: Standing) -> str:
    bot, sign = standing.bot, _sign(standing)
    trouble = f"{in_words(standing.state, bot)}, " if sign in ("🚨", "⚠️") else ""
    paused = "paused, " if bot.is_paused else ""
    note = f" ({safe_to_quote(bot.note, 24)})" if bot.note else ""
    return f"• {sign} `{bot.user_id.localpart}`{note} {trouble}{paused}{_seen(bot, standing.seen)}"


@router.command("bot", "NAME", "one bot in detail")
async def bot(ctx: Context, args: Args) -> Reply:
    detail = await ctx.services.look.detail(await ctx.services.accounts.registry.get(args["NAME"]))
    bot = detail.bot
    addresses = ", ".join(detail.addresses[:3])
    return Reply(
        "\n".join(
            [
                f"🤖 **{bot.called}**",
                *([f"📝 {safe_to_quote(bot.note, 200)}"] if bot.note else []),
                f"• Account: `{bot.user_id}`",
                f"• {_made(bot)}",
                f"• {_seen_in_detail(bot, detail.seen)}"
                + (f" from {addresses}" if addresses else ""),
                *_locked(detail),
                f"• App: {ctx.services.card_text.apps.get(bot.app).title}"
                + (f", room `{bot.room_alias or bot.room_id}`" if bot.room_id else ""),
                f"• Device: {_device(bot)}",
                f"• Trust: {_trust(detail)}",
                f"• Token: {_token(bot)}",
                *_watching(detail),
                *_rooms(detail),
                *_for_a_ghost(detail),
            ]
        )
    )


def _made(bot: Bot) -> str:
    if bot.adopted_at is None:
        return f"Made: {bot.made_at:%Y-%m-%d} by `{bot.made_by}`"
    return f"Made: {bot.made_at:%Y-%m-%d}, adopted {bot.adopted_at:%Y-%m-%d} by `{bot.made_by}`"


def _locked(detail: BotDetail) -> list[str]:
    if not detail.is_locked or detail.seen.is_gone:
        return []
    by_whom = "Paused" if detail.bot.is_paused else "Locked, and not by me"
    return [f"• ⏸ {by_whom}. On again: `!resume {detail.bot.user_id.localpart}`"]


def _device(bot: Bot) -> str:
    if bot.device_id:
        return f"`{shown_id(bot.device_id)}`"
    if bot.token_at is None:
        return "`none`"
    return "none with keys" if _is_as_found(bot) else "its program picks one"


def _token(bot: Bot) -> str:
    if bot.token_at is None:
        return "none (signed out)"
    # Of a session from before its adoption nobody knows the age.
    return f"{'at least ' if _is_as_found(bot) else ''}{ago(bot.token_at)} old"


def _is_as_found(bot: Bot) -> bool:
    """Whether the sessions are those that an adopted account had before."""
    return bot.adopted_at is not None and bot.token_at == bot.adopted_at


def _watching(detail: BotDetail) -> Iterator[str]:
    if detail.expiry:
        yield f"• Expiry: {expiry_in_words(detail.expiry, detail.bot)}"
    if detail.watch:
        yield f"• Watch: {watch_in_words(detail.watch)}"


def _rooms(detail: BotDetail) -> list[str]:
    return [] if detail.seen.is_gone else [f"• Rooms: {detail.rooms}"]


def _for_a_ghost(detail: BotDetail) -> list[str]:
    name = detail.bot.user_id.localpart
    return [f"Off my list: `!deletebot {name}`"] if detail.seen.is_gone else []


def _trust(detail: BotDetail) -> str:
    name, said = detail.bot.user_id.localpart, in_words(detail.device_state, detail.bot)
    if detail.device_state is DeviceState.REPLACED:
        return f"🚨 {said}. More: `!devices {name}`"
    if detail.device_state is DeviceState.OTHER_KEYS:
        return f"🚨 {said}. Mend it: `!rotate {name} --new-device`"
    if detail.device_state is DeviceState.UNSIGNED:
        return f"{said}. Mend it: `!trust {name}`"
    return said


def _seen_in_detail(bot: Bot, seen: Seen) -> str:
    said = _seen(bot, seen)
    return f"👻 {said}" if seen.is_gone else said.capitalize()


def _seen(bot: Bot, seen: Seen) -> str:
    if seen.is_gone:
        return "not on the server any more"
    if bot.token_at is None:
        return "signed out"
    return f"seen {ago(seen.last)} ago" if seen.last else "never used"
