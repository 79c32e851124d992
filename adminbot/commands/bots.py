"""Commands about managed bots: from words to the keeper and back to words."""

import asyncio
import re

from adminbot.accounts.inspection import BotDetail, Seen, in_words
from adminbot.accounts.lifecycle import Wanted
from adminbot.crypto.crosssigning import DeviceState
from adminbot.dispatch.context import Context
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Args, Reply, Router
from adminbot.errors import UsageError
from adminbot.store import Bot
from adminbot.values.ids import BotName, parse_device_id
from adminbot.values.render import ago
from adminbot.values.text import safe_to_quote

router = Router()

_PER_PAGE = 10


@router.command(
    "newbot",
    "NAME [Display name]",
    "make a bot, get its login",
    words=(1, None),
    flags={"device": "ID", "password": "", "own-identity": "", "recovery": ""},
    gives_card=True,
    details=(
        "Makes the account with one device and sends you a card in our private chat: "
        "homeserver, user id, device id, access token.\n"
        "Once its program shows up, I sign its device, so that nobody sees a red shield.\n"
        "`--own-identity` leaves that to the program (OpenClaw, baibot, maubot, Hermes do it "
        "themselves). `--recovery` puts a recovery key on the card, for programs that want one.\n"
        "`--password` puts a password on the card, too; `--device` chooses the device id.\n"
        "A name that exists is never touched.\n"
        "Example: `{prefix}newbot nanobot My assistant`"
    ),
)
async def newbot(ctx: Context, args: Args) -> Reply:
    typed, *display = args.words
    name = BotName.parse(typed, ctx.bots.server)
    device_id = parse_device_id(args.flags["device"]) if "device" in args.flags else None
    display_name = " ".join(display) or name.localpart
    if len(display_name) > 100:
        raise UsageError("A display name has 100 characters at most. Nothing was made.")
    wanted = Wanted(
        display_name=display_name,
        device_id=device_id,
        password="password" in args.flags,
        own_identity="own-identity" in args.flags,
        recovery="recovery" in args.flags,
    )
    if wanted.own_identity and wanted.recovery:
        raise UsageError(
            "`--recovery` gives the program an identity that I make, `--own-identity` leaves it "
            "to the program. Nothing was made.",
            "Use one of them.",
        )
    bot, card = await ctx.bots.create(name, wanted, ctx.order)
    changed = (
        f"\n“{safe_to_quote(name.changed_from, 60)}” became `{name.localpart}`."
        if name.changed_from
        else ""
    )
    return Reply(
        f"✅ `{bot.user_id}` is ready.{changed}\nIts login is in our private chat 🔐", card=card
    )


@router.command(
    "rotate",
    "NAME",
    "new token, same device and keys",
    words=(1, 1),
    flags={"new-device": "", "me-too": ""},
    gives_card=True,
    details=(
        "Every older token dies at once; the device and its encryption keys stay, so the "
        "program goes on where it was once it has the new token.\n"
        "`--new-device` signs everything out instead and starts on a fresh device.\n"
        "`--me-too`, with my own name, renews my own token.\n"
        "Example: `{prefix}rotate nanobot`"
    ),
)
async def rotate(ctx: Context, args: Args) -> Reply:
    new_device = "new-device" in args.flags
    if "me-too" in args.flags:
        ctx.bots.check_own(args.words[0])
        if new_device:
            raise UsageError("My own device stays as it is. Nothing was changed.", "Without it.")
        await ctx.bots.rotate_own(ctx.order)
        return Reply(
            "✅ My own token is new, older ones are dead. It is sealed in my data directory; the "
            "one in the env file is no use any more. Backups from before are none either: "
            "`adminbot backup FILE`"
        )
    bot, card = await ctx.bots.rotate(args.words[0], ctx.order, new_device=new_device)
    return Reply(
        f"✅ New token for `{bot.user_id}`, device `{bot.device_id}`. Older tokens are dead.\n"
        "The login is in our private chat 🔐",
        card=card,
    )


@router.command("bots", "[PAGE]", "the bots I made", words=(0, 1))
async def bots(ctx: Context, args: Args) -> Reply:
    every = await ctx.bots.all()
    if not every:
        return Reply(f"No bots yet. Make one: `{ctx.prefix}newbot nanobot`")
    pages = (len(every) + _PER_PAGE - 1) // _PER_PAGE
    typed = args.words[0] if args.words else "1"
    if not re.fullmatch("[0-9]{1,4}", typed) or not 1 <= int(typed) <= pages:
        raise UsageError(f"There is no page {safe_to_quote(typed, 10)}; there are {pages}.")
    page = int(typed)
    shown = every[(page - 1) * _PER_PAGE : page * _PER_PAGE]
    seen = await asyncio.gather(*(ctx.look.seen(bot) for bot in shown))
    lines = [f"🤖 **Bots** ({len(every)})"]
    lines += [
        f"• `{bot.user_id.localpart}` {_seen(bot, when)}"
        for bot, when in zip(shown, seen, strict=True)
    ]
    if page < pages:
        lines.append(f"More: `{ctx.prefix}bots {page + 1}`")
    return Reply("\n".join([*lines, f"Details: `{ctx.prefix}bot NAME`"]))


