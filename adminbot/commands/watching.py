"""Commands about what becomes of bots: who is told of a silence, who is reminded of a token."""

from datetime import timedelta

from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Reply, Router
from adminbot.errors import UsageError
from adminbot.store import Bot, Expiry, Watch
from adminbot.values.clock import now
from adminbot.values.render import ago
from adminbot.values.text import duration_of, format_duration, safe_to_quote

router = Router("Watching")

_OFF = "off"
_DAY, _YEAR = timedelta(days=1), timedelta(days=365)
_SHORTEST = timedelta(minutes=10)  # the homeserver itself counts by minutes
_LONGEST_DAYS = 730


@router.command(
    "watch",
    "NAME [3h|off…]",
    "tell me when it falls silent so long",
    acts=True,
    details=(
        "From 10 minutes to a year, by default 3 hours. I tell you in our private chat, and when "
        "it is back; 🔕 under that makes me quiet for a day. Who asked last is told.\n"
        "Example: `!watch nanobot 3h`\n"
        "Example: `!watch nanobot off`"
    ),
)
async def watch(ctx: Context, args: Args) -> Reply:
    watching = ctx.services.accounts.watching
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    name, typed = bot.user_id.localpart, args.get("3h|off", "3h")
    before, _ = await watching.find(bot.user_id)
    if _is_off(typed):
        if before is None and not ctx.is_second_run:
            return Reply(f"Nobody watches `{name}`. To begin: `!watch {name} 3h`")
        await watching.unwatch(bot, ctx.order)
        return Reply(f"✅ I do not watch `{name}` any more.{_instead_of(ctx, before)}")
    silent = _silence(name, typed)
    await watching.watch(bot, silent, ctx.order)
    return Reply(
        f"✅ I tell you when `{name}` is silent for {_in_words(silent)}.{_instead_of(ctx, before)}"
        f"{_asleep(bot)}\nNo more: `!watch {name} off`"
    )


@router.command(
    "expiry",
    "NAME [90d|off…]",
    "remind me to rotate its token",
    acts=True,
    details=(
        "7 days and 1 day before the token is so old, and when it is time. By default 90 days, "
        "counted from the token; a rotation starts anew. Who asked last is reminded.\n"
        "Example: `!expiry nanobot 90d`\n"
        "Example: `!expiry nanobot off`"
    ),
)
async def expiry(ctx: Context, args: Args) -> Reply:
    watching = ctx.services.accounts.watching
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    name, typed = bot.user_id.localpart, args.get("90d|off", "90d")
    _, before = await watching.find(bot.user_id)
    if _is_off(typed):
        if before is None and not ctx.is_second_run:
            return Reply(f"Nobody is reminded of `{name}`. To begin: `!expiry {name} 90d`")
        await watching.never_expire(bot, ctx.order)
        return Reply(f"✅ I remind nobody of `{name}` any more.{_instead_of(ctx, before)}")
    made = await watching.expire(bot, _days(name, typed), ctx.order)
    return Reply(f"✅ {_due(made, bot)}{_instead_of(ctx, before)}\nNo more: `!expiry {name} off`")


def _is_off(typed: str) -> bool:
    return typed.strip().lower() in (_OFF, "none", "never", "stop")


def _instead_of(ctx: Context, before: Watch | Expiry | None) -> str:
    """Who was told so far, if that was somebody else."""
    if before is None or before.tell == ctx.sender:
        return ""
    return f" So far I told `{before.tell}`."


def _asleep(bot: Bot) -> str:
    if bot.is_paused:
        return f" It is paused: I begin with `!resume {bot.user_id.localpart}`."
    if bot.token_at is None and bot.adopted_at is None:
        return f" It is signed out: I begin with `!rotate {bot.user_id.localpart}`."
    return ""


def _in_words(time: timedelta) -> str:
    return format_duration(round(time.total_seconds()))


def _silence(name: str, typed: str) -> timedelta:
    """Raises UsageError."""
    silent = duration_of(typed)
    hint = f"Such as `!watch {name} 3h`; the end of it: `!watch {name} off`"
    if silent is None:
        raise UsageError(f"“{safe_to_quote(typed)}” is no time that I know.", hint)
    if silent < _SHORTEST:
        raise UsageError(
            "That is too short: the homeserver itself counts by minutes. At least 10 minutes.",
            f"Type: `!watch {name} 10min`",
        )
    if silent > _YEAR:
        raise UsageError("That is too long: a year at most.", f"Type: `!watch {name} 365d`")
    return silent


def _days(name: str, typed: str) -> int:
    """Raises UsageError."""
    time = duration_of(typed)
    hint = f"Such as `!expiry {name} 90d`; the end of it: `!expiry {name} off`"
    if time is None:
        raise UsageError(f"“{safe_to_quote(typed)}” is no time that I know.", hint)
    if time < _DAY or time % _DAY:
        raise UsageError("Tokens are counted in whole days, one at least.", hint)
    if time.days > _LONGEST_DAYS:
        raise UsageError("That is too long: two years at most.", f"Type: `!expiry {name} 730d`")
    return time.days


def _due(expiry: Expiry, bot: Bot) -> str:
    name, due = bot.user_id.localpart, expiry.due_at(bot)
    if due is None:
        return f"`{name}` has no token now. I count {expiry.days} days from its next one."
    if due <= now():
        return f"Noted, and it is time already. New token: `!rotate {name}`"
    return f"I remind you of `!rotate {name}`: it is time on {due:%Y-%m-%d}."


def watch_in_words(watch: Watch) -> str:
    """How a bot is watched, for `!bot`."""
    alarm = f", silent since an alarm {ago(watch.alarmed)} ago" if watch.alarmed else ""
    until = watch.snoozed_until
    quiet = f", 🔕 until {until:%Y-%m-%d %H:%M} UTC" if until and until > now() else ""
    return f"tells `{watch.tell}` after {_in_words(watch.silent)} of silence{alarm}{quiet}"


def expiry_in_words(expiry: Expiry, bot: Bot) -> str:
    """When a bot's token is due, for `!bot`."""
    due = expiry.due_at(bot)
    if due is None:
        return f"{expiry.days} d after its next token"
    if due > now():
        return f"every {expiry.days} d, due {due:%Y-%m-%d}"
    return f"⏰ overdue since {due:%Y-%m-%d}. New token: `!rotate {bot.user_id.localpart}`"
