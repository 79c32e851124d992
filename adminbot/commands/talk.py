"""Commands about adminbot itself: help, identity of the sender, a sign of life."""

from collections.abc import Iterator

from adminbot.config import Trust
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import STOPPING
from adminbot.dispatch.router import Command, Reply, Router
from adminbot.errors import FIRST_ACCEPT, UnknownCommand
from adminbot.values.text import shown_id

router = Router("adminbot")


@router.command("ping", "", "is the bot there?", at_once=True, before_verified=True)
async def ping(ctx: Context, args: Args) -> Reply:
    return Reply("🏓 pong")


@router.command("whoami", "", "how the bot sees you", at_once=True, before_verified=True)
async def whoami(ctx: Context, args: Args) -> Reply:
    return Reply(
        f"You are `{ctx.sender}`, an admin, on {_device(ctx)} that I know to be yours.\n"
        f"{_trust(ctx)} I am `{ctx.services.accounts.registry.own.user_id}`."
    )


def _device(ctx: Context) -> str:
    device = ctx.incoming.device
    return f"device `{shown_id(device)}`" if device else "a device"


def _trust(ctx: Context) -> str:
    """Which devices count here, and whether the person has done what is needed."""
    rules = ctx.services.rules
    if rules.trust is Trust.VERIFIED:
        if rules.may_act(str(ctx.sender)):
            return "Emoji must be compared here, and we have compared them."
        return "Emoji must be compared here, and we have not yet: `!verify`"
    if rules.trust is Trust.ANY:
        return "Every device of an admin counts here (`ADMINBOT_TRUST=any`)."
    return "The identity that I saw first of you counts here (`ADMINBOT_TRUST=pinned`)."


@router.command("verify", "", "compare emoji with me", before_verified=True)
async def verify(ctx: Context, args: Args) -> Reply:
    asked = await ctx.services.verify(ctx.sender)
    first = f"{FIRST_ACCEPT}\n" if asked.still_invited else ""
    return Reply(
        ("We have verified each other before; once more, then.\n" if asked.before else "")
        + "🤝 Mine are shown at the shell: whoever runs this server types there\n"
        f"`adminbot verify {ctx.sender}`\n"
        "Have that open first: once it shows emoji, your app waits about a minute.\n"
        f"{first}Then, in our private chat: accept my request, and compare by emoji."
    )


@router.command(
    "cancel",
    "",
    "forget my question, stop a long list",
    brake=True,
    declines=True,
    details="Of a command for many bots no further one begins; what is under way is finished.",
)
async def cancel(ctx: Context, args: Args) -> Reply:
    if await ctx.services.stop_many(ctx.sender):
        return Reply(STOPPING)
    return Reply("Nothing is waiting for you to confirm, and nothing goes on.")


# What a topic is about, in the order of `!help`. A topic's word is its title in lower case.
_TOPICS = {
    "Bots": "accounts for programs",
    "Rooms": "where they are",
    "Watching": "what became of them",
    "People": "accounts for people",
    "adminbot": "me, and the emergency stop",
}


@router.command(
    "help",
    "[COMMAND or TOPIC]",
    "what I can do, or one command in full",
    at_once=True,
    before_verified=True,
    details="Examples: `!help bots` lists a topic, `!help newbot` is one command in full.",
)
async def help_(ctx: Context, args: Args) -> Reply:
    router, rules = ctx.services.router, ctx.services.rules
    asked = args.get("COMMAND or TOPIC").strip()
    if not asked:
        return Reply("\n".join(_topics(router)))
    name = rules.without_prefix(asked)
    command, topic = router.find(name), _topic_of(name)
    # `!help bots` is a topic and a command: both; `!help bot` is the command, in no need of an s.
    is_topic = name == asked and (command is None or command.name == topic.lower())
    if is_topic and (listed := _listed(router, topic)):
        more = [f"`!{command.name}`: {command.details}"] if command and command.details else []
        return Reply("\n".join([*listed, *more]))
    if command is None:
        raise UnknownCommand(name, *router.nearest(name), hint="`!help` shows all topics.")
    return Reply("\n".join(_in_full(command)))


def _topics(router: Router) -> Iterator[str]:
    yield "**What I can do**"
    for title, about in _TOPICS.items():
        names = ", ".join(it.name for it in router.commands if it.topic == title)
        if names:
            yield f"• `!help {title.lower()}` {about}: {names}"
    yield "One in full: `!help newbot`"


def _topic_of(word: str) -> str:
    """The title of the topic meant by a word, singular or plural; empty if there is none."""
    return next((it for it in _TOPICS if it.lower() in (word.lower(), f"{word.lower()}s")), "")


def _listed(router: Router, topic: str) -> list[str]:
    """The commands of a topic, a line each; empty if the topic has none."""
    lines = [f"• `{it.usage}` {it.summary}" for it in router.commands if it.topic == topic]
    return [f"**{topic}**", *lines] if lines else []


def _in_full(command: Command) -> Iterator[str]:
    yield f"`{command.usage}`"
    yield command.summary
    yield from (f"• `{flag}` {does}" for flag, does in command.usage.flag_lines)
    if command.details:
        yield command.details
