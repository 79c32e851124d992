"""Commands that end something: sessions of a bot, or an account. All of them are brakes."""

from adminbot.commands.bulk import revoke_all
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError
from adminbot.homeserver.values import Removal, RemovalState
from adminbot.store import Bot
from adminbot.values.text import shown_id

router = Router("Bots")


@router.command(
    "revoke",
    "NAME [DEVICE]",
    "sign a bot out, or one device of it",
    flags={"all": Flag("every bot at once", instead_of="NAME")},
    acts=True,
    confirm=Confirm.TAP,
    brake=True,
    details=(
        "Tokens, devices and keys go; the account stays. `!rotate NAME` lets it in again, "
        "on a fresh device. With DEVICE only that session ends: `!devices NAME` lists them.\n"
        "Example: `!revoke nanobot`"
    ),
)
async def revoke(ctx: Context, args: Args) -> Reply:
    if "all" in args.flags:
        return await revoke_all(ctx, args)
    if args.get("DEVICE"):
        return await _revoke_one(ctx, args)
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    user_id = bot.user_id
    ctx.confirm(
        f"⚠️ Sign `{user_id}` out everywhere? Its program stops until "
        f"`!rotate {user_id.localpart}`.",
        word_for(user_id),
    )
    await ctx.services.accounts.endings.revoke(args["NAME"], ctx.order)
    return Reply(f"✅ `{user_id}` is signed out everywhere.\n{_let_in(bot)}")


def _let_in(bot: Bot) -> str:
    """How a bot gets a session again."""
    name = bot.user_id.localpart
    if bot.is_paused:
        return f"It stays paused. Let it in again: `!resume {name}`, then `!rotate {name}`"
    return f"Let it in again: `!rotate {name}`"


async def _revoke_one(ctx: Context, args: Args) -> Reply:
    """One session out. The server is asked once the person has confirmed: a brake never waits."""
    user_id = (await ctx.services.accounts.registry.get(args["NAME"])).user_id
    shown = shown_id(args["DEVICE"])
    ctx.confirm(
        f"⚠️ End the session of `{user_id}` on `{shown}`? Whatever runs on it stops.",
        word_for(user_id),
    )
    bot, device_id = await ctx.services.accounts.endings.revoke_device(
        args["NAME"], args["DEVICE"], ctx.order
    )
    lines = [f"✅ The session of `{user_id}` on `{shown_id(device_id)}` is ended. Others go on."]
    if device_id == bot.device_id:
        lines = [f"✅ The session of `{user_id}` from its card is ended. Others go on."]
        lines.append(_let_in(bot))
        if bot.has_password:
            lines.append(
                f"Its password still works. To end that, too: `!password {user_id.localpart}`"
            )
    return Reply("\n".join(lines))


@router.command(
    "deletebot",
    "NAME",
    "close a bot's account for good",
    flags={
        "erase": Flag("remove its messages, too, as far as Synapse does that"),
        "me-too": Flag("with my own name: end me, so that nobody answers here any more"),
    },
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
    if "erase" in args.flags:
        return await _erase(ctx, args)
    user_id = (await ctx.services.accounts.registry.get(args["NAME"])).user_id
    ctx.confirm(
        f"⚠️ Delete `{user_id}` for good? It leaves its rooms, and the name can never "
        f"be used again. Softer: `!revoke {user_id.localpart}`",
        word_for(user_id),
        if_so="To delete it",
    )
    await ctx.services.accounts.endings.delete(args["NAME"], ctx.order)
    return Reply(f"✅ `{user_id}` is deleted. Its name stays taken.")


async def _erase(ctx: Context, args: Args) -> Reply:
    user_id = (await ctx.services.accounts.registry.get(args["NAME"])).user_id
    ctx.confirm(
        f"⚠️ Delete `{user_id}` for good, and what it wrote? It is signed out at once, and the "
        "name can never be used again.\n"
        "• Goes: its messages in the rooms it is in (the newest 10 000 of each), its name, its "
        "picture\n"
        "• Stays: reactions, files on the server, rooms it left before, and what other servers "
        "and people keep",
        word_for(user_id),
        if_so="To delete it all",
    )
    _, removal = await ctx.services.accounts.endings.erase(args["NAME"], ctx.order)
    return Reply(f"✅ `{user_id}` is deleted. Its name stays taken.\n{_removed(removal)}")


def _removed(removal: Removal | None) -> str:
    """What became of the messages; None: there was no account any more."""
    if removal is None:
        return "It was not on the server any more, so its messages stay."
    match removal.state:
        case RemovalState.DONE if removal.left:
            return f"Its messages are removed, but for {removal.left} that Synapse could not."
        case RemovalState.DONE:
            return "Its messages are removed."
        case RemovalState.GOES_ON:
            return "Its messages are being removed. Synapse goes on with that by itself."
        case RemovalState.FAILED:
            return "Synapse could not remove its messages. Its log says why."
        case RemovalState.UNSUPPORTED:
            return (
                "Its messages stay: only Synapse from 1.116 on removes them. Whoever enters one "
                "of its rooms later does not see them."
            )


async def _end_me(ctx: Context, args: Args) -> Reply:
    accounts = ctx.services.accounts
    accounts.registry.check_own(args["NAME"])
    if "erase" in args.flags:
        raise UsageError(
            "What I wrote stays in the chats. Nothing was changed.", "Leave `--erase` out."
        )
    own = accounts.registry.own.user_id
    ctx.confirm(
        f"⚠️ Delete my own account, `{own}`, for good? Your bots go on without me. I cannot "
        "answer any more, and no backup brings me back.",
        word_for(own),
        if_so="To end me",
    )
    await accounts.endings.delete_own(ctx.order)
    return Reply("✅ My account is deleted.")
