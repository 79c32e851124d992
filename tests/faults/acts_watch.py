"""Who is told of a silence, and who is reminded; interrupted."""

from tests.faults.acts import Act, Case, Problems, loose, make, told, typed
from tests.faults.lab import rows


def _row(case: Case, table: str, column: str) -> object:
    sql = f"SELECT {column} FROM {table} WHERE user_id = ?"  # noqa: S608  # both are written here
    found = rows(case.bench.truth.bot, sql, case.user_id)
    return found[0][0] if found else None


async def _watched(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!watch {case.name} 5h")
    if _row(case, "watch", "silent_s") != 5 * 3600:
        problems.append(("lost", "nobody watches it"))
    return problems + loose(case)


async def _expires(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!expiry {case.name} 30d")
    if _row(case, "expiry", "days") != 30:
        problems.append(("lost", "nobody is reminded"))
    return problems + loose(case)


ACTS = (
    Act("watch", make, typed("!watch {name} 5h"), _watched),
    Act("expiry", make, typed("!expiry {name} 30d"), _expires),
)
