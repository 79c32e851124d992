"""Commands that care for a bot: pause and resume, a fresh password, a note on what it is for."""

import re

from adminbot.apps import PLAIN, Catalog
from adminbot.commands.apps import program_of
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError
from adminbot.store import Bot
from adminbot.values.text import safe_to_quote

router = Router("Bots")

_LONGEST_NOTE = 200
_CLEAR = re.compile("[-–—]")


@router.command(
    "pause",
    "NAME",
    "stop a bot, and keep all it has",
    acts=True,
    confirm=Confirm.TAP,
    brake=True,
    details=(
        "Locks its account: its program can do nothing until `!resume NAME`. Tokens, devices and "
        "keys stay, so it goes on with what it has.\nExample: `!pause nanobot`"
    ),
)
async def pause(ctx: Context, args: Args) -> Reply:
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    name = bot.user_id.localpart
    if not bot.is_paused:
        ctx.confirm(
            f"⚠️ Pause `{bot.user_id}`? Its program can do nothing until `!resume {name}`.",
            word_for(bot.user_id),
        )
    before = await ctx.services.accounts.pausing.pause(args["NAME"], ctx.order)
    if before.is_paused and not ctx.is_second_run:
        return Reply(f"⏸ `{bot.user_id}` was paused already.\nLet it go on: `!resume {name}`")
    return Reply(
        f"✅ `{bot.user_id}` is paused ⏸ Its token, device and keys stay.\n"
        f"Let it go on: `!resume {name}`"
    )


@router.command(
    "resume",
    "NAME",
    "let a paused bot go on",
    acts=True,
    details=(
        "Unlocks its account, whoever locked it. The same token works again.\n"
        "Example: `!resume nanobot`"
    ),
)
async def resume(ctx: Context, args: Args) -> Reply:
    resumed = await ctx.services.accounts.pausing.resume(args["NAME"], ctx.order)
    user_id, name = resumed.bot.user_id, resumed.bot.user_id.localpart
    if not resumed.was_locked:
        return Reply(f"`{user_id}` is not paused. Nothing was changed.")
    if resumed.bot.token_at is None:
        more = f"It has no login, though. Give it one: `!rotate {name}`"
    elif resumed.given_up:
        more = (
            f"A `!{resumed.given_up}` of it was given up meanwhile, so its login may be dead. "
            f"A new one: `!rotate {name}`"
        )
    else:
        more = "Its token works again. If its program does not come back, restart that."
    return Reply(f"✅ `{user_id}` is not paused any more.\n{more}")


@router.command(
    "password",
    "NAME",
    "fresh password, sessions kept",
    gives_card=True,
    details=(
        "Its sessions, tokens and keys stay as they are; the older password is dead. For a "
        "program that logs in itself, and to sign in as the bot with an app.\n"
        "Example: `!password nanobot`"
    ),
)
async def password(ctx: Context, args: Args) -> Reply:
    accounts, apps = ctx.services.accounts, ctx.services.card_text.apps
    bot = await accounts.registry.get(args["NAME"])
    program = await program_of(apps.get(bot.app), args, ctx, bot)
    bot, card = await accounts.passwords.renew(
        args["NAME"], ctx.order, program, form=_form_for_password(apps, bot)
    )
    return Reply(
        f"✅ New password for `{bot.user_id}`. Its sessions go on, the older password is dead.\n"
        "It is in our private chat 🔐",
        card=card,
    )


def _form_for_password(apps: Catalog, bot: Bot) -> str:
    """The bot's own app if its settings can have a password and no token, else the plain form."""
    profile = apps.get(bot.app)
    is_whole = profile.format.is_data or not profile.has_place_for("access_token")
    return bot.app if profile.has_place_for("password") and is_whole else PLAIN


@router.command(
    "note",
    "NAME [TEXT…]",
    "what a bot is for, in your words",
    acts=True,
    only_looks=lambda args: not args.get("TEXT"),
    details=(
        "Up to 200 characters, shown in `!bots` and `!bot NAME`. Without TEXT it shows the note; "
        "`-` as TEXT clears it.\nExample: `!note nanobot reads the door bell to me`"
    ),
)
async def note(ctx: Context, args: Args) -> Reply:
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    name, typed = bot.user_id.localpart, args.get("TEXT")
    if not typed:
        if not bot.note:
            return Reply(f"`{name}` has no note.\nGive it one: `!note {name} TEXT`")
        return Reply(f"📝 `{name}`: {bot.note}\nClear it: `!note {name} -`")
    text = "" if _CLEAR.fullmatch(typed) else note_of(typed)
    await ctx.services.accounts.notes.write(args["NAME"], text, ctx.order)
    if not text:
        return Reply(f"✅ `{name}` has no note any more.")
    return Reply(f"✅ Noted of `{name}`: {text}")


def note_of(typed: str) -> str:
    """A note as it is kept: on one line, without marks. Raises UsageError."""
    text = safe_to_quote(typed, len(typed) + 1)
    if not text:
        raise UsageError("That is no text that can be seen. Nothing was changed.")
    if len(text) > _LONGEST_NOTE:
        raise UsageError(
            f"A note has {_LONGEST_NOTE} characters at most, and that has {len(text)}. "
            "Nothing was changed.",
            "Shorten it, and type the same again.",
        )
    return text
