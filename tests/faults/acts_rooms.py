"""A bot leaves a room, or has a private chat with a person; interrupted."""

from tests.faults.acts import Act, Case, Problems, invite, loose, make, told, typed
from tests.faults.lab import rows
from tests.world import call


async def _joined(case: Case) -> list[str]:
    token, path = case.known["MATRIX_ACCESS_TOKEN"], "/_matrix/client/v3/joined_rooms"
    answer = await call(case.bench.homeserver, token, "GET", path)
    return list(answer.json()["joined_rooms"])


async def _is_with(case: Case, room_id: str, person: str) -> bool:
    token = case.known["MATRIX_ACCESS_TOKEN"]
    path = f"/_matrix/client/v3/rooms/{room_id}/state/m.room.member/{person}"
    return (await call(case.bench.homeserver, token, "GET", path)).status_code == 200


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
    # A homeserver that died while it made a room may have left a room with only the bot in it.
    chats = [it for it in found if await _is_with(case, it, case.bench.human.user_id)]
    if len(chats) != 1:
        problems.append(("duplicated", f"{len(chats)} chats"))
    if not noted or not any(room in noted[0]["content"] for room in found):
        problems.append(("lost", "no chat in m.direct"))
    return problems + _no_puppet(case) + loose(case)


async def _left_the_chat(case: Case) -> None:
    await make(case)
    assert "✅" in await case.bench.ask(f"!chat {case.name}")
    [room_id] = await _joined(case)
    await case.bench.human.raw("POST", f"/_matrix/client/v3/rooms/{room_id}/leave", {})


async def _is_back(case: Case, event_id: str) -> Problems:
    problems = await _has_chat(case, event_id)
    [room_id] = await _joined(case)
    token, person = case.known["MATRIX_ACCESS_TOKEN"], case.bench.human.user_id
    path = f"/_matrix/client/v3/rooms/{room_id}/state/m.room.member/{person}"
    answer = await call(case.bench.homeserver, token, "GET", path)
    if answer.json()["membership"] != "invite":
        problems.append(("lost", "the person is not invited again"))
    return problems


ACTS = (
    Act("leave", _ask_to_leave, typed("{name}"), _left),
    Act("chat", make, typed("!chat {name}"), _has_chat),
    Act("chat again", _left_the_chat, typed("!chat {name}"), _is_back),
)
