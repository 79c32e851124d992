"""Many bots by one command, interrupted."""

from tests.faults.acts import Act, Case, Problems, loose, nothing, told, typed
from tests.faults.lab import CARD_S, wait_until

_SUFFIXES = ("a", "b", "c")


def user_ids(case: Case) -> list[str]:
    """The user ids of the case's three bots."""
    server = case.user_id.partition(":")[2]
    return [f"@{case.name}-{suffix}:{server}" for suffix in _SUFFIXES]


def _line(command: str, name: str) -> str:
    return " ".join([command, *(f"{name}-{suffix}" for suffix in _SUFFIXES)])


def sections(case: Case) -> list[dict[str, str]]:
    """The newest readable card with several logins, by section; empty if there is none."""
    first = f"# @{case.name}-"
    shown = [
        m
        for m in case.bench.human.messages(case.bench.dm)
        if first in (m.body or "") and not m.redacted
    ]
    if not shown:
        return []
    found = [
        dict(line.split("=", 1) for line in section.split("\n")[1:])
        for section in str(shown[-1].body).split("\n\n")
    ]
    mine = [it for it in found if it["MATRIX_USER_ID"] in user_ids(case)]
    case.bench.secrets.update(it["MATRIX_ACCESS_TOKEN"] for it in mine)
    return mine


async def one_login_each(case: Case) -> Problems:
    """One live token for each bot, on a readable card, on the device that the bot remembers."""
    truth, problems = case.bench.truth, Problems()
    found = await wait_until(lambda: sections(case), CARD_S)
    if sorted(it["MATRIX_USER_ID"] for it in found) != user_ids(case):
        return [("lost", f"a card of {len(found)} sections")]
    for values in found:
        user_id, row = values["MATRIX_USER_ID"], truth.bot_row(values["MATRIX_USER_ID"])
        if truth.tokens(user_id) != {values["MATRIX_ACCESS_TOKEN"]: values["MATRIX_DEVICE_ID"]}:
            problems.append(("lost", f"{user_id}: not exactly the card's token is alive"))
        if row is None or row["device_id"] != values["MATRIX_DEVICE_ID"]:
            problems.append(("lost", f"{user_id}: the registry has another device, or nothing"))
    return problems + loose(case)


async def _made(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅ 3 bots are ready" not in text:
        return [("lost", f"not all were made: {text[:200]}")] if case.must_succeed else []
    return await one_login_each(case)


async def _make(case: Case) -> None:
    assert "3 bots are ready" in await case.bench.ask(_line("!newbots", case.name))
    assert not await one_login_each(case)


async def _ask_to_revoke(case: Case) -> None:
    await _make(case)
    assert "2 minutes" in await case.bench.ask("!revoke --all")


async def _all_out(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "❌" in text:
        await case.bench.ask("!revoke --all")
        text = await case.bench.ask("all")
    for user_id in user_ids(case):
        row = case.bench.truth.bot_row(user_id)
        if case.bench.truth.tokens(user_id):
            problems.append(("lost", f"{user_id}: a session lives"))
        if row is None or row["token_at"]:
            problems.append(("lost", f"{user_id}: the registry has a session"))
    return problems + loose(case)


async def _ask_to_rotate(case: Case) -> None:
    await _make(case)
    case.known |= {it["MATRIX_USER_ID"]: it["MATRIX_ACCESS_TOKEN"] for it in sections(case)}
    assert "2 minutes" in await case.bench.ask("!rotate --all")


async def _rotated(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "failed" in text or "✅" not in text:
        await case.bench.ask("!rotate --all")
        await case.bench.ask("all")
    for user_id in user_ids(case):
        if case.known[user_id] in case.bench.truth.tokens(user_id):
            problems.append(("lost", f"{user_id}: the old token lives"))
    return problems + await one_login_each(case)


async def _begin(case: Case) -> str:
    return await case.bench.say(_line("!newbots", case.name))


ACTS = (
    Act("newbots", nothing, _begin, _made, True),
    Act("rotate --all", _ask_to_rotate, typed("all"), _rotated),
    Act("revoke --all", _ask_to_revoke, typed("all"), _all_out),
)
