"""Commands that end something: sessions of a bot, or an account. All of them are brakes."""

from adminbot.commands.bulk import revoke_all
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router

router = Router("Bots")


@router.command(
    "revoke",
    "NAME",
    "sign a bot out everywhere",
    flags={"all": Flag("every bot at once", instead_of="NAME")},
    acts=True,
    confirm=Confirm.TAP,
    brake=True,
    details=(
        "Tokens, devices and keys go; the account stays. `!rotate NAME` lets it in again, "
        "on a fresh device.\nExample: `!revoke nanobot`"
    ),
)
async def revoke(ctx: Context, args: Args) -> Reply:
    if "all" in args.flags:
        return await revoke_all(ctx, args)
    user_id = (await ctx.services.accounts.registry.get(args["NAME"])).user_id
    ctx.confirm(
        f"⚠️ Sign `{user_id}` out everywhere? Its program stops until "
        f"`!rotate {user_id.localpart}`.",
        word_for(user_id),
    )
    await ctx.services.accounts.endings.revoke(args["NAME"], ctx.order)
    return Reply(
        f"✅ `{user_id}` is signed out everywhere.\n"
        f"Let it in again: `!rotate {user_id.localpart}`",
    )


@router.command(
    "deletebot",
    "NAME",
    "close a bot's account for good",
    flags={"me-too": Flag("with my own name: end me, so that nobody answers here any more")},
    acts=True,
    confirm=Confirm.NAME,
    brake=True,
    details=(
        "Cannot be undone: the account is deactivated and its name stays taken on this server. "
        "Softer: `!revoke NAME`.\n"
        "Example: `!deletebot nanobot`"
    ),
)
async def deletebot(ctx: Context, args: Args) -> Reply:
    if "me-too" in args.flags:
        return await _end_me(ctx, args)
    user_id = (await ctx.services.accounts.registry.get(args["NAME"])).user_id
    ctx.confirm(
        f"⚠️ Delete `{user_id}` for good? It leaves its rooms, and the name can never "
        f"be used again. Softer: `!revoke {user_id.localpart}`",
        word_for(user_id),
        if_so="To delete it",
    )
    await ctx.services.accounts.endings.delete(args["NAME"], ctx.order)
    return Reply(f"✅ `{user_id}` is deleted. Its name stays taken.")


async def _end_me(ctx: Context, args: Args) -> Reply:
    accounts = ctx.services.accounts
    accounts.registry.check_own(args["NAME"])
    own = accounts.registry.own.user_id
    ctx.confirm(
        f"⚠️ Delete my own account, `{own}`, for good? Your bots go on without me. I cannot "
        "answer any more, and no backup brings me back.",
        word_for(own),
        if_so="To end me",
    )
    await accounts.endings.delete_own(ctx.order)
    return Reply("✅ My account is deleted.")
