"""Commands that give a bot its login: from words to Accounts and back to words."""

from dataclasses import replace

from adminbot.accounts.create import Wanted
from adminbot.accounts.handover import Program
from adminbot.apps import PLAIN, Encryption, Identity, Profile
from adminbot.apps.profile import Need
from adminbot.commands.apps import hinted, program_of
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.router import Reply, Router
from adminbot.errors import AdminbotError, UsageError
from adminbot.store import Bot
from adminbot.values.ids import BotName, parse_device_id
from adminbot.values.text import safe_to_quote

router = Router("Bots")


@router.command(
    "newbot",
    "NAME [Display name]",
    "make a bot, get its login",
    flags={
        "for": Flag("the login in the form of this program: `!apps` lists them", "APP"),
        "room": Flag("the room for its settings, if it wants one: id, alias or link", "ROOM"),
        "device": Flag("choose the device id", "ID"),
        "password": Flag("put a password on the card, too"),
        "own-identity": Flag("its program makes its cross-signing identity itself"),
        "recovery": Flag("put a recovery key on the card, for a program that wants one"),
    },
    gives_card=True,
    details=(
        "Makes the account with one device and sends you a card in our private chat with what its "
        "program needs to log in. Once the program shows up, I sign its device, so that nobody "
        "sees a red shield.\n"
        "A name that is a program's, such as nanobot, stands for `--for nanobot`.\n"
        "A name that exists is never touched.\n"
        "Example: `!newbot nanobot My assistant`"
    ),
)
async def newbot(ctx: Context, args: Args) -> Reply:
    accounts = ctx.services.accounts
    name = BotName.parse(args["NAME"], accounts.registry.server)
    profile, program = await _form_for(ctx, args, name.localpart)
    device_id = parse_device_id(args.flags["device"]) if "device" in args.flags else None
    display_name = args.get("Display name") or name.localpart
    if len(display_name) > 100:
        raise UsageError("A display name has 100 characters at most. Nothing was made.")
    if device_id and program.picks_device:
        raise UsageError(
            f"{profile.title} picks its device itself. Nothing was made.", "Leave `--device` out."
        )
    own_identity, recovery = _identity(args, profile)
    wanted = Wanted(
        display_name=display_name,
        device_id=device_id,
        password="password" in args.flags or profile.by_password,
        own_identity=own_identity,
        recovery=recovery,
        program=program,
    )
    bot, card = await accounts.creation.create(name, wanted, ctx.order)
    changed = (
        f"\n“{safe_to_quote(name.changed_from, 60)}” became `{name.localpart}`."
        if name.changed_from
        else ""
    )
    missed = _own_form(ctx, args, bot)
    return Reply(
        f"✅ `{bot.user_id}` is ready.{changed}\nIts login is in our private chat 🔐{missed}",
        card=card,
    )


def _own_form(ctx: Context, args: Args, bot: Bot) -> str:
    """How a bot that is called like a program gets that form, where a room was missing for it."""
    name = bot.user_id.localpart
    profile = ctx.services.card_text.apps.find(name)
    if profile is None or bot.app or "for" in args.flags or profile.room is not Need.NEEDED:
        return ""
    return f"\nIn {profile.title}'s own form: `!rotate {name} --for {name} --room ROOM`"


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


@router.command(
    "rotate",
    "NAME",
    "new token, same device and keys",
    flags={
        "for": Flag("in the form of this program; `--for env` is the plain one", "APP"),
        "room": Flag("the room for its settings, if it wants one: id, alias or link", "ROOM"),
        "new-device": Flag("sign everything out and start on a fresh device"),
        "me-too": Flag("with my own name: renew my own token"),
    },
    gives_card=True,
    details=(
        "Every older token dies at once; the device and its encryption keys stay, so the "
        "program goes on where it was once it has the new token.\n"
        "Example: `!rotate nanobot`"
    ),
)
async def rotate(ctx: Context, args: Args) -> Reply:
    accounts, new_device = ctx.services.accounts, "new-device" in args.flags
    if "me-too" in args.flags:
        accounts.registry.check_own(args["NAME"])
        if new_device:
            raise UsageError(
                "My own device stays as it is. Nothing was changed.", "Leave `--new-device` out."
            )
        await accounts.tokens.rotate_own(ctx.order)
        return Reply(
            "✅ My own token is new, older ones are dead. It is sealed in my data directory; the "
            "one in the env file is no use any more. Backups from before are none either: "
            "`adminbot backup FILE`"
        )
    bot = await accounts.registry.get(args["NAME"])
    apps = ctx.services.card_text.apps
    profile = apps.named(args.flags["for"]) if "for" in args.flags else apps.get(bot.app)
    program = await program_of(profile, args, ctx, bot)
    if "for" not in args.flags and not apps.find(bot.app or PLAIN):
        # The profile's file is gone, perhaps for a while: the bot keeps its app.
        program = replace(program, app=bot.app)
    bot, card = await accounts.tokens.rotate(
        args["NAME"], ctx.order, program, new_device=new_device
    )
    if program.logs_in:
        return Reply(
            f"✅ New password for `{bot.user_id}`. Every session of it is ended.\n"
            "The login is in our private chat 🔐",
            card=card,
        )
    return Reply(
        f"✅ New token for `{bot.user_id}`, device `{bot.device_id}`. Older tokens are dead.\n"
        "The login is in our private chat 🔐",
        card=card,
    )
