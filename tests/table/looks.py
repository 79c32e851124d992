"""Commands that look, as acts: what is needed, what is typed, what the answer must show."""

from collections.abc import Awaitable, Callable

from adminbot.apps import load_catalog
from tests.faults.acts import (
    Act,
    Case,
    Problems,
    asked_first,
    invite,
    loose,
    make,
    nothing,
    start_program,
    typed,
)
from tests.faults.lab import wait_until
from tests.world import call


def shows(*wanted: str) -> Callable[[Case, str], Awaitable[Problems]]:
    """The answer has all of that in it."""

    async def after(case: Case, event_id: str) -> Problems:
        found = await case.bench.answers(event_id)
        await wait_until(lambda: not loose(case), 10)  # it is read before it is noted as out
        text = str(found[0].body) if found else ""
        if not case.must_succeed and text.startswith("❌"):
            return loose(case)
        missing = [w for w in (it.format(name=case.name) for it in wanted) if w not in text]
        problems: Problems = [("lost", f"no {it!r} in: {text[:200]}") for it in missing]
        return problems + loose(case)

    return after


async def a_person(case: Case) -> None:
    case.bench.homeserver.register(case.name)


async def joined(case: Case) -> None:
    """A bot that is in a room."""
    await invite(case)
    path = f"/_matrix/client/v3/rooms/{case.known['room']}/join"
    token = case.known["MATRIX_ACCESS_TOKEN"]
    (await call(case.bench.homeserver, token, "POST", path, {})).raise_for_status()


async def begun(case: Case) -> None:
    """A bot whose program has shown its device, which is signed."""
    await make(case)
    await start_program(case)
    truth, device = case.bench.truth, case.known["MATRIX_DEVICE_ID"]
    assert await wait_until(lambda: truth.signatures(case.user_id, device), 30)


async def begun_and_told(case: Case) -> None:
    await begun(case)
    text = f"{case.name} is online and trusted"
    bench = case.bench
    assert await wait_until(
        lambda: any(text in (seen.body or "") for seen in bench.human.messages(bench.dm)), 30
    )


async def left_alone(case: Case, event_id: str) -> Problems:
    """`!cancel` of a question: the bot is as it was, and its name confirms nothing any more."""
    problems = await shows("Left as it is")(case, event_id)
    tokens = case.bench.truth.tokens(case.user_id)
    if case.known["MATRIX_ACCESS_TOKEN"] not in tokens:
        problems.append(("lost", "its token is dead"))
    return problems


async def asked_to_compare(case: Case, event_id: str) -> Problems:
    """A request to compare emoji is out in the private chat; `!cancel` is of no use there."""
    problems = await shows("adminbot verify @you:example.test", "compare by emoji")(case, event_id)
    if case.must_succeed:
        verification = await case.bench.human.wait_verification(case.bench.dm)
        await verification.cancel()
    return problems


def look(
    line: str, *wanted: str, before: Callable[[Case], Awaitable[None]] = nothing, called: str = ""
) -> Act:
    return Act(called or line.replace(" {name}", ""), before, typed(f"!{line}"), shows(*wanted))


_APPS = [profile.name for profile in load_catalog(None)]

LOOKS = (
    look("bots", "🤖 **Bots**".replace("*", ""), "{name}", before=make),
    look("bot {name}", "{name}", "Trust", before=begun_and_told),
    look("config {name}", "MATRIX_USER_ID=@{name}:example.test", "***", before=make),
    look("config {name} json", '"access_token": "***"', before=make),
    look("apps", *_APPS),
    *(look(f"apps {name}", f"--for {name}") for name in _APPS),
    look("devices {name}", "from its card", "trusted", before=begun_and_told),
    look("rooms {name}", before=joined),
    look("audit"),
    look("audit {name}", "{name}", before=make),
    look("users", "People", "• "),
    look("users {name}", "{name}", before=a_person),
    look("user @{name}:example.test", "{name}", before=a_person, called="user"),
    look("whoami", "You are", "@you:example.test", "@fault:example.test"),
    Act("verify", nothing, typed("!verify"), asked_to_compare),
    Act("cancel", asked_first("revoke"), typed("!cancel"), left_alone),
    look("cancel", "Nothing is waiting", called="cancel of nothing"),
    look("doctor", "well", "one-time keys"),
    look("help", "What I can do", "!help bots"),
    look("help bots", "!newbot NAME"),
    look("help newbot", "--recovery"),
)
