"""Taking an existing account into care: what it is, one question or two, and what follows."""

from adminbot.accounts.adoption import Candidate
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.questions import word_for
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.store import Bot
from adminbot.values.render import ago
from adminbot.values.text import safe_to_quote, shown_id

router = Router("Bots")

# Before the user id in what the second question is about: the first one's answer is not enough.
_IN_USE = "in use:"


@router.command(
    "adopt",
    "@USER",
    "take an existing account into care",
    acts=True,
    confirm=Confirm.NAME,
    details=(
        "Shows what it is, and asks. Nothing of it is changed: sessions, password, devices and "
        "keys stay. From then on everything that can be done with my bots can be done with it.\n"
        "A person's account that is in use takes a second answer: the full user id.\n"
        "Not for server admins, my admins, bridges' accounts and accounts of other servers.\n"
        "Example: `!adopt @oldbot:example.org`"
    ),
)
async def adopt(ctx: Context, args: Args) -> Reply:
    adoption = ctx.services.accounts.adoption
    candidate = await adoption.look(args["@USER"])
    user_id = candidate.user_id
    first, second = word_for(user_id), f"{_IN_USE} {user_id}"
    if ctx.incoming.confirmed != second:
        ctx.confirm(_preview(candidate), first, if_so="To take it into care")
        if candidate.seems_in_use:
            ctx.confirm_also(_whose(candidate), second, if_so="To take it all the same")
    also_in_use = ctx.incoming.confirmed == second
    bot = await adoption.adopt(args["@USER"], ctx.order, also_in_use=also_in_use)
    return Reply(
        f"✅ `{bot.user_id}` is in my care. Nothing of it was changed.\n"
        f"How it is: `!bot {bot.user_id.localpart}`{_unsigned(bot)}"
    )


def _preview(candidate: Candidate) -> str:
    account, seen = candidate.account, candidate.last_seen
    sessions = str(len(candidate.devices)) if candidate.devices else "none"
    last = f", last seen {ago(seen)} ago" if seen else ", never used" if candidate.devices else ""
    device = f", device `{shown_id(candidate.device_id)}`" if candidate.device_id else ""
    kind = "bot" if account.user_type == "bot" else safe_to_quote(account.user_type) or "person"
    made = f"{account.made_at:%Y-%m-%d}" if account.made_at else "unknown"
    return "\n".join(
        [
            f"🤝 Take `{account.user_id}` into care?{_called(account.display_name)}",
            f"• Made: {made}, type: {kind}",
            f"• Sessions: {sessions}{last}{device}",
            f"• Rooms: {candidate.rooms}",
            "• Server admin: no",
            f"• Identity: {'its own, which stays its own' if candidate.master else 'none yet'}",
            *(["• ⏸ It is locked."] if account.is_locked else []),
            "Nothing of it is changed; my commands for bots work on it then.",
        ]
    )


def _called(display_name: str) -> str:
    name = safe_to_quote(display_name, 60)
    return f" It is called “{name}”." if name else ""


def _whose(candidate: Candidate) -> str:
    account, seen = candidate.account, candidate.last_seen
    name = safe_to_quote(account.display_name, 60) or account.user_id.localpart
    used = f"was used {ago(seen)} ago" if seen else "has been used"
    used = used if seen or candidate.was_used else "is signed in"
    return (
        f"⚠️ This seems to be a person's account: “{name}” {used}, and nobody asks them. In my "
        "care, whoever may command me can sign them out (`!revoke --all` does so, too), get a "
        "login that acts as them, and close the account for good."
    )


def _unsigned(bot: Bot) -> str:
    if bot.own_identity or bot.device_id is None:
        return ""
    return f"\nNobody has signed its device. To let me do so: `!trust {bot.user_id.localpart}`"
