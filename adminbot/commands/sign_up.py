"""Commands about sign-up tokens."""

import re
from datetime import datetime, timedelta

from adminbot.cards.person import sign_up_card
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args, Flag
from adminbot.dispatch.router import Confirm, Reply, Router
from adminbot.errors import UsageError
from adminbot.homeserver.values import SigningUp, SignUpToken
from adminbot.values.clock import now, until
from adminbot.values.secret import Secret
from adminbot.values.text import format_duration, safe_to_quote

router = Router("People")

_ACTION = "new|list|revoke"
_SETTINGS = "`enable_registration: true` and `registration_requires_token: true`"
_HINTS = {
    SigningUp.SHUT: (
        f"⚠️ Nobody can sign up on this server yet. In homeserver.yaml: {_SETTINGS}; then restart "
        "Synapse."
    ),
    SigningUp.BY_ANYBODY: (
        "⚠️ Anybody can sign up on this server, also without a token. In homeserver.yaml: "
        "`registration_requires_token: true`; then restart Synapse."
    ),
    SigningUp.UNKNOWN: f"I could not see whether homeserver.yaml has {_SETTINGS}: it needs both.",
}


@router.command(
    "regtoken",
    f"{_ACTION} [TOKEN]",
    "tokens to sign up with",
    flags={
        "uses": Flag("how many people may use it; 1 if you do not say", "N"),
        "days": Flag("how long it is good; 7 if you do not say", "N"),
    },
    gives_card=True,
    only_looks=lambda args: args[_ACTION].lower() == "list",
    confirm=Confirm.BEGINNING,
    details=(
        "`new` sends you a card to pass on. `list` shows the beginnings only: a token is a "
        "secret. `revoke` takes the first characters.\nExample: `!regtoken new --uses 3 --days 14`"
    ),
)
async def regtoken(ctx: Context, args: Args) -> Reply:
    action, token = args[_ACTION].lower(), args.get("TOKEN")
    if action == "new" and not token:
        return await _new(ctx, args)
    if action not in ("list", "revoke") or (action == "list" and token):
        raise UsageError(
            f"`!regtoken` wants new, list or revoke, not “{safe_to_quote(args[_ACTION])}”."
            if action not in ("new", "list")
            else f"`!regtoken {action}` takes no token.",
            "Type: `!regtoken new`, `!regtoken list` or `!regtoken revoke TOKEN`",
        )
    if args.flags:
        raise UsageError(f"`!regtoken {action}` takes no flag. Nothing was changed.")
    return await (_list(ctx) if action == "list" else _revoke(ctx, token))


async def _new(ctx: Context, args: Args) -> Reply:
    uses = _number(args, "uses", 1, 1000)
    days = _number(args, "days", 7, 365)
    good_until = until(timedelta(days=days))
    sign_up, text = ctx.services.accounts.sign_up, ctx.services.card_text

    def phrase(token: Secret) -> str:
        return sign_up_card(text, token, uses=uses, until=good_until)

    card = await sign_up.new(ctx.order, phrase, uses=uses, until=good_until)
    hint = _HINTS.get(await sign_up.who_can(), "")
    people = "one person" if uses == 1 else f"{uses} people"
    return Reply(
        f"✅ A sign-up token for {people}, good for {days} d.\n"
        f"What to pass on is in our private chat 🔐\n{hint}".rstrip(),
        card=card,
    )


def _number(args: Args, flag: str, default: int, most: int) -> int:
    typed = args.flags.get(flag, str(default))
    if not re.fullmatch("[0-9]{1,6}", typed) or not 1 <= int(typed) <= most:
        raise UsageError(f"`--{flag}` is a number from 1 to {most} here. Nothing was made.")
    return int(typed)


async def _list(ctx: Context) -> Reply:
    tokens = await ctx.services.accounts.sign_up.all()
    if not tokens:
        return Reply("No sign-up token is good now. Make one: `!regtoken new`")
    lines = [f"🎟️ **Sign-up tokens** ({len(tokens)})", *map(_in_a_line, tokens[:20])]
    if len(tokens) > 20:
        lines.append(f"and {len(tokens) - 20} more")
    return Reply("\n".join([*lines, "Take one back: `!regtoken revoke TOKEN`"]))


def _in_a_line(token: SignUpToken) -> str:
    return f"• `{token.beginning}…` {_uses(token.uses_left)}, {_until(token.until)}"


def _uses(left: int | None) -> str:
    if left is None:
        return "any number of uses"
    return "1 use left" if left == 1 else f"{left} uses left"


def _until(moment: datetime | None) -> str:
    if moment is None:
        return "for ever"
    left_s = max(0, round((moment - now()).total_seconds()))
    return f"for {format_duration(left_s)}"


async def _revoke(ctx: Context, typed: str) -> Reply:
    if not typed:
        raise UsageError("`!regtoken revoke` needs a token.", "`!regtoken list` shows them.")
    sign_up = ctx.services.accounts.sign_up
    if ctx.is_second_run and await sign_up.is_gone(typed):  # by the first run
        return Reply("✅ That sign-up token is taken back.")
    token = await sign_up.find(typed)
    ctx.confirm(
        f"⚠️ Take the sign-up token `{token.beginning}…` back? Nobody can sign up with it then.",
        token.beginning,
        if_so="If so",
    )
    await sign_up.revoke(token.token, ctx.order)
    return Reply(f"✅ The sign-up token `{token.beginning}…` is taken back.")
