"""The command that shows the audit."""

import re
from collections.abc import Iterator

from adminbot.dispatch.context import Context
from adminbot.dispatch.grammar import Args
from adminbot.dispatch.router import Reply, Router
from adminbot.errors import UsageError
from adminbot.store import BY_TAP, OURSELVES, SHELL, Entry, Kind
from adminbot.values.clock import now
from adminbot.values.text import safe_to_quote, shown_id

router = Router("Watching")

_PER_PAGE = 10


@router.command(
    "audit",
    "[NAME] [PAGE]",
    "who did what, and how it ended",
    details=(
        "The newest first; NAME is a bot, a person, or who did it. ✅ done · ❌ not done · ⛔ "
        "refused · 🚨 alarm · ⏳ under way. A device is shown where it is not the one you type "
        "on. All of it: `adminbot audit` in the shell.\nExample: `!audit nanobot`"
    ),
)
async def audit(ctx: Context, args: Args) -> Reply:
    name, page = args.get("NAME"), args.get("PAGE")
    if not page and name.isdecimal():  # Synapse keeps such names for guests; `@2` would be one
        name, page = "", name
    if page and not re.fullmatch("[1-9][0-9]{0,4}", page):
        raise UsageError(f"There is no page {safe_to_quote(page, 10)}.", "Type: `!audit`")
    number = int(page or 1)
    about = str(ctx.services.accounts.people.user_id(name)) if name else ""
    table = ctx.services.audit
    # One more than a page tells whether there is another page.
    found = await table.page(about, start=(number - 1) * _PER_PAGE, count=_PER_PAGE + 1)
    open_acts = await table.under_way(about) if number == 1 else []
    if not found and not open_acts:
        return Reply("There is nothing there." if number > 1 else "Nothing was done yet.")
    title = f" of `{about}`" if about else ""
    lines = [f"📜 **Audit**{title}, times in UTC"]
    for entry in (*open_acts, *found[:_PER_PAGE]):
        server = ctx.services.accounts.registry.server
        line = in_a_line(entry, you=str(ctx.sender), device=ctx.incoming.device, server=server)
        lines.append(line)
    if len(found) > _PER_PAGE:
        lines.append(f"More: `!audit {f'{shown_id(name)} ' if name else ''}{number + 1}`")
    return Reply("\n".join(lines))


def in_a_line(entry: Entry, *, you: str, device: str, server: str) -> str:
    """An entry as `you` see it, who type on `device`."""
    return "• " + " ".join(filter(None, _parts(entry, you, device, server)))


def _parts(entry: Entry, you: str, device: str, server: str) -> Iterator[str]:
    yield _sign(entry)
    if entry.at:
        is_today = entry.at.date() == now().date()
        yield f"{entry.at:%H:%M}" if is_today else f"{entry.at:%Y-%m-%d %H:%M}"
    if entry.kind is not Kind.ALARM:
        yield f"{_who(entry.who, you, server)}:"
    yield safe_to_quote(entry.what, 60)
    if entry.target:
        yield f"`{_short(entry.target, server)}`"
    if entry.outcome not in (None, "done", "told"):
        yield f"({safe_to_quote(_in_words(str(entry.outcome)), 80)})"
    if entry.device == BY_TAP:
        yield BY_TAP
    elif entry.device and entry.device != device:
        yield f"on `{shown_id(entry.device)}`"


def _sign(entry: Entry) -> str:
    if entry.outcome is None:
        return "⏳"
    if entry.kind is Kind.CHANGE:
        return "✅" if entry.outcome == "done" else "❌"
    return "🚨" if entry.kind is Kind.ALARM else "⛔"


def _who(who: str, you: str, server: str) -> str:
    if who == you:
        return "you"
    return who if who in (SHELL, OURSELVES) else f"`{_short(who, server)}`"


def _short(user_id: str, server: str) -> str:
    """A user id of this server by its localpart."""
    return shown_id(user_id.removesuffix(f":{server}").removeprefix("@"))


def _in_words(outcome: str) -> str:
    """`NameTaken` as `name taken`; a sentence as it is."""
    if " " in outcome:
        return outcome
    return re.sub("(?<!^)(?=[A-Z])", " ", outcome).lower()
