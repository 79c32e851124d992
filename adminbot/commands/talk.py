"""Commands about adminbot itself: help, who is who, is it there."""

from adminbot.config import Trust
from adminbot.dispatch.context import Context
from adminbot.dispatch.router import Args, Command, Reply, Router
from adminbot.errors import FIRST_ACCEPT, UsageError
from adminbot.values.text import safe_to_quote

router = Router()


@router.command("ping", "", "is the bot there?", at_once=True)
async def ping(ctx: Context, args: Args) -> Reply:
    return Reply("🏓 pong")


@router.command("whoami", "", "how the bot sees you", at_once=True)
async def whoami(ctx: Context, args: Args) -> Reply:
    return Reply(
        f"You are `{ctx.sender}`, an admin, on a device that I know to be yours.\n"
        f"{_trust(ctx)} I am `{ctx.bots.own}`."
    )


def _trust(ctx: Context) -> str:
    """What counts here, and whether that is so of this person."""
    if ctx.trust is Trust.VERIFIED:
        if ctx.may_act:
            return "Emoji must be compared here, and we have compared them."
        return f"Emoji must be compared here, and we have not yet: `{ctx.prefix}verify`"
    if ctx.trust is Trust.ANY:
        return "Every device of an admin counts here (`ADMINBOT_TRUST=any`)."
    return "The identity that I saw first of you counts here (`ADMINBOT_TRUST=pinned`)."


@router.command("verify", "", "compare emoji with me")
async def verify(ctx: Context, args: Args) -> Reply:
    asked = await ctx.verify()
    first = f"{FIRST_ACCEPT}\n" if asked.still_invited else ""
    return Reply(
        ("We have verified each other before; once more, then.\n" if asked.before else "")
        + "🤝 Mine are shown at the shell: whoever runs this server types there\n"
        f"`adminbot verify {ctx.sender}`\n"
        "Have that open first: once it shows emoji, your app waits about a minute.\n"
        f"{first}Then, in our private chat: accept my request, and compare by emoji."
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
                f"I know no `{ctx.prefix}{safe_to_quote(name)}`.", f"`{ctx.prefix}help` lists all."
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
