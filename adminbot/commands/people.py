"""Commands about people's accounts."""

import asyncio
import re
from collections.abc import Iterator

from adminbot.accounts.people import Phrase
from adminbot.cards.person import person_card
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError
from adminbot.homeserver.values import AccountState, PersonSeen
from adminbot.values.clock import now
from adminbot.values.ids import BotName, UserId
from adminbot.values.render import ago
from adminbot.values.secret import Secret
from adminbot.values.text import safe_to_quote

router = Router("People")

_PER_PAGE = 20
_LONGEST_WORD = 100


@router.command(
    "newuser",
    "NAME [Display name]",
    "an account for a person",
    gives_card=True,
    details=(
        "You get a card to pass on: server, name, a password to be changed, and the first three "
        "steps in Element. A name that exists is never touched.\nExample: `!newuser anna Anna`"
    ),
)
async def newuser(ctx: Context, args: Args) -> Reply:
    people = ctx.services.accounts.people
    name = BotName.parse(args["NAME"], ctx.services.accounts.registry.server, command="newuser")
    called = args.get("Display name") or name.localpart
    if len(called) > 100:
        raise UsageError(
            "A display name has 100 characters at most. Nothing was made.", "Type a shorter one."
        )
    user_id = UserId(name.localpart, ctx.services.accounts.registry.server)
    phrase = _phrase(ctx, user_id, called, is_new=True)
    card = await people.new(name, called, ctx.order, phrase)
    changed = (
        f"\n“{safe_to_quote(name.changed_from, 60)}” became `{name.localpart}`."
        if name.changed_from
        else ""
    )
    return Reply(
        f"✅ `{user_id}` is ready.{changed}\nWhat to pass on is in our private chat 🔐", card=card
    )


@router.command(
    "resetpw",
    "@USER",
    "a fresh password for a person",
    flags={"sign-out": Flag("end every session of theirs, too")},
    gives_card=True,
    details=(
        "Sessions go on unless you say `--sign-out`. You get a card to pass on.\n"
        "Example: `!resetpw @anna`"
    ),
)
async def resetpw(ctx: Context, args: Args) -> Reply:
    people = ctx.services.accounts.people
    account = await people.changeable(args["@USER"])
    sign_out = "sign-out" in args.flags
    called = account.display_name or account.user_id.localpart
    phrase = _phrase(ctx, account.user_id, called, is_new=False)
    card = await people.reset_password(account.user_id, ctx.order, phrase, sign_out=sign_out)
    sessions = "Every session of theirs is ended." if sign_out else "Their sessions go on."
    shut = (
        f"They are shut out: it works after `!unlock {account.user_id}`.\n"
        if account.is_locked
        else ""
    )
    return Reply(
        f"✅ New password for `{account.user_id}`. {sessions}\n{shut}"
        "What to pass on is in our private chat 🔐",
        card=card,
    )


def _phrase(ctx: Context, user_id: UserId, called: str, *, is_new: bool) -> Phrase:
    text = ctx.services.card_text

    def phrase(password: Secret) -> str:
        return person_card(text, user_id, called, password, is_new=is_new)

    return phrase


@router.command(
    "lock",
    "@USER",
    "shut a person's account out",
    acts=True,
    confirm=Confirm.NAME,
    details=(
        "Their apps stop at once; sessions, keys and rooms stay as they are until `!unlock`. For "
        "bots there is `!pause`.\nExample: `!lock @anna`"
    ),
)
async def lock(ctx: Context, args: Args) -> Reply:
    people = ctx.services.accounts.people
    user_id = (await people.changeable(args["@USER"])).user_id
    ctx.confirm(
        f"⚠️ Shut `{user_id}` out? Their apps stop until `!unlock {user_id}`.",
        word_for(user_id),
        if_so="If so",
    )
    await people.lock(user_id, ctx.order)
    return Reply(f"✅ `{user_id}` is shut out.\nLet them in again: `!unlock {user_id}`")


@router.command(
    "unlock",
    "@USER",
    "let a person in again",
    acts=True,
    details="Undoes `!lock`.\nExample: `!unlock @anna`",
)
async def unlock(ctx: Context, args: Args) -> Reply:
    people = ctx.services.accounts.people
    account = await people.changeable(args["@USER"])
    if not account.is_locked and not ctx.is_second_run:
        return Reply(f"`{account.user_id}` is not shut out. Nothing was changed.")
    await people.unlock(account.user_id, ctx.order)
    return Reply(f"✅ `{account.user_id}` is let in again, with the sessions from before.")


