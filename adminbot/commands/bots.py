"""Commands that give a bot its login: from words to Accounts and back to words."""

from adminbot.apps.profile import Need
from adminbot.commands.bulk import rotate_all
from adminbot.commands.wanted import NEW_FLAGS, renewed_program, wanted_of
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError
from adminbot.store import Bot
from adminbot.values.ids import BotName
from adminbot.values.text import safe_to_quote

router = Router("Bots")


@router.command(
    "newbot",
    "NAME [Display name]",
    "make a bot, get its login",
    flags=NEW_FLAGS,
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
    wanted = await wanted_of(ctx, args, name)
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


@router.command(
    "rotate",
    "NAME",
    "new token, same device and keys",
    flags={
        "all": Flag("every bot that is signed in; one card for all of them", instead_of="NAME"),
        "for": Flag("in the form of this program; `--for env` is the plain one", "APP"),
        "room": Flag("the room for its settings, if it wants one: id, alias or link", "ROOM"),
        "new-device": Flag("sign everything out and start on a fresh device"),
        "me-too": Flag("with my own name: renew my own token"),
    },
    gives_card=True,
    confirm=Confirm.ALL,
    details=(
        "Every older token dies at once; the device and its encryption keys stay, so the "
        "program goes on where it was once it has the new token.\n"
        "Example: `!rotate nanobot`"
    ),
)
async def rotate(ctx: Context, args: Args) -> Reply:
    accounts, new_device = ctx.services.accounts, "new-device" in args.flags
    if "all" in args.flags:
        return await rotate_all(ctx, args)
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
    program = await renewed_program(ctx, args, bot)
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
