"""A bot's name and picture, interrupted."""

from io import BytesIO

from PIL import Image

from tests.faults.acts import Act, Case, Problems, loose, make, told, typed
from tests.faults.lab import rows
from tests.world import call, send_picture


async def _profile(case: Case) -> dict[str, str]:
    path = f"/_matrix/client/v3/profile/{case.user_id}"
    answer = await call(case.bench.homeserver, case.known["MATRIX_ACCESS_TOKEN"], "GET", path)
    return dict(answer.json())


def _no_puppet(case: Case) -> Problems:
    if case.bench.truth.endless_puppets(case.user_id):
        return [("leaked", "a session without end was left behind")]
    return []


async def _renamed(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!setname {case.name} Other name")
    row = case.bench.truth.bot_row(case.user_id)
    if (await _profile(case)).get("displayname") != "Other name":
        problems.append(("lost", "the server has the older name"))
    if row is None or row["display_name"] != "Other name":
        problems.append(("lost", "the registry has the older name"))
    return problems + _no_puppet(case) + loose(case)


async def _send(case: Case) -> None:
    await make(case)
    out = BytesIO()
    Image.new("RGB", (40, 20)).save(out, "PNG")
    bench = case.bench
    sent = await send_picture(bench.homeserver, bench.human, bench.room, out.getvalue())
    case.known["picture"] = sent


async def _reply(case: Case) -> str:
    return await case.bench.human.send(
        case.bench.room,
        f"!setpic {case.name}",
        relates_to={"m.in_reply_to": {"event_id": case.known["picture"]}},
    )


async def _pictured(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.answers(await _reply(case))
    address = (await _profile(case)).get("avatar_url", "")
    sql = "SELECT media_type FROM local_media_repository WHERE media_id = ?"
    if not rows(case.bench.truth.synapse, sql, address.rsplit("/", 1)[-1]):
        problems.append(("lost", "the server has no such picture"))
    return problems + _no_puppet(case) + loose(case)


ACTS = (
    Act("setname", make, typed("!setname {name} Other name"), _renamed),
    Act("setpic", _send, _reply, _pictured),
)