@router.command("bot", "NAME", "one bot in detail", words=(1, 1))
async def bot(ctx: Context, args: Args) -> Reply:
    detail = await ctx.look.detail(await ctx.bots.get(args.words[0]))
    found = detail.bot
    token = f"{ago(found.token_at)} old" if found.token_at else "none (signed out)"
    addresses = ", ".join(detail.addresses[:3])
    return Reply(
        "\n".join(
            [
                f"🤖 **{found.called}**",
                f"• Account: `{found.user_id}`",
                f"• Made: {found.made_at:%Y-%m-%d} by `{found.made_by}`",
                f"• {_seen(found, detail.seen).capitalize()}"
                + (f" from {addresses}" if addresses else ""),
                f"• Device: `{found.device_id or 'none'}`",
                f"• Trust: {_trust(ctx, detail)}",
                f"• Token: {token}",
                *_for_a_ghost(ctx, detail),
            ]
        )
    )


@router.command(
    "revoke",
    "NAME",
    "sign a bot out everywhere",
    words=(1, 1),
    acts=True,
    brake=True,
    details=(
        "Tokens, devices and keys go; the account stays. `{prefix}rotate NAME` lets it in again, "
        "on a fresh device.\nExample: `{prefix}revoke nanobot`"
    ),
)
async def revoke(ctx: Context, args: Args) -> Reply:
    found = await ctx.bots.get(args.words[0])
    if not ctx.confirmed:
        word = word_for(found.user_id)
        return Reply(
            f"⚠️ Sign `{found.user_id}` out everywhere? Its program stops until "
            f"`{ctx.prefix}rotate {found.user_id.localpart}`.\n"
            f"Tap ✅ or answer `{word}` within 2 minutes.",
            ask=word,
            tap=True,
        )
    await ctx.bots.revoke(args.words[0], ctx.order)
    return Reply(
        f"✅ `{found.user_id}` is signed out everywhere.\n"
        f"Let it in again: `{ctx.prefix}rotate {found.user_id.localpart}`",
    )


@router.command(
    "deletebot",
    "NAME",
    "close a bot's account for good",
    words=(1, 1),
    flags={"me-too": ""},
    acts=True,
    brake=True,
    details=(
        "Cannot be undone: the account is deactivated and its name stays taken on this server. "
        "Softer: `{prefix}revoke NAME`.\n"
        "`--me-too`, with my own name, ends me: nobody answers here any more.\n"
        "Example: `{prefix}deletebot nanobot`"
    ),
)
async def deletebot(ctx: Context, args: Args) -> Reply:
    if "me-too" in args.flags:
        return await _end_me(ctx, args)
    found = await ctx.bots.get(args.words[0])
    name = found.user_id.localpart
    word = word_for(found.user_id)
    if not ctx.confirmed:
        return Reply(
            f"⚠️ Delete `{found.user_id}` for good? It leaves its rooms, and the name can never "
            f"be used again. Softer: `{ctx.prefix}revoke {name}`\n"
            f"To delete it, answer within 2 minutes: `{word}`",
            ask=word,
        )
    await ctx.bots.delete(args.words[0], ctx.order)
    return Reply(f"✅ `{found.user_id}` is deleted. Its name stays taken.")


async def _end_me(ctx: Context, args: Args) -> Reply:
    ctx.bots.check_own(args.words[0])
    own = ctx.bots.own
    word = word_for(own)
    if not ctx.confirmed:
        return Reply(
            f"⚠️ Delete my own account, `{own}`, for good? Your bots go on without me. I cannot "
            "answer any more, and no backup brings me back.\n"
            f"To end me, answer within 2 minutes: `{word}`",
            ask=word,
        )
    await ctx.bots.delete_own(ctx.order)
    return Reply("✅ My account is deleted.")


def _for_a_ghost(ctx: Context, detail: BotDetail) -> list[str]:
    name = detail.bot.user_id.localpart
    return [f"Off my list: `{ctx.prefix}deletebot {name}`"] if detail.seen.is_gone else []


def _trust(ctx: Context, detail: BotDetail) -> str:
    name, said = detail.bot.user_id.localpart, in_words(detail.device_state, detail.bot)
    if detail.device_state is DeviceState.REPLACED:
        return f"🚨 {said}. More: `{ctx.prefix}devices {name}`"
    if detail.device_state is DeviceState.UNSIGNED:
        return f"{said}. Mend it: `{ctx.prefix}trust {name}`"
    return said


def _seen(found: Bot, seen: Seen) -> str:
    if seen.is_gone:
        return "👻 not on the server any more"
    if found.token_at is None:
        return "signed out"
    return f"seen {ago(seen.last)} ago" if seen.last else "never used"
