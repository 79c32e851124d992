"""`!trust` of a device that did not come from a card."""

import secrets

from tests.faults.acts import Act, Case, Problems, loose, make, start_program, told
from tests.faults.lab import wait_until
from tests.program import fresh_keys
from tests.world import call

_SECOND = "SECONDDEVICE"


async def _another_device(case: Case) -> None:
    """A bot whose program runs, and that was logged in somewhere else, too."""
    await make(case)
    await start_program(case)
    text = f"{case.name} is online and trusted"
    bench = case.bench
    assert await wait_until(
        lambda: any(text in (seen.body or "") for seen in bench.human.messages(bench.dm)), 30
    )
    password = f"Passw0rd-{secrets.token_hex(8)}"
    body: dict[str, object] = {"password": password, "logout_devices": False}
    path = f"/_synapse/admin/v2/users/{case.user_id}"
    root = bench.root.access_token
    (await call(bench.homeserver, root, "PUT", path, body)).raise_for_status()
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": case.user_id},
        "password": password,
        "device_id": _SECOND,
    }
    made = await call(bench.homeserver, None, "POST", "/_matrix/client/v3/login", body)
    token, path = made.json()["access_token"], "/_matrix/client/v3/keys/upload"
    keys = fresh_keys(case.user_id, _SECOND)
    (await call(bench.homeserver, token, "POST", path, {"device_keys": keys})).raise_for_status()
    question = await bench.ask(f"!trust {case.name} {_SECOND}")
    assert "answer with their last block" in question, question
    case.known["block"] = _last_block(question)


def _last_block(question: str) -> str:
    """The keys stand on a line of their own, before the last one."""
    return question.splitlines()[-2].split()[-1]


async def _answer(case: Case) -> str:
    return await case.bench.say(case.known["block"])


async def _trusted(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    truth = case.bench.truth
    if "✅" not in text:
        if truth.signatures(case.user_id, _SECOND):
            problems.append(("lost", f"signed, and not said: {text[:100]}"))
        case.known["block"] = _last_block(await case.bench.ask(f"!trust {case.name} {_SECOND}"))
        await case.bench.ask(case.known["block"])
    if truth.signatures(case.user_id, _SECOND) != 1:
        problems.append(("lost", f"{truth.signatures(case.user_id, _SECOND)} signatures"))
    if truth.endless_puppets(case.user_id):
        problems.append(("leaked", "a session without end was left behind"))
    return problems + loose(case)


ACTS = (Act("trust a device", _another_device, _answer, _trusted),)
