"""The emergency stop, lifted in the shell only: a thief of the phone cannot lift a lockdown."""

from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Confirm, Reply, Router

router = Router("adminbot")


@router.command(
    "lockdown",
    "",
    "emergency stop: no changes",
    confirm=Confirm.COMMAND,
    brake=True,
    details=(
        "From then on I change nothing and send no card, whoever asks, until somebody types "
        "`adminbot unlock` in the shell. Bots that run go on running.\n"
        "For a lost phone, or when something happens that was not you."
    ),
)
async def lockdown(ctx: Context, args: Args) -> Reply:
    ctx.confirm(
        "⚠️ Lock me down? I change nothing then, for nobody, until somebody types "
        "`adminbot unlock` in the shell.",
        ctx.command.name,
        if_so="If so",
    )
    was_locked = await ctx.services.lockdown.begin(
        ctx.sender, ctx.incoming.room_id, ctx.incoming.device
    )
    return Reply(
        ("🔒 I was locked down already.\n" if was_locked else "🔒 Locked down. ")
        + "I change nothing until somebody types `adminbot unlock` in the shell."
    )
