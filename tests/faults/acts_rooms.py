"""A bot leaves a room, or has a private chat with a person; interrupted."""

from tests.faults.acts import Act, Case, Problems, invite, loose, make, told, typed
from tests.faults.lab import rows
from tests.world import call


async def _joined(case: Case) -> list[str]:
    token, path = case.known["MATRIX_ACCESS_TOKEN"], "/_matrix/client/v3/joined_rooms"
    answer = await call(case.bench.homeserver, token, "GET", path)
    return list(answer.json()["joined_rooms"])


def _no_puppet(case: Case) -> Problems:
    if case.bench.truth.endless_puppets(case.user_id):
        return [("leaked", "a session without end was left behind")]
    return []


async def _ask_to_leave(case: Case) -> None:
    await invite(case)
    assert "✅" in await case.bench.ask(f"!join {case.name}")
    assert "2 minutes" in await case.bench.ask(f"!leave {case.name} {case.known['room']}")


async def _left(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!leave {case.name} {case.known['room']}")
        await case.bench.ask(case.name)
    if await _joined(case):
        problems.append(("lost", "it is in the room"))
    return problems + _no_puppet(case) + loose(case)


async def _has_chat(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!chat {case.name}")
    sql = "SELECT content FROM account_data WHERE user_id = ? AND account_data_type = 'm.direct'"
    noted = rows(case.bench.truth.synapse, sql, case.user_id)
    found = await _joined(case)
    # Where the answer to a request that makes a room was lost, nobody can know of that room.
    if case.must_succeed and len(found) != 1:
        problems.append(("duplicated", f"{len(found)} chats"))
    if not noted or not any(room in noted[0]["content"] for room in found):
        problems.append(("lost", "no chat in m.direct"))
    return problems + _no_puppet(case) + loose(case)


ACTS = (
    Act("leave", _ask_to_leave, typed("{name}"), _left),
    Act("chat", make, typed("!chat {name}"), _has_chat),
)
