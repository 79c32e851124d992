"""Taking an account into care: what must be true once it is over, come what may."""

from tests.faults.acts import Act, Case, Problems, loose, told


async def asked_twice(case: Case) -> None:
    """Somebody's account with a session; of both questions about it the second one is open."""
    person = case.bench.homeserver.register(case.name)
    case.known = {"token": person.access_token, "device": person.device_id}
    for _ in range(2):  # in between, the person's client may have begun another megolm session
        asked = await case.bench.ask(f"!adopt {case.name}")
        assert "into care?" in asked, asked
        asked = await case.bench.ask(case.name)
        if "a person's account" in asked:
            return
    raise AssertionError(asked)


async def say_whose(case: Case) -> str:
    return await case.bench.say(case.user_id)


async def adopted(case: Case, event_id: str) -> Problems:
    """In care, and as it was before on the server."""
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        for line in (f"!adopt {case.name}", case.name, case.user_id):
            await case.bench.ask(line)
    truth = case.bench.truth
    row = truth.bot_row(case.user_id)
    if row is None or not row["adopted_at"] or not row["token_at"]:
        problems.append(("lost", "the registry does not have it"))
    if truth.tokens(case.user_id) != {case.known["token"]: case.known["device"]}:
        problems.append(("lost", "its sessions are not what they were"))
    if truth.devices(case.user_id) != {case.known["device"]}:
        problems.append(("lost", "its devices are not what they were"))
    if truth.endless_puppets(case.user_id):
        problems.append(("leaked", "a session without end was left behind"))
    return problems + loose(case)


ACTS = (Act("adopt", asked_twice, say_whose, adopted),)
