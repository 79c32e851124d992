"""Commands about adminbot itself: help, who is who, is it there."""

from adminbot.context import Context
from adminbot.errors import UsageError, shortened
from adminbot.router import Args, Command, Reply, Router

router = Router()


@router.command("ping", "", "is the bot there?", at_once=True)
async def ping(ctx: Context, args: Args) -> Reply:
    return Reply("🏓 pong")


@router.command("whoami", "", "how the bot sees you", at_once=True)
async def whoami(ctx: Context, args: Args) -> Reply:
    return Reply(
        f"You are `{ctx.sender}`, an admin, on a device that I know to be yours.\n"
        f"Trust here: {ctx.trust.value}. I am `{ctx.bots.own}`."
    )


@router.command("verify", "", "compare emoji with me")
async def verify(ctx: Context, args: Args) -> Reply:
    again = await ctx.verify()
    return Reply(
        ("We have verified each other before; once more, then.\n" if again else "")
        + "🤝 In our private chat: accept my request, and compare by emoji.\n"
        "Mine are shown at the shell: whoever runs this server types there\n"
        f"`adminbot verify {ctx.sender}`"
    )


@router.command("cancel", "", "forget what I was asked to confirm", brake=True)
async def cancel(ctx: Context, args: Args) -> Reply:
    return Reply("Nothing is waiting for you to confirm.")


@router.command(
    "help",
    "[COMMAND]",
    "this list, or one command in full",
    words=(0, 1),
    at_once=True,
    details="Example: `{prefix}help newbot`",
)
async def help_(ctx: Context, args: Args) -> Reply:
    if args.words:
        name = args.words[0].removeprefix(ctx.prefix)
        command = ctx.router.find(name)
        if command is None:
            raise UsageError(
                f"I know no `{ctx.prefix}{shortened(name)}`.", f"`{ctx.prefix}help` lists all."
            )
        return Reply(_in_full(command, ctx.prefix))
    lines = [
        f"• {_call(command, ctx.prefix)} {command.summary}" for command in ctx.router.commands
    ]
    return Reply("\n".join(["**What I can do**", *lines]))


def _call(command: Command, prefix: str) -> str:
    return f"`{f'{prefix}{command.name} {command.usage}'.strip()}`"


def _in_full(command: Command, prefix: str) -> str:
    lines = [_call(command, prefix), command.summary]
    lines += [f"• `{f'--{flag} {value}'.strip()}`" for flag, value in command.flags.items()]
    if command.details:
        lines.append(command.details.replace("{prefix}", prefix))
    return "\n".join(lines)
