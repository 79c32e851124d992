"""Commands about a bot's face: its name and its picture."""

import asyncio

from adminbot.accounts.avatar import MOST_BYTES, cleaned
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import wanted_picture
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError
from adminbot.values.text import is_seen_whole, safe_to_quote

router = Router("Rooms")

# One picture at a time: a large one takes much memory while it is worked on.
_ONE = asyncio.Semaphore(1)


@router.command(
    "setname",
    "NAME Display name",
    "what a bot is called",
    acts=True,
    details="The name that people see; the user id stays.\nExample: `!setname nanobot My helper`",
)
async def setname(ctx: Context, args: Args) -> Reply:
    name = args["Display name"].strip()
    if not 0 < len(name) <= 100:
        raise UsageError(
            "A display name has 1 to 100 characters. Nothing was changed.", "Type a shorter one."
        )
    if not is_seen_whole(name):
        raise UsageError(
            "A display name is one line of characters that can be seen. Nothing was changed.",
            "Type it without the others.",
        )
    before = await ctx.services.accounts.faces.set_name(args["NAME"], name, ctx.order)
    return Reply(f"✅ `{before.user_id}` is called {safe_to_quote(name, 100)} now.")


@router.command(
    "setpic",
    "NAME",
    "a bot's picture",
    acts=True,
    confirm=Confirm.PICTURE,
    details=(
        "Type it as a reply to a picture, or type it and send the picture within 2 minutes. I "
        "make it small, and leave out where and with what it was taken.\n"
        "Example: `!setpic nanobot`"
    ),
)
async def setpic(ctx: Context, args: Args) -> Reply:
    user_id = (await ctx.services.accounts.registry.get(args["NAME"])).user_id
    if not ctx.incoming.relates_to:
        ctx.confirm(f"🖼️ Which picture for `{user_id}`?", wanted_picture(user_id))
    # With a picture at hand none is awaited: the next one here may be for nobody else's eyes.
    about = wanted_picture(user_id)
    await ctx.services.forget_question(ctx.sender, ctx.incoming.room_id, about)
    data, kind = await _shown(ctx, user_id.localpart)
    await ctx.services.accounts.faces.set_picture(args["NAME"], data, kind, ctx.order)
    return Reply(f"✅ `{user_id}` has that picture now.")


async def _shown(ctx: Context, name: str) -> tuple[bytes, str]:
    """The picture that the command is about, cleaned, and its media type. Raises UsageError."""
    room_id, event_id = ctx.incoming.room_id, ctx.incoming.relates_to
    try:
        sent = await ctx.services.pictures.read(room_id, event_id, most=MOST_BYTES)
        async with _ONE:
            return await asyncio.to_thread(cleaned, sent)
    except UsageError:
        if not ctx.is_second_run:  # in a second one, “nothing was changed” may be untrue
            raise
        raise UsageError(
            "I can no longer read that picture. The bot has it, or the one from before.",
            f"To be sure, reply to a picture with `!setpic {name}`.",
        ) from None
