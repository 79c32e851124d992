"""The results of matrix-nio's requests: a value, or one of our errors; and a limit of size.

matrix-nio returns errors, and lets errors of transport and store through.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

import aiohttp
from nio import ErrorResponse, Response
from peewee import PeeweeException

from adminbot.errors import (
    AdminbotError,
    GatewayTimeout,
    HomeserverError,
    HomeserverUnreachable,
    RateLimited,
    StateError,
    TokenRejected,
)
from adminbot.homeserver.answer import read_whole, server_date
from adminbot.values.clock import now

log = logging.getLogger(__name__)

R = TypeVar("R")
REQUEST_S = 60
# A first sync after a long absence may hold a hundred events of 64 KiB for each of ten rooms, or
# the members of rooms with a hundred thousand; too small a limit would be an off-switch.
_MOST_BYTES = 64 * 2**20


class LimitedResponse(aiohttp.ClientResponse):
    """A body read as sent, up to a limit. Raises HomeserverUnreachable."""

    async def read(self) -> bytes:
        if self._body is None:
            try:
                chunks = self.content.iter_any()
                self._body = await read_whole(chunks, self.headers, most=_MOST_BYTES)
            except BaseException:
                self.close()
                raise
        return await super().read()


@contextmanager
def storing() -> Iterator[None]:
    """nio may write to the store inside: raises StateError when nio cannot."""
    try:
        yield
    except (sqlite3.Error, PeeweeException) as exc:
        log.warning("encryption store not usable why=%s", exc)
        raise StateError from exc


@contextmanager
def senseless_dropped(what: str) -> Iterator[None]:
    """An error inside drops one thing sent to us: the rest of the sync must come through.

    A failure of our own side is raised, and the work must come again. matrix-nio catches some of
    nio's own errors only. Nine others are known, such as JSON nested 1,000 deep.
    """
    try:
        yield
    except (AdminbotError, PeeweeException, sqlite3.Error):
        raise
    except Exception as exc:  # noqa: BLE001  # see above
        log.warning("dropped %s why=%s", what, type(exc).__name__)


async def expect(kind: type[R], call: Awaitable[object], *, within_s: float = REQUEST_S) -> R:
    """Await one of nio's requests; raise an error that nio returns or lets through.

    Raises:
        HomeserverUnreachable: no answer in time, a broken connection, a body that is no answer.
        GatewayTimeout: a proxy gave the request up, as `HomeserverUnreachable`.
        RateLimited, TokenRejected, HomeserverError: the server's refusal.
        StateError: nio could not write its store.
    """
    try:
        with storing():
            response = await asyncio.wait_for(call, within_s)
    except (TimeoutError, OSError, aiohttp.ClientError, ValueError) as exc:
        raise HomeserverUnreachable(type(exc).__name__) from exc
    if isinstance(response, kind):
        return response
    if not isinstance(response, ErrorResponse):
        raise TypeError(f"expected {kind.__name__}, got {type(response).__name__}")
    transport = getattr(response, "transport_response", None)
    status = transport.status if transport is not None else 0
    errcode = response.status_code or "M_UNKNOWN"
    if status == 429 or errcode == "M_LIMIT_EXCEEDED":
        raise RateLimited(timedelta(milliseconds=response.retry_after_ms or 5000))
    if errcode == "M_UNKNOWN_TOKEN":
        raise TokenRejected
    if status == 504:
        raise GatewayTimeout
    if status == 0 or status >= 500 or status < 300:
        raise HomeserverUnreachable(f"HTTP {status}")
    raise HomeserverError(f"The homeserver refused ({status}).", errcode=errcode, status=status)


async def raw_answer(response: Response) -> dict[str, Any]:
    """The JSON behind a nio response: nio drops unknown fields."""
    transport: Any = response.transport_response
    answer = await transport.json()
    return answer if isinstance(answer, dict) else {}


def sent_at(response: Response) -> datetime:
    """The homeserver's time in the answer; our own time if there is none."""
    transport: Any = response.transport_response
    return server_date(transport.headers) or now()