@router.command(
    "users",
    "[WORD] [PAGE]",
    "the people on this server",
    details=(
        "WORD is part of a name. 🛡️ server admin · 🔒 shut out · 🤖 a bot in my care · 🟢 seen "
        "within the hour · 🟡 within the week · 🔴 longer ago · ⚪ never."
    ),
)
async def users(ctx: Context, args: Args) -> Reply:
    word, page = word_and_page(args)
    start = (page - 1) * _PER_PAGE
    shown, total = await ctx.services.accounts.people.page(word, start=start, count=_PER_PAGE)
    about = f" with “{safe_to_quote(word)}”" if word else ""
    if not total:
        return Reply(f"There is nobody{about}.")
    pages = (total + _PER_PAGE - 1) // _PER_PAGE
    if page > pages:
        there = f"there are {pages}" if pages > 1 else "there is one"
        raise UsageError(f"There is no page {page}; {there}.", "Type: `!users`")
    bots = await ctx.services.accounts.people.bots_among(shown)
    lines = [f"👥 **People**{about} ({total})"]
    lines += [_in_a_line(person, is_bot=person.user_id in bots) for person in shown]
    if page < pages:
        again = f"{safe_to_quote(word)} {page + 1}" if word else f"{page + 1}"
        lines.append(f"More: `!users {again}`")
    return Reply("\n".join([*lines, "Details: `!user @NAME`"]))


def word_and_page(args: Args) -> tuple[str, int]:
    """The word and the page of `[WORD] [PAGE]`: a number alone is a page. Raises UsageError."""
    first, second = args.get("WORD"), args.get("PAGE")
    if not second and first.isdecimal():
        first, second = "", first
    if second and not re.fullmatch("[1-9][0-9]{0,3}", second):
        raise UsageError(f"There is no page {safe_to_quote(second, 10)}.", "Type: `!users`")
    if len(first) > _LONGEST_WORD:
        raise UsageError(f"A name has {_LONGEST_WORD} characters at most.", "Type a shorter word.")
    return first, int(second or 1)


def _in_a_line(person: PersonSeen, *, is_bot: bool) -> str:
    signs = (
        ("🤖" if is_bot else "")
        + ("🛡️" if person.is_admin else "")
        + ("🔒" if person.is_locked else "")
    )
    called = safe_to_quote(person.display_name, 40)
    name = "" if called.casefold() in ("", person.user_id.localpart) else f" {called}"
    seen = f"seen {ago(person.last_seen)} ago" if person.last_seen else "never seen"
    return f"• {_seen_sign(person)}{signs} `{person.user_id.localpart}`{name}, {seen}"


def _seen_sign(person: PersonSeen) -> str:
    if person.last_seen is None:
        return "⚪"
    age_s = (now() - person.last_seen).total_seconds()
    return "🟢" if age_s < 3600 else "🟡" if age_s < 7 * 86400 else "🔴"


@router.command("user", "@USER", "one person in detail", details="Example: `!user @anna`")
async def user(ctx: Context, args: Args) -> Reply:
    people = ctx.services.accounts.people
    account = await people.find(args["@USER"])
    bot = await ctx.services.accounts.registry.known(account.user_id)
    if bot:
        return Reply(f"`{account.user_id}` is one of my bots: `!bot {account.user_id.localpart}`")
    devices, rooms = await asyncio.gather(
        people.devices(account.user_id), people.rooms(account.user_id)
    )
    moments = [account.last_seen, *(it.last_seen for it in devices)]
    seen = max(filter(None, moments), default=None)
    lines = [
        f"👤 **{safe_to_quote(account.display_name, 100) or account.user_id.localpart}**",
        f"• Account: `{account.user_id}`",
        *_standing(account),
        *([f"• Made: {account.made_at:%Y-%m-%d}"] if account.made_at else []),
        f"• Seen {ago(seen)} ago" if seen else "• Never seen",
        f"• Sessions: {len(devices)}",
        f"• Rooms: {rooms}",
    ]
    return Reply("\n".join(lines))


def _standing(account: AccountState) -> Iterator[str]:
    if account.is_admin:
        yield "• 🛡️ Server admin: no command of mine changes this account"
    if account.is_locked:
        yield f"• 🔒 Shut out. Let them in: `!unlock {account.user_id}`"
    if account.is_deactivated:
        yield "• Closed for good"
    if account.appservice_id:
        yield f"• Belongs to a bridge: {safe_to_quote(account.appservice_id, 60)}"
    elif account.user_type:
        yield f"• Kind: {safe_to_quote(account.user_type, 30)}"
