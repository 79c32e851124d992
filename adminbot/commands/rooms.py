"""Commands about where bots are: their rooms, and a chat between a bot and a person."""

from collections.abc import Iterator

from adminbot.accounts.membership import Whereabouts
from adminbot.accounts.private_chat import Found
from adminbot.apps.profile import Encryption
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import Paused, Refused, UsageError
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
    if seen.is_paused:
        yield from _while_paused(bot, seen)
    elif not seen.joined_count and not seen.invited_count:
        yield f"🚪 `{bot.user_id}` is in no room."
        yield f"Invite it to one. It and you alone: `!chat {name}`"
    else:
        yield from _joined(bot, seen)
    if seen.invited_count:
        yield f"✉️ **Invited** ({seen.invited_count})"
        for it in seen.invited:
            sender = f", by `{shown_id(it.sender)}`" if it.sender else ""
            yield f"• {_called(it.room_id, it.name)}{sender}"
        yield from _more(seen.invited_count - len(seen.invited))
        yield f"Accept: `!join {name}`"


def _joined(bot: Bot, seen: Whereabouts) -> Iterator[str]:
    yield f"🚪 **Rooms of {bot.called}** ({seen.joined_count})"
    yield from map(_room, seen.joined)
    yield from _more(seen.joined_count - len(seen.joined))


def _while_paused(bot: Bot, seen: Whereabouts) -> Iterator[str]:
    if seen.joined_count:
        yield from _joined(bot, seen)
    else:
        yield f"🚪 `{bot.user_id}` is in no room."
    yield f"Paused, so its invitations are not seen: `!resume {bot.user_id.localpart}`"


def _room(room: RoomFacts) -> str:
    called = _called(room.room_id, room.name, room.alias)
    if not room.members:
        return f"• {called}: not known here"
    how = "encrypted" if room.is_encrypted else "not encrypted"
    return f"• {called}: {room.members} in it, {how}"


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
    if not entered.rooms and not entered.refused:
        return Reply(
            f"`{user_id}` has no invitation. Nothing was changed.\n"
            f"Invite it to a room first, then `!join {user_id.localpart}`"
        )
    if not entered.rooms:
        raise Refused(
            f"`{user_id}` is invited, and let into none of those rooms. Nothing was changed.",
            f"`!rooms {user_id.localpart}` lists them. Have it invited anew, or decline: "
            f"`!leave {user_id.localpart} ROOM`",
        )
    lines = [f"✅ `{user_id}` is in:", *map(_item, entered.rooms)]
    if entered.refused:
        lines += ["Not let in, though invited:", *map(_item, entered.refused)]
    if entered.left:
        lines.append(f"{entered.left} more invitations: `!join {user_id.localpart}` once more")
    return Reply("\n".join(lines))


def _item(room_id: str) -> str:
    return f"• `{shown_id(room_id)}`"


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
        room_id = confirmed.rsplit(" ", 1)[0]
    else:
        room_id, what = await _room_of(ctx, bot, args["ROOM"])
        ctx.confirm(
            f"⚠️ {what}? Only who is in that room can invite it again.",
            f"{room_id} {word_for(bot.user_id)}",
            if_so="If so",
        )
    await accounts.membership.leave(args["NAME"], room_id, ctx.order)
    return Reply(f"✅ `{bot.user_id}` is out of `{shown_id(room_id)}`.")


async def _room_of(ctx: Context, bot: Bot, typed: str) -> tuple[str, str]:
    """The id of a room that a bot is to leave, and what that would be.

    Raises:
        UsageError: no such room, or the bot is not there.
        Paused, AccountGone, HomeserverError.
    """
    membership, name = ctx.services.accounts.membership, bot.user_id.localpart
    seen = await membership.look(bot)
    if seen.is_paused:
        raise Paused(bot.user_id)
    # An id or an alias first: anybody can give a room a name that reads like one.
    room = _parsed(typed)
    room_id = await membership.room_id(room) if room else _named(bot, seen, typed)
    joined = {it.room_id: _called(it.room_id, it.name, it.alias) for it in seen.joined}
    invited = {it.room_id: _called(it.room_id, it.name) for it in seen.invited}
    if room_id in invited:
        what = f"Let `{bot.user_id}` decline the invitation to {invited[room_id]}"
        return room_id, what
    if room_id not in joined and seen.are_all:
        raise UsageError(
            f"`{bot.user_id}` is not in that room. Nothing was changed.",
            f"`!rooms {name}` lists where it is.",
        )
    # Of a bot in very many rooms not all were looked at: then the server has to say no.
    called = joined.get(room_id, f"`{shown_id(room_id)}`")
    return room_id, f"Take `{bot.user_id}` out of {called}"


def _parsed(typed: str) -> RoomName | None:
    try:
        return RoomName.parse(typed)
    except UsageError:
        return None


def _named(bot: Bot, seen: Whereabouts, typed: str) -> str:
    """The id of the one room with a name. Raises UsageError: none, or not the only one."""
    names = [(it.room_id, it.name) for it in seen.joined]
    names += [(it.room_id, it.name) for it in seen.invited]
    named = [room_id for room_id, name in names if _alike(name, typed)]
    if not named:
        RoomName.parse(typed)  # says what names a room
    if len(named) == 1 and seen.are_all:
        return named[0]
    many = "so many rooms that a name is not enough"
    where = f"{len(named)} rooms of that name" if seen.are_all else many
    raise UsageError(
        f"`{bot.user_id}` is in {where}. Nothing was changed.",
        f"Type the id: `!rooms {bot.user_id.localpart}` has it.",
    )


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
    bot, found = await ctx.services.accounts.private_chats.open(args["NAME"], ctx.order)
    lines = [f"✅ {_FOUND[found].format(bot.user_id)}"]
    if bot.token_at is None:
        lines.append(f"Nobody answers there yet: `!rotate {bot.user_id.localpart}`")
    elif ctx.services.card_text.apps.get(bot.app).encryption is Encryption.NEVER:
        lines.append("Its app does not encrypt: it cannot read what you write there.")
    return Reply("\n".join(lines))


_FOUND = {
    Found.MADE: "`{}` has invited you to a private chat, encrypted and without me.",
    Found.INVITED_AGAIN: "`{}` has invited you to your private chat again.",
    Found.STILL_INVITED: "`{}` has invited you to your private chat already: accept that.",
    Found.JOINED: "You and `{}` have a private chat already: it is in your list.",
}
