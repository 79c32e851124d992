"""Commands that look at the managed bots and change nothing: the list, and one in detail."""

import re
from datetime import datetime, timedelta

from adminbot.accounts.inspection import BotDetail, Seen, Standing, in_words
from adminbot.crypto.crosssigning import DeviceState
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Reply, Router
from adminbot.errors import UsageError
from adminbot.store import Bot
from adminbot.values.clock import now
from adminbot.values.render import ago
from adminbot.values.text import safe_to_quote

router = Router("Bots")

_PER_PAGE = 20  # lines that fit on a phone
_LOOKED_AT = 50  # bots: of so many the server is asked, to find what wants a look


@router.command(
    "bots",
    "[PAGE]",
    "the bots I made, and how they are",
    details=(
        "🚨 not to be trusted · ⚠️ not signed · 🟢 seen within the hour · 🟡 within the week · "
        "🔴 longer ago · ⚪ never started · 🔑 signed out · 👻 not on the server any more.\n"
        "What wants a look comes first: of up to 50 bots by what the server says now, of more by "
        "what I know."
    ),
)
async def bots(ctx: Context, args: Args) -> Reply:
    all_bots = await ctx.services.accounts.registry.all()
    if not all_bots:
        return Reply("No bots yet. Make one: `!newbot nanobot`")
    pages = (len(all_bots) + _PER_PAGE - 1) // _PER_PAGE
    typed = args.get("PAGE", "1")
    if not re.fullmatch("[0-9]{1,4}", typed) or not 1 <= int(typed) <= pages:
        raise UsageError(f"There is no page {safe_to_quote(typed, 10)}; there are {pages}.")
    page = int(typed)
    start = (page - 1) * _PER_PAGE
    look = ctx.services.look
    asked = all_bots
    if len(all_bots) > _LOOKED_AT:
        asked, start = (await look.by_what_is_known(all_bots))[start : start + _PER_PAGE], 0
    shown = sorted(await look.standings(asked), key=_urgency)[start : start + _PER_PAGE]
    lines = [f"🤖 **Bots** ({len(all_bots)})", *map(_in_a_line, shown)]
    if pages > 1:
        lines.append(f"Page {page} of {pages}, what wants a look first.")
    if page < pages:
        lines.append(f"More: `!bots {page + 1}`")
    return Reply("\n".join([*lines, "Details: `!bot NAME`"]))


def _sign(standing: Standing) -> str:
    bot, seen, state = standing.bot, standing.seen, standing.state
    if state in (DeviceState.REPLACED, DeviceState.OTHER_KEYS):
        return "🚨"
    if seen.is_gone:
        return "👻"
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
    return "🚨⚠️👻🔴⚪🔑🟡🟢".index(_sign(standing)), standing.seen.last or standing.bot.made_at


def _in_a_line(standing: Standing) -> str:
    sign, name = _sign(standing), standing.bot.user_id.localpart
    trouble = f"{in_words(standing.state, standing.bot)}, " if sign in ("🚨", "⚠️") else ""
    return f"• {sign} `{name}` {trouble}{_seen(standing.bot, standing.seen)}"


@router.command("bot", "NAME", "one bot in detail")
async def bot(ctx: Context, args: Args) -> Reply:
    detail = await ctx.services.look.detail(await ctx.services.accounts.registry.get(args["NAME"]))
    bot = detail.bot
    token = f"{ago(bot.token_at)} old" if bot.token_at else "none (signed out)"
    addresses = ", ".join(detail.addresses[:3])
    return Reply(
        "\n".join(
            [
                f"🤖 **{bot.called}**",
                f"• Account: `{bot.user_id}`",
                f"• Made: {bot.made_at:%Y-%m-%d} by `{bot.made_by}`",
                f"• {_seen_in_detail(bot, detail.seen)}"
                + (f" from {addresses}" if addresses else ""),
                f"• App: {ctx.services.card_text.apps.get(bot.app).title}"
                + (f", room `{bot.room_alias or bot.room_id}`" if bot.room_id else ""),
                f"• Device: {_device(bot)}",
                f"• Trust: {_trust(detail)}",
                f"• Token: {token}",
                *_for_a_ghost(detail),
            ]
        )
    )


def _device(bot: Bot) -> str:
    if bot.device_id:
        return f"`{bot.device_id}`"
    return "its program picks one" if bot.token_at else "`none`"


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
