"""Commands about the programs that bots are for: app profiles."""

from collections.abc import Iterator
from dataclasses import replace

from adminbot.accounts.handover import Program, Purpose
from adminbot.apps import PLAIN, Catalog, Encryption, Identity, Profile, Takes
from adminbot.apps.profile import Chosen, Need
from adminbot.cards.program import steps
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Reply, Router
from adminbot.errors import UsageError
from adminbot.store import Bot
from adminbot.values.room_names import RoomName

router = Router("Bots")

_TAKES = {
    Takes.TOKEN: "a token",
    Takes.PASSWORD: "a password",
    Takes.EITHER: "a token, and a password if you want one",
    Takes.EXACTLY_ONE: "a token or a password, never both",
}
_ENCRYPTION = {
    Encryption.ALWAYS: "yes",
    Encryption.OPTIONAL: "if it is turned on",
    Encryption.NEVER: "no, it sends in clear",
}
_IDENTITY = {
    Identity.ADMINBOT: "I sign its device",
    Identity.PROGRAM: "its program does that itself",
    Identity.RECOVERY_KEY: "its program, with a recovery key from me",
}


async def program_of(
    profile: Profile, args: Args, ctx: Context, known: Bot | None = None
) -> Program:
    """What the accounts have to know of a program.

    Args:
        known: the bot so far, whose room counts where no other is typed.

    Raises UsageError: a room is missing, superfluous, or of no use to the program.
    """
    if "room" not in args.flags:
        room_id, alias = (known.room_id, known.room_alias) if known else ("", "")
    else:
        room_id, alias = await _room(profile, RoomName.parse(args.flags["room"]), ctx)
    if profile.room is Need.NEEDED and not room_id:
        raise UsageError(
            f"{profile.title} wants to know its room. Nothing was changed.",
            "Add `--room ROOM`: its id, its alias, or a link to it.",
        )
    if profile.room is not Need.NO and not profile.bare_room_id:
        _check_has_server(profile, alias or room_id)
    return Program(
        app="" if profile.name == PLAIN else profile.name,
        room_id=room_id,
        room_alias=alias,
        logs_in=profile.by_password,
        picks_device=profile.device is Chosen.THEIRS,
        shows_keys=profile.encryption is not Encryption.NEVER,
        keeps_device=profile.keeps_device,
    )


async def _room(profile: Profile, room: RoomName, ctx: Context) -> tuple[str, str]:
    """The id of a room, and its alias if it was typed so."""
    if profile.room is Need.NO:
        raise UsageError(
            f"The settings of {profile.title} name no room. Nothing was changed.",
            "Leave `--room` out, and invite the bot there.",
        )
    room_id = await ctx.services.accounts.membership.room_id(room)
    return room_id, room.text if room.is_alias else ""


def _check_has_server(profile: Profile, room: str) -> None:
    if room and ":" not in room:
        raise UsageError(
            f"{profile.title} cannot use a room id without a server's name in it (they have none "
            "since room version 12). Nothing was changed.",
            "Give the room an address in its settings, and type that: `--room #name:server`",
        )


def hinted(apps: Catalog, name: str, *, has_room: bool) -> Profile | None:
    """The profile that a bot's name alone asks for, if nothing it needs is missing."""
    profile = apps.find(name)
    if profile is None or (profile.room is Need.NEEDED and not has_room):
        return None
    return None if profile.room is Need.NO and has_room else profile


@router.command(
    "config",
    "NAME [APP]",
    "a bot's settings, without the secrets",
    details=(
        "The block of its card with `***` for what is secret, in the form of its app or of APP. "
        "`!rotate NAME --for APP` gives the real one.\nExample: `!config nanobot env`"
    ),
)
async def config(ctx: Context, args: Args) -> Reply:
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    text = ctx.services.card_text
    app = args.get("APP")
    profile = text.apps.named(app) if app else text.apps.get(bot.app)
    shown = text.without_secrets(replace(bot, app=profile.name), ctx.sender)
    lines = "\n".join(f"`{line}`" if line.strip() else "" for line in shown.split("\n"))
    return Reply(f"📋 **{bot.called}**, for {profile.title}\n{lines}")


@router.command(
    "apps",
    "[APP]",
    "programs I know, and what one needs",
    at_once=True,
    details="Example: `!apps nanobot`",
)
async def apps(ctx: Context, args: Args) -> Reply:
    catalog = ctx.services.card_text.apps
    if typed := args.get("APP"):
        return Reply("\n".join(_in_full(catalog.named(typed))))
    lines = [f"• `{profile.name}` {profile.about}" for profile in catalog]
    return Reply(
        "\n".join(
            [
                f"📦 **Programs I know** ({len(lines)})",
                *lines,
                "More: `!apps APP`. Use: `!newbot NAME --for APP`",
            ]
        )
    )


def _in_full(profile: Profile) -> Iterator[str]:
    example = {"localpart": "NAME", "user_id": "@NAME"}
    yield f"📦 **{profile.title}**: {profile.about}"
    yield f"• Logs in with {_TAKES[profile.takes]}"
    yield f"• Encrypted: {_ENCRYPTION[profile.encryption]}"
    if profile.encryption is not Encryption.NEVER:
        yield f"• Cross-signing: {_IDENTITY[profile.identity]}"
    yield f"• Goes into {profile.say(profile.paste_into, example)}"
    if profile.room is not Need.NO:
        yield "• Wants a room: `--room ROOM`"
    first = enumerate(steps(profile, Purpose.NEW), start=1)
    yield from (f"{i}. {profile.say(step, example)}" for i, step in first)
    yield f"Does it work? {profile.say(profile.works, example)}"
    yield from (f"• {profile.say(gotcha, example)}" for gotcha in profile.gotchas)
    yield from (f"Source: {source}" for source in profile.source)
    room = " --room ROOM" if profile.room is Need.NEEDED else ""
    yield f"Make one: `!newbot NAME --for {profile.name}{room}`"
