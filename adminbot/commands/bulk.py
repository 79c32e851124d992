"""Commands for many bots at once: `!newbots`, and the flag `--all` of others."""

from collections.abc import Iterator, Sequence
from functools import partial

from adminbot.accounts.act import Order
from adminbot.accounts.bulk import Part, Tally
from adminbot.commands.wanted import NEW_FLAGS, renewed_program, wanted_of
from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Reply, Router
from adminbot.errors import Refused, UsageError
from adminbot.store import Bot
from adminbot.values.ids import BotName, UserId
from adminbot.values.text import safe_to_quote

router = Router("Bots")

_MOST = 50  # new bots by one command
_AT_ONCE = 3  # Synapse hashes passwords on all its cores, and other people log in meanwhile
_ENDED_AT_ONCE = 8
_NAMED = 20  # names in an answer


@router.command(
    "newbots",
    "NAME NAME …",
    "several bots, one card",
    flags=NEW_FLAGS,
    gives_card=True,
    details=(
        f"Up to {_MOST} at once, with the flags of `!newbot`. One card has a section for each. "
        "What fails is said by name, and the rest goes on. `!cancel` lets no further one begin.\n"
        "Example: `!newbots alerts backups weather`"
    ),
)
async def newbots(ctx: Context, args: Args) -> Reply:
    accounts = ctx.services.accounts
    if len(args.each) > _MOST:
        raise UsageError(
            f"That are {len(args.each)} names; I make {_MOST} at once. Nothing was made.",
            f"Type the first {_MOST}, then the rest.",
        )
    names: dict[UserId, BotName] = {}
    bad: list[str] = []
    for typed in args.each:
        try:
            name = BotName.parse(typed, accounts.registry.server)
        except UsageError as exc:
            bad.append(f"• {exc}")
        else:
            names.setdefault(UserId(name.localpart, accounts.registry.server), name)

    async def make(name: BotName, order: Order) -> None:
        await accounts.creation.create(name, await wanted_of(ctx, args, name), order)

    parts = [Part(user_id, partial(make, name)) for user_id, name in names.items()]
    tally, cards = await _carry_out(ctx, "newbot", parts, _AT_ONCE)
    changed = [
        f"“{safe_to_quote(name.changed_from, 40)}” became `{name.localpart}`."
        for name in names.values()
        if name.changed_from
    ]
    if not tally.done:
        raise Refused(
            "\n".join(["None of them was made.", *bad, *_what_failed(tally)]),
            "\nFor example: `!newbots alerts backups`",
        )
    lines = [f"✅ {_of(tally, 'is', 'are')} ready.", *changed, *bad, *_what_failed(tally)]
    return Reply("\n".join([*lines, _where(cards)]), card=next(iter(cards), None))


async def rotate_all(ctx: Context, args: Args) -> Reply:
    """`!rotate --all`: every bot that has a login and is not paused."""
    accounts = ctx.services.accounts
    if "me-too" in args.flags or "room" in args.flags:
        raise UsageError("`--all` goes with neither `--me-too` nor `--room`. Nothing was changed.")
    every = await accounts.registry.all()
    bots = [bot for bot in every if bot.token_at and not bot.is_paused]
    _check_some(bots)
    ctx.confirm(
        f"⚠️ New tokens for {len(bots)} bots? Each one's program stops until it has its new "
        "token, from one card.",
        "all",
        if_so="To rotate all of them",
    )

    async def renew(bot: Bot, order: Order) -> None:
        program = await renewed_program(ctx, args, bot)
        new_device = "new-device" in args.flags
        await accounts.tokens.rotate(str(bot.user_id), order, program, new_device=new_device)

    parts = [Part(bot.user_id, partial(renew, bot)) for bot in bots]
    tally, cards = await _carry_out(ctx, "rotate", parts, _AT_ONCE)
    left_out = len(every) - len(bots)
    lines = list(_what_failed(tally))
    if left_out:
        lines.append(f"{left_out} signed out or paused: left as they are.")
    if not tally.done:
        raise Refused("\n".join(["None of them has a new token.", *lines]))
    head = f"✅ New tokens for {_of(tally)}. Their older tokens are dead."
    return Reply("\n".join([head, *lines, _where(cards)]), card=next(iter(cards), None))


async def revoke_all(ctx: Context, args: Args) -> Reply:
    """`!revoke --all`: every bot, those that we take for signed out last."""
    accounts = ctx.services.accounts
    bots = sorted(await accounts.registry.all(), key=lambda bot: bot.token_at is None)
    _check_some(bots)
    ctx.confirm(
        f"⚠️ Sign all {len(bots)} bots out everywhere? Their programs stop, each until its "
        "`!rotate NAME`.",
        "all",
    )

    async def end(bot: Bot, order: Order) -> None:
        await accounts.endings.revoke(str(bot.user_id), order)

    parts = [Part(bot.user_id, partial(end, bot)) for bot in bots]
    tally, _ = await _carry_out(ctx, "revoke", parts, _ENDED_AT_ONCE, is_brake=True)
    lines = list(_what_failed(tally))
    if not tally.done:
        raise Refused("\n".join(["None of them is signed out.", *lines]))
    head = f"✅ {_of(tally, 'is', 'are')} signed out everywhere."
    return Reply("\n".join([head, *lines, "Let one in again: `!rotate NAME`"]))


def _check_some(bots: Sequence[Bot]) -> None:
    if not bots:
        raise UsageError("There is no bot for that. Nothing was changed.", "`!bots` lists mine.")


async def _carry_out(
    ctx: Context, command: str, parts: Sequence[Part], at_once: int, *, is_brake: bool = False
) -> tuple[Tally, list[int]]:
    """Do all parts with one message about how far they are; returns the ids of their cards."""
    bulk = ctx.services.accounts.bulk
    async with ctx.running_total() as total:

        def tell(tally: Tally, wait: str) -> None:
            ended = len(tally.done) + len(tally.failed)
            failed = f", {len(tally.failed)} failed" if tally.failed else ""
            sign = "⏳" if ended < tally.total else "🏁"
            total.show(f"{sign} {ended} of {tally.total}{failed}\n{wait}".strip())

        tally = await bulk.run(command, parts, ctx.order, tell, at_once=at_once, is_brake=is_brake)
    cards = await bulk.finish(ctx.order, tally, ctx.services.card_text.several)
    return tally, cards


def _of(tally: Tally, one: str = "", several: str = "") -> str:
    """`3 bots are`, `1 bot is`, `2 of 3 bots are`."""
    count, total = len(tally.done), tally.total
    number = f"{count}" if count == total else f"{count} of {total}"
    noun = "bot" if total == 1 else "bots"
    return f"{number} {noun} {one if count == 1 else several}".strip()


def _what_failed(tally: Tally) -> Iterator[str]:
    if tally.failed:
        yield f"❌ {len(tally.failed)} failed:"
        shown = list(tally.failed.items())[:_NAMED]
        yield from (f"• `{user_id.localpart}`: {exc.message()}" for user_id, exc in shown)
        yield from _more(len(tally.failed))
    if tally.left:
        yield f"Not begun, {len(tally.left)}: {tally.why_left}"
        yield from (f"• `{user_id.localpart}`" for user_id in tally.left[:_NAMED])
        yield from _more(len(tally.left))


def _more(count: int) -> Iterator[str]:
    if count > _NAMED:
        yield f"and {count - _NAMED} more"


def _where(cards: Sequence[int]) -> str:
    if not cards:
        return ""
    where = "on one card" if len(cards) == 1 else f"on {len(cards)} cards"
    return f"Their logins are {where} in our private chat 🔐"
