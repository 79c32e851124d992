"""The emergency stop. It is lifted in the shell only: whoever holds your phone cannot."""

from adminbot.dispatch.context import Context
from adminbot.dispatch.router import Args, Reply, Router

router = Router()

_WORD = "lockdown"


@router.command(
    _WORD,
    "",
    "emergency stop: no changes",
    brake=True,
    details=(
        "From then on I change nothing and send no card, whoever asks, until somebody types "
        "`adminbot unlock` in the shell. Bots that run go on running.\n"
        "For a lost phone, or when something happens that was not you."
    ),
)
async def lockdown(ctx: Context, args: Args) -> Reply:
    if not ctx.confirmed:
        return Reply(
            "⚠️ Lock me down? I change nothing then, for nobody, until somebody types "
            "`adminbot unlock` in the shell.\n"
            f"If so, answer within 2 minutes: `{_WORD}`",
            ask=_WORD,
        )
    before = await ctx.lock()
    return Reply(
        ("🔒 I was locked down already.\n" if before else "🔒 Locked down. ")
        + "I change nothing until somebody types `adminbot unlock` in the shell."
    )
