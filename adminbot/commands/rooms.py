"""Commands about where bots are: their rooms, and a chat between a bot and a person."""

from collections.abc import Iterator

from adminbot.accounts.membership import Whereabouts
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError
from adminbot.homeserver.values import RoomFacts
from adminbot.store import Bot
from adminbot.values.room_names import RoomName
from adminbot.values.text import safe_to_quote, shown_id

router = Router("Rooms")


@router.command(
    "rooms",
    "NAME",
    "where a bot is, and is invited",
    details="Example: `!rooms nanobot`",
)
async def rooms(ctx: Context, args: Args) -> Reply:
    bot = await ctx.services.accounts.registry.get(args["NAME"])
    seen = await ctx.services.accounts.membership.look(bot)
    return Reply("\n".join(_listed(bot, seen)))


def _listed(bot: Bot, seen: Whereabouts) -> Iterator[str]:
    name = bot.user_id.localpart
    if not seen.joined_count and not seen.invited_count:
        yield f"🚪 `{bot.user_id}` is in no room."
        yield f"Invite it to one. It and you alone: `!chat {name}`"
        return
    yield f"🚪 **Rooms of {bot.called}** ({seen.joined_count})"
    yield from map(_room, seen.joined)
    yield from _more(seen.joined_count - len(seen.joined))
    if seen.invited_count:
        yield f"✉️ **Invited** ({seen.invited_count})"
        for it in seen.invited:
            sender = f", by `{shown_id(it.sender)}`" if it.sender else ""
            yield f"• {_called(it.room_id, it.name)}{sender}"
        yield from _more(seen.invited_count - len(seen.invited))
        yield f"Accept: `!join {name}`"


def _room(room: RoomFacts) -> str:
    people = f"{room.members} in it" if room.members else "not known here"
    clear = "" if room.is_encrypted or not room.members else ", not encrypted"
    return f"• {_called(room.room_id, room.name, room.alias)}: {people}{clear}"


def _called(room_id: str, name: str, alias: str = "") -> str:
    """A room's name, as others gave it, and what to type for the room."""
    said = safe_to_quote(name, 40)
    typed = f"`{shown_id(alias or room_id)}`"
    return f"{said} {typed}" if said else typed


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield f"and {count} more"


@router.command(
    "join",
    "NAME [ROOM]",
    "take a bot into a room",
    acts=True,
    details=(
        "Accepts every invitation that the bot has, or enters ROOM: an id, an alias, or a link. "
        "For programs that do not do so themselves.\nExample: `!join alerts`"
    ),
)
async def join(ctx: Context, args: Args) -> Reply:
    typed = args.get("ROOM")
    room = RoomName.parse(typed) if typed else None
    accounts = ctx.services.accounts
    user_id = (await accounts.registry.get(args["NAME"])).user_id
    entered = await accounts.membership.join(args["NAME"], room, ctx.order)
    if not entered:
        return Reply(
            f"`{user_id}` has no invitation. Nothing was changed.\n"
            f"Invite it to a room first, then `!join {user_id.localpart}`"
        )
    rooms = "\n".join(f"• `{shown_id(room_id)}`" for room_id in entered)
    return Reply(f"✅ `{user_id}` is in:\n{rooms}")


@router.command(
    "leave",
    "NAME ROOM…",
    "take a bot out of a room",
    acts=True,
    confirm=Confirm.NAME,
    details=(
        "ROOM is an id, an alias, a link, or the room's name; an invitation is declined. Only who "
        "is in the room can let the bot in again.\nExample: `!leave alerts #ops:example.org`"
    ),
)
async def leave(ctx: Context, args: Args) -> Reply:
    accounts = ctx.services.accounts
    bot = await accounts.registry.get(args["NAME"])
    if confirmed := ctx.incoming.confirmed:
        room_id = confirmed.split(" ")[0]
    else:
        room_id, called = await _room_of(ctx, bot, args["ROOM"])
        ctx.confirm(
            f"⚠️ Take `{bot.user_id}` out of {called}? Only who is in that room can invite it "
            "again.",
            f"{room_id} {word_for(bot.user_id)}",
            if_so="If so",
        )
    await accounts.membership.leave(args["NAME"], room_id, ctx.order)
    return Reply(f"✅ `{bot.user_id}` is out of `{shown_id(room_id)}`.")


async def _room_of(ctx: Context, bot: Bot, typed: str) -> tuple[str, str]:
    """The id of one of the bot's rooms, and what to call the room. Raises UsageError."""
    membership = ctx.services.accounts.membership
    seen = await membership.look(bot)
    rooms = {it.room_id: _called(it.room_id, it.name, it.alias) for it in seen.joined}
    rooms |= {it.room_id: _called(it.room_id, it.name) for it in seen.invited}
    names = {it.room_id: it.name for it in seen.joined}
    names |= {it.room_id: it.name for it in seen.invited}
    named = [room_id for room_id, name in names.items() if _alike(name, typed)]
    if len(named) > 1:
        raise UsageError(
            f"`{bot.user_id}` is in {len(named)} rooms of that name. Nothing was changed.",
            f"Type the id: `!rooms {bot.user_id.localpart}` has it.",
        )
    room_id = named[0] if named else await membership.room_id(RoomName.parse(typed))
    # Of a bot in very many rooms not all were looked at: then the server has to say no.
    are_all = seen.joined_count + seen.invited_count == len(rooms)
    if room_id not in rooms and are_all:
        raise UsageError(
            f"`{bot.user_id}` is not in that room. Nothing was changed.",
            f"`!rooms {bot.user_id.localpart}` lists where it is.",
        )
    return room_id, rooms.get(room_id, f"`{shown_id(room_id)}`")


def _alike(name: str, typed: str) -> bool:
    """Whether a room's name was typed, as it was shown."""
    shown, said = (safe_to_quote(it, 200).casefold() for it in (name, typed))
    return bool(shown) and shown == said


@router.command(
    "chat",
    "NAME",
    "a private chat of you and a bot",
    acts=True,
    details=(
        "The bot invites you to an encrypted chat, in which I am not. Typed again, it is the same "
        "chat.\nExample: `!chat nanobot`"
    ),
)
async def chat(ctx: Context, args: Args) -> Reply:
    bot, membership = await ctx.services.accounts.private_chats.open(args["NAME"], ctx.order)
    lines = [f"✅ `{bot.user_id}` has invited you to a private chat, encrypted and without me."]
    if membership == "join":
        lines = [f"✅ You and `{bot.user_id}` have a private chat already: it is in your list."]
    elif membership:
        lines = [f"✅ `{bot.user_id}` has invited you to your private chat again."]
    if bot.token_at is None:
        lines.append(f"Nobody answers there yet: `!rotate {bot.user_id.localpart}`")
    return Reply("\n".join(lines))
