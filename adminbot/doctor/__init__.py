"""What is wrong, and what mends it: one list of checks, for the shell and the chat.

A new check is a function that takes a `Subject` and returns a `Verdict` (or raises an
AdminbotError, whose text and hint are said), and a line in `CHECKS`. A check changes nothing.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from adminbot.doctor import local, ourselves, people, server
from adminbot.doctor.finding import Finding, Level, Verdict, error, warning
from adminbot.doctor.subject import Subject
from adminbot.errors import AdminbotError

log = logging.getLogger(__name__)

_MOST_S = 20


@dataclass(frozen=True, slots=True)
class Check:
    """`needs`: checks without whose success this one could only repeat their error."""

    name: str
    look: Callable[[Subject], Awaitable[Verdict]]
    needs: tuple[str, ...] = ()


_SERVER, _SESSION, _STATE = ("homeserver",), ("homeserver", "session"), ("state",)
_ADMIN = (*_SESSION, "admin API", "server admin")
CHECKS = (
    Check("app profiles", local.apps),
    Check("data directory", local.data_directory),
    Check("state", local.state),
    Check("service", local.service),
    Check("homeserver", server.homeserver),
    Check("certificate", server.certificate, _SERVER),
    Check("clock", server.clock, _SERVER),
    Check("admin API", server.version, _SERVER),
    Check("accounts", server.accounts, _SERVER),
    Check("address on cards", server.public_url, _SERVER),
    Check("password login", server.password_login, _SERVER),
    Check("session", ourselves.session, _SERVER),
    Check("server admin", ourselves.server_admin, (*_SESSION, "admin API")),
    Check("rate limit", ourselves.rate_limit, _ADMIN),
    Check("shared secret", server.shared_secret, (*_SESSION, "admin API")),
    Check("encryption keys", ourselves.encryption_keys, (*_SESSION, *_STATE)),
    Check("cross-signing", ourselves.cross_signing, (*_SESSION, *_STATE)),
    Check("one-time keys", ourselves.one_time_keys, _SESSION),
    Check("admin room", people.admin_room, _SESSION),
    Check("admins", people.admins, (*_ADMIN, *_STATE)),
    Check("identities", people.pins, (*_SESSION, *_STATE)),
    Check("awaited devices", local.awaited, _STATE),
    Check("acts", local.acts, _STATE),
    Check("cards", local.cards, _STATE),
)


async def examine(it: Subject, checks: Sequence[Check] = CHECKS) -> AsyncIterator[Finding]:
    """A finding for each check, in order."""
    failed: set[str] = set()
    for check in checks:
        first = next((need for need in check.needs if need in failed), None)
        if first:
            verdict = warning("not looked at", f"Mend “{first}” first.")
        else:
            verdict = await _look(check, it)
        if first or verdict.level is Level.ERROR:
            failed.add(check.name)
        yield Finding(check.name, verdict.level, verdict.text, verdict.remedy)


async def _look(check: Check, it: Subject) -> Verdict:
    try:
        async with asyncio.timeout(_MOST_S):
            return await check.look(it)
    except AdminbotError as exc:
        return error(str(exc), exc.hint or "Its log says more.")
    except TimeoutError:
        return error(f"no answer within {_MOST_S} s", "Try again when less is going on.")
    except Exception as exc:  # a bug in one check hides none of the others
        log.exception("check failed name=%s", check.name)
        return error(f"a bug, {type(exc).__name__}", "Please report it; the log has its trace.")
