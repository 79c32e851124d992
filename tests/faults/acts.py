"""The acts that change something, and what must be true once each is over, come what may.

A problem is a word of PROBLEMS and a sentence. No problem: exactly one account, one live token
(the card's), one readable card; the bot's registry is what the server has; the person was told.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx

from tests.faults.lab import SETTLE_S, Bench, wait_until
from tests.program import fresh_keys
from tests.world import call

PROBLEMS = ("lost", "duplicated", "leaked")
Problems = list[tuple[str, str]]
_PROGRAM_S = 30
# Every hundred messages a client takes a new megolm session; where that falls between a question
# and its answer, the command is to be typed again, as `after` does.
_IN_BETWEEN = "I cannot tell whether that was written after the command"
UPSTREAM = ("Internal", "Too Many", "<html", "Traceback", "Bad Gateway", "M_UNKNOWN")


@dataclass
class Case:
    """One act on one account."""

    bench: Bench
    name: str
    known: dict[str, str]  # what the account's card said before
    must_succeed: bool = False  # nothing but a crash happens: giving up is no way out

    @property
    def user_id(self) -> str:
        return f"@{self.name}:example.test"


@dataclass(frozen=True)
class Act:
    """`before` makes what is needed, `trigger` returns the event id whose answer counts."""

    name: str
    before: Callable[[Case], Awaitable[None]]
    trigger: Callable[[Case], Awaitable[str]]
    after: Callable[[Case, str], Awaitable[Problems]]
    makes_account: bool = False


# -- what must be true of the answer, whatever the act was


async def told(case: Case, event_id: str) -> tuple[str, Problems]:
    """The one answer, and what is wrong with it."""
    found = await case.bench.answers(event_id)
    if not found:
        return "", [("lost", "no answer")]
    await case.bench.ask("!ping")  # whatever was to come out, has
    await asyncio.sleep(SETTLE_S)
    await wait_until(lambda: not loose(case), 5)  # it is read before it is noted as out
    problems: Problems = []
    found = await case.bench.answers(event_id)
    if len(found) > 1:
        problems.append(("duplicated", f"{len(found)} answers"))
    text = str(found[0].body)
    if any(word in text for word in UPSTREAM):
        problems.append(("leaked", f"upstream words in: {text[:80]}"))
    if any(secret in text for secret in case.bench.secrets):
        problems.append(("leaked", "a secret in an answer"))
    if case.must_succeed and not any(mark in text for mark in ("✅", "🔒", "pong", _IN_BETWEEN)):
        problems.append(("lost", f"given up after a crash: {text[:100]}"))
    if "Something broke on my side" in text:
        problems.append(("lost", "the answer is a bug"))
    return text, problems


def loose(case: Case) -> Problems:
    return [("lost", end) for end in case.bench.truth.loose_ends()]


async def has_one_login(case: Case, *, device: str | None) -> Problems:
    """One live token, on a readable card, on the device that the bot remembers."""
    bench, truth, problems = case.bench, case.bench.truth, []
    card = await bench.card(case.user_id)
    blocks = bench.blocks(case.user_id)
    tokens = truth.tokens(case.user_id)
    row = truth.bot_row(case.user_id)
    if not card:
        return [("lost", "no card")]
    if len(blocks) > 1:  # the older one of a rotation is taken back beside the answer
        await wait_until(lambda: len(bench.blocks(case.user_id)) == 1, 10)
        blocks = bench.blocks(case.user_id)
    if len(blocks) != 1:
        problems.append(("duplicated", f"{len(blocks)} readable cards"))
    if card["MATRIX_ACCESS_TOKEN"] not in tokens:
        problems.append(("lost", "the card's token is dead"))
    if len(tokens) > 1:
        problems.append(("duplicated", f"{len(tokens)} live tokens"))
    if set(tokens.values()) - {card["MATRIX_DEVICE_ID"]}:
        problems.append(("duplicated", "a token of another device"))
    if truth.endless_puppets(case.user_id):
        problems.append(("leaked", "a session without end was left behind"))
    if truth.devices(case.user_id) != {card["MATRIX_DEVICE_ID"]}:
        problems.append(("duplicated", f"devices {truth.devices(case.user_id)}"))
    if row is None or row["device_id"] != card["MATRIX_DEVICE_ID"]:
        problems.append(("lost", "the registry has another device, or nothing"))
    if device and card["MATRIX_DEVICE_ID"] != device:
        problems.append(("lost", "the device was replaced"))
    return problems + loose(case)


# -- the acts


async def nothing(case: Case) -> None:
    """Nothing is needed before."""


def typed(line: str) -> Callable[[Case], Awaitable[str]]:
    async def trigger(case: Case) -> str:
        return await case.bench.say(line.format(name=case.name))

    return trigger


async def make(case: Case) -> None:
    assert "is ready" in await case.bench.ask(f"!newbot {case.name}")
    case.known = await case.bench.card(case.user_id)
    assert case.known


async def made(case: Case, event_id: str) -> Problems:
    """Made, or not at all, or made and said to want a `!rotate`; then it is mended and checked."""
    text, problems = await told(case, event_id)
    if problems:
        return problems
    truth = case.bench.truth
    if "✅" not in text:
        if truth.bot_row(case.user_id):
            if "!rotate" not in text:
                problems.append(("lost", f"half made, and not said: {text[:100]}"))
            await case.bench.ask(f"!rotate {case.name}")
        elif truth.exists(case.user_id):
            return [*problems, ("lost", f"an account that nobody knows of: {text[:100]}")]
        else:
            await case.bench.ask(f"!newbot {case.name}")
    return problems + await has_one_login(case, device=None)


async def rotated(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!rotate {case.name}")
    problems += await has_one_login(case, device=case.known["MATRIX_DEVICE_ID"])
    return problems + _old_is_dead(case)


async def renewed(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!rotate {case.name} --new-device")
    return problems + await has_one_login(case, device=None) + _old_is_dead(case)


async def make_alone(case: Case) -> None:
    assert "is ready" in await case.bench.ask(f"!newbot {case.name} --for alone")
    case.known = await case.bench.card(case.user_id)
    assert case.known
    assert await _log_in(case, case.known) == 200


async def has_a_password(case: Case, event_id: str) -> Problems:
    """Made, or given a new password, or told how: then a password that works, and no session."""
    text, problems = await told(case, event_id)
    if problems:
        return problems
    truth = case.bench.truth
    if "✅" not in text:
        if truth.exists(case.user_id) and not truth.bot_row(case.user_id):
            return [("lost", f"an account that nobody knows of: {text[:100]}")]
        word = "rotate" if truth.bot_row(case.user_id) else "newbot"
        await case.bench.ask(f"!{word} {case.name} --for alone")
    card, row = await case.bench.card(case.user_id), truth.bot_row(case.user_id)
    if not card or row is None or row["device_id"] != card["MATRIX_DEVICE_ID"]:
        return [("lost", "no card, or the registry has another device")]
    if len(case.bench.blocks(case.user_id)) != 1:
        await wait_until(lambda: len(case.bench.blocks(case.user_id)) == 1, 10)
    if len(case.bench.blocks(case.user_id)) != 1:
        problems.append(("duplicated", "more than one readable card"))
    if truth.tokens(case.user_id) or truth.devices(case.user_id):
        problems.append(("leaked", "a session that nobody asked for was left behind"))
    if await _log_in(case, card) != 200:
        problems.append(("lost", "the card's password does not work"))
    if case.known and await _log_in(case, case.known) != 403:
        problems.append(("lost", "the old password works"))
    return problems + loose(case)


async def _log_in(case: Case, card: dict[str, str]) -> int:
    body = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": case.user_id},
        "password": card["MATRIX_PASSWORD"],
        "device_id": card["MATRIX_DEVICE_ID"],
    }
    answer = await call(case.bench.homeserver, None, "POST", "/_matrix/client/v3/login", body)
    return answer.status_code


async def invite(case: Case) -> None:
    await make(case)
    body = {"preset": "private_chat", "invite": [case.user_id]}
    made = await case.bench.human.raw("POST", "/_matrix/client/v3/createRoom", body)
    case.known["room"] = made["room_id"]


async def entered(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!join {case.name}")
    token, path = case.known["MATRIX_ACCESS_TOKEN"], "/_matrix/client/v3/joined_rooms"
    rooms = (await call(case.bench.homeserver, token, "GET", path)).json()["joined_rooms"]
    if rooms != [case.known["room"]]:
        problems.append(("lost", "it is not in the room"))
    if case.bench.truth.endless_puppets(case.user_id):
        problems.append(("leaked", "a session without end was left behind"))
    return problems + loose(case)


def _old_is_dead(case: Case) -> Problems:
    tokens = case.bench.truth.tokens(case.user_id)
    return [("lost", "the old token lives")] * (case.known["MATRIX_ACCESS_TOKEN"] in tokens)


def asked_first(command: str) -> Callable[[Case], Awaitable[None]]:
    async def before(case: Case) -> None:
        await make(case)
        assert "2 minutes" in await case.bench.ask(f"!{command} {case.name}")

    return before


async def overtake(case: Case) -> str:
    """A revoke is confirmed while a rotation of the same bot is under way."""
    await case.bench.say(f"!rotate {case.name}")
    return await case.bench.say(case.name)


async def revoked(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!revoke {case.name}")
        await case.bench.ask(case.name)
    row = case.bench.truth.bot_row(case.user_id)
    if case.bench.truth.tokens(case.user_id) or case.bench.truth.devices(case.user_id):
        problems.append(("lost", "a session lives"))
    if row is None or row["device_id"] or row["token_at"]:
        problems.append(("lost", "the registry has a session"))
    return problems + await _card_is_gone(case) + loose(case)


async def deleted(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!deletebot {case.name}")
        await case.bench.ask(case.name)
    row = case.bench.truth.bot_row(case.user_id)
    if not case.bench.truth.is_deactivated(case.user_id):
        problems.append(("lost", "the account lives"))
    if row is None or not row["deleted_at"]:
        problems.append(("lost", "the registry does not know"))
    return problems + await _card_is_gone(case) + loose(case)


async def _card_is_gone(case: Case) -> Problems:
    """Taken back beside the answer; after a crash as soon as its time is up."""
    gone = await wait_until(lambda: not case.bench.blocks(case.user_id), 10)
    return [] if gone else [("lost", "its card is still readable")]


async def start_program(case: Case) -> None:
    """A program shows its device for the first time, as far as the server can tell."""
    keys = fresh_keys(case.user_id, case.known["MATRIX_DEVICE_ID"])
    token, path = case.known["MATRIX_ACCESS_TOKEN"], "/_matrix/client/v3/keys/upload"
    # The bot may notice before the answer is here, and the homeserver be killed under it.
    async with asyncio.timeout(_PROGRAM_S):
        while True:
            with suppress(httpx.TransportError):
                uploaded = await call(
                    case.bench.homeserver, token, "POST", path, {"device_keys": keys}
                )
                break
            await asyncio.sleep(0.5)
    uploaded.raise_for_status()


async def arrive(case: Case) -> str:
    """No command: the program starts, and the bot is to notice, sign, and tell."""
    await start_program(case)
    return ""


async def signed(case: Case, event_id: str) -> Problems:
    del event_id
    text = f"{case.name} is online and trusted"

    def said() -> list[Any]:
        return [m for m in case.bench.human.messages(case.bench.dm) if text in (m.body or "")]

    if not await wait_until(said, 45):
        return [("lost", "not told that it is online")]
    await case.bench.ask("!ping")
    problems: Problems = []
    if len(said()) > 1:
        problems.append(("duplicated", "told twice that it is online"))
    if not case.bench.truth.signatures(case.user_id, case.known["MATRIX_DEVICE_ID"]):
        problems.append(("lost", "its device is not signed"))
    if case.bench.truth.endless_puppets(case.user_id):
        problems.append(("leaked", "a session without end was left behind"))
    return problems


async def tap(case: Case) -> str:
    """✅ under the card."""
    [block] = case.bench.blocks(case.user_id)
    await case.bench.human.react(case.bench.dm, block.event_id, "✅")
    return ""


async def taken_back(case: Case, event_id: str) -> Problems:
    del event_id
    if not await wait_until(lambda: not case.bench.blocks(case.user_id), 45):
        return [("lost", "the card is still readable")]
    await case.bench.ask("!ping")
    await asyncio.sleep(SETTLE_S)  # read before it is noted as answered
    return loose(case)


async def own_renewed(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    if problems:
        return problems
    if "✅" not in text:
        await case.bench.ask(f"!rotate {case.bench.bot.directory.name} --me-too")
    own = case.bench.bot.setting("USER_ID")
    if len(case.bench.truth.tokens(own)) != 1:
        problems.append(("duplicated", "own tokens: not exactly one lives"))
    if len(case.bench.truth.devices(own)) != 1:
        problems.append(("lost", "own device was replaced"))
    return problems + loose(case)


async def ask_for_lockdown(case: Case) -> None:
    await case.bench.ask("!lockdown")


async def locked(case: Case, event_id: str) -> Problems:
    _, problems = await told(case, event_id)
    if "locked down" not in await case.bench.ask(f"!newbot {case.name}"):
        problems.append(("lost", "it is not locked"))
    code, _, err = await case.bench.shell("unlock")
    assert code == 0, err
    return problems + loose(case)


async def answered(case: Case, event_id: str) -> Problems:
    text, problems = await told(case, event_id)
    return problems + ([] if "pong" in text else [("lost", f"no pong: {text[:60]}")])


ACTS = (
    Act("newbot", nothing, typed("!newbot {name}"), made, True),
    Act("newbot --recovery", nothing, typed("!newbot {name} --recovery"), made, True),
    Act("newbot by password", nothing, typed("!newbot {name} --for alone"), has_a_password, True),
    Act("rotate by password", make_alone, typed("!rotate {name}"), has_a_password),
    Act("join", invite, typed("!join {name}"), entered),
    Act("rotate", make, typed("!rotate {name}"), rotated),
    Act("rotate --new-device", make, typed("!rotate {name} --new-device"), renewed),
    Act("revoke", asked_first("revoke"), typed("{name}"), revoked),
    Act("revoke over rotate", asked_first("revoke"), overtake, revoked),
    Act("deletebot", asked_first("deletebot"), typed("{name}"), deleted),
    Act("sign on arrival", make, arrive, signed),
    Act("take a card back", make, tap, taken_back),
    Act("rotate --me-too", nothing, typed("!rotate fault --me-too"), own_renewed),
    Act("lockdown", ask_for_lockdown, typed("lockdown"), locked),
    Act("ping", nothing, typed("!ping"), answered),
)
