"""What a person wants for a bot: from flags to the wishes that the accounts understand."""

from dataclasses import replace

from adminbot.accounts.create import Wanted
from adminbot.accounts.handover import Program
from adminbot.apps import PLAIN, Encryption, Identity, Profile
from adminbot.commands.apps import hinted, program_of
from adminbot.commands.care import note_of
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.errors import AdminbotError, UsageError
from adminbot.store import Bot
from adminbot.values.ids import BotName, parse_device_id

NEW_FLAGS = {
    "for": Flag("the login in the form of this program: `!apps` lists them", "APP"),
    "room": Flag("the room for its settings, if it wants one: id, alias or link", "ROOM"),
    "device": Flag("choose the device id", "ID"),
    "password": Flag("put a password on the card, too"),
    "own-identity": Flag("its program makes its cross-signing identity itself"),
    "note": Flag("what it is for; several words in “quotes”", "TEXT"),
    "recovery": Flag("put a recovery key on the card, for a program that wants one"),
}


async def wanted_of(ctx: Context, args: Args, name: BotName) -> Wanted:
    """The wishes for a new bot. Raises UsageError, and as `program_of`."""
    display_name = args.get("Display name") or name.localpart
    if len(display_name) > 100:
        raise UsageError(
            "A display name has 100 characters at most. Nothing was made.", "Type a shorter one."
        )
    profile, program = await _form_for(ctx, args, name.localpart)
    device_id = parse_device_id(args.flags["device"]) if "device" in args.flags else None
    if device_id and program.picks_device:
        raise UsageError(
            f"{profile.title} picks its device itself. Nothing was made.", "Leave `--device` out."
        )
    own_identity, recovery = _identity(args, profile)
    return Wanted(
        display_name=display_name,
        device_id=device_id,
        password="password" in args.flags or profile.by_password,
        own_identity=own_identity,
        recovery=recovery,
        program=program,
        note=note_of(args.flags["note"]) if "note" in args.flags else "",
    )


async def renewed_program(ctx: Context, args: Args, bot: Bot) -> Program:
    """The program that gets a new token: the one that was typed, or the bot's present one."""
    apps = ctx.services.card_text.apps
    profile = apps.named(args.flags["for"]) if "for" in args.flags else apps.get(bot.app)
    program = await program_of(profile, args, ctx, bot)
    if "for" not in args.flags and not apps.find(bot.app or PLAIN):
        # The profile's file is gone, perhaps for a while: the bot keeps its app.
        return replace(program, app=bot.app)
    return program


async def _form_for(ctx: Context, args: Args, name: str) -> tuple[Profile, Program]:
    """The profile, and what it means for the account. Raises as `_profile_for`, `program_of`."""
    try:
        profile = _profile_for(ctx, args, name)
        return profile, await program_of(profile, args, ctx)
    except AdminbotError:
        if not ctx.is_second_run:
            raise
        # The account may be made already. That is finished, in the plain form, even if the room's
        # alias or the profile has gone since: refused here, nobody would know of the account.
        return ctx.services.card_text.apps.get(PLAIN), Program()


def _profile_for(ctx: Context, args: Args, name: str) -> Profile:
    """The profile asked for by `--for`, or by the bot's name alone, or the plain one.

    Raises UsageError: no such profile, or a typed flag for which its block has no place.
    """
    apps = ctx.services.card_text.apps
    if "for" in args.flags:
        profile = apps.named(args.flags["for"])
    else:
        profile = hinted(apps, name, has_room="room" in args.flags) or apps.get(PLAIN)
    for flag, placeholder in (("password", "password"), ("recovery", "recovery_key")):
        if flag in args.flags and not profile.has_place_for(placeholder):
            if "for" not in args.flags:
                return apps.get(PLAIN)
            raise UsageError(
                f"The settings of {profile.title} have no place for that. Nothing was made.",
                f"Leave `--{flag}` out, or use `--for env`.",
            )
    return profile


def _identity(args: Args, profile: Profile) -> tuple[bool, bool]:
    """Whether the program makes the identity itself, and whether it gets a recovery key.

    Raises UsageError: both were typed.
    """
    own, recovery = "own-identity" in args.flags, "recovery" in args.flags
    if own and recovery:
        raise UsageError(
            "`--recovery` gives the program an identity that I make, `--own-identity` leaves it "
            "to the program. Nothing was made.",
            "Use one of them.",
        )
    if own or recovery or profile.encryption is Encryption.NEVER:
        return own, recovery
    return profile.identity is Identity.PROGRAM, profile.identity is Identity.RECOVERY_KEY
