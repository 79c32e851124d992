"""People's accounts and sign-up tokens, interrupted."""

import re

from tests.faults.acts import Act, Case, Problems, loose, nothing, told, typed
from tests.faults.lab import CARD_S, rows, wait_until
from tests.world import call


def _blocks(case: Case, first: str) -> list[str]:
    """What the readable cards say whose block has this line."""
    shown = case.bench.human.messages(case.bench.dm)
    return [str(m.body) for m in shown if not m.redacted and first in (m.body or "").split("\n")]


async def _card(case: Case) -> str:
    """The password on the one readable card about the person; empty if there is none."""
    found = await wait_until(lambda: _blocks(case, f"Name: {case.name}"), CARD_S)
    await wait_until(lambda: len(_blocks(case, f"Name: {case.name}")) == 1, 10)
    if not found:
        return ""
    password = re.findall("^Password: (.*)$", found[-1], re.MULTILINE)[0]
    case.bench.secrets.add(password)
    return str(password)


async def _log_in(case: Case, password: str) -> int:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": case.user_id},
        "password": password,
    }
    answer = await call(case.bench.homeserver, None, "POST", "/_matrix/client/v3/login", body)
    return answer.status_code


async def _has_account(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        word = "resetpw" if case.bench.truth.exists(case.user_id) else "newuser"
        await case.bench.ask(f"!{word} {case.name}")
    if case.bench.truth.tokens(case.user_id):
        problems.append(("leaked", "a session that nobody asked for was left behind"))
    password = await _card(case)
    if not password or await _log_in(case, password) != 200:
        problems.append(("lost", "the card's password does not work, or there is no card"))
    if case.known and await _log_in(case, case.known["password"]) != 403:
        problems.append(("lost", "the old password works"))
    return problems + loose(case)


async def _make(case: Case) -> None:
    assert "is ready" in await case.bench.ask(f"!newuser {case.name}")
    case.known["password"] = await _card(case)
    assert case.known["password"]


async def _ask_to_lock(case: Case) -> None:
    await _make(case)
    assert "2 minutes" in await case.bench.ask(f"!lock {case.name}")


def _is_locked(case: Case) -> bool:
    found = rows(case.bench.truth.synapse, "SELECT locked FROM users WHERE name = ?", case.user_id)
    return bool(found and found[0][0])


async def _locked(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!lock {case.name}")
        await case.bench.ask(case.name)
    if not _is_locked(case):
        problems.append(("lost", "it is not locked"))
    return problems + loose(case)


async def _lock(case: Case) -> None:
    await _ask_to_lock(case)
    said = await case.bench.ask(case.name)
    assert _is_locked(case), said


async def _unlocked(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!unlock {case.name}")
    if _is_locked(case):
        problems.append(("lost", "it is locked"))
    return problems + loose(case)


def _tokens(case: Case) -> set[str]:
    found = rows(case.bench.truth.synapse, "SELECT token FROM registration_tokens")
    return {str(row["token"]) for row in found}


async def _count(case: Case) -> None:
    case.known = dict.fromkeys(_tokens(case), "")


async def _has_token(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask("!regtoken new")
    new = _tokens(case) - case.known.keys()
    if len(new) != 1 and case.must_succeed:
        problems.append(("duplicated", f"{len(new)} tokens"))

    def on_cards() -> bool:
        return any(_blocks(case, f"Token: {token}") for token in new)

    if not await wait_until(on_cards, CARD_S):
        problems.append(("lost", "no card with the token"))
    case.bench.secrets |= new
    return problems + loose(case)


ACTS = (
    Act("newuser", nothing, typed("!newuser {name}"), _has_account),
    Act("resetpw", _make, typed("!resetpw {name} --sign-out"), _has_account),
    Act("lock", _ask_to_lock, typed("{name}"), _locked),
    Act("unlock", _lock, typed("!unlock {name}"), _unlocked),
    Act("regtoken", _count, typed("!regtoken new"), _has_token),
)
