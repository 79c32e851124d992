"""One HTTP request to the homeserver, and what its answer means. No endpoint in here.

`decipher` decides without I/O; `Wire` moves the bytes, with time-outs and patience.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from adminbot.errors import HomeserverError, HomeserverUnreachable, RateLimited, TokenRejected
from adminbot.homeserver.tls import tls_context
from adminbot.values.clock import now
from adminbot.values.secret import Secret
from adminbot.values.text import code_of

log = logging.getLogger(__name__)

# bcrypt at a high work factor on a busy small server takes seconds; a connect does not.
TIMEOUT = httpx.Timeout(30, connect=10)
# And for all of it: an answer that drips keeps to the one above for ever.
_DEADLINE = timedelta(seconds=35)
# The state of a room with ten thousand members is smaller. Read, it may take twenty times that.
_MOST_BYTES = 8 * 2**20
Needs = Mapping[str, type]
_NOTHING: Needs = {}
_ABSURD = timedelta(days=3650)  # no clock is off by that much
_LOOK_S = 10
_LOOK_BYTES = 65_536
_BACKOFF_S = (0.3, 0.7, 1.5, 3, 5, 10, 15, 25)


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one plain GET: an answer, or (status 0) why there is none.

    `body` is None where the answer is no JSON object; `page` is its text, to be searched and never
    to be shown.
    """

    status: int = 0
    body: dict[str, Any] | None = None
    page: str = ""
    location: str = ""
    failure: BaseException | None = None


def part(text: object) -> str:
    """A path segment: every reserved character quoted (`/` is allowed in localparts)."""
    return quote(str(text), safe="")


def decipher(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON object of a 2xx answer, or raise what the answer means. No I/O.

    Raises:
        RateLimited: 429; `retry_after` is what the server said, else 5 s.
        TokenRejected: 401 with M_UNKNOWN_TOKEN or M_MISSING_TOKEN.
        HomeserverUnreachable: nothing a Matrix server says: 5xx, a proxy's page, a cut-off body.
        HomeserverError: any other refusal, with its errcode.
    """
    body = _json_object(response)
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise RateLimited(_retry_after(response, body or {}))
    if body is None or response.status_code >= 500:
        raise HomeserverUnreachable(f"HTTP {response.status_code}")
    if response.is_success:
        return body
    errcode = body.get("errcode")
    if not isinstance(errcode, str):
        errcode = "M_UNKNOWN"
    if response.status_code == 401 and errcode in ("M_UNKNOWN_TOKEN", "M_MISSING_TOKEN"):
        raise TokenRejected
    refusal = HomeserverError(
        f"The homeserver refused ({response.status_code} {code_of(errcode) or 'M_UNKNOWN'}).",
        errcode=errcode,
        status=response.status_code,
    )
    refusal.answer = body
    raise refusal


def _json_object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    if isinstance(body, list):  # GET /rooms/{id}/state is the one answer that is a list
        return {"list": body}
    return body if isinstance(body, dict) else None


def _retry_after(response: httpx.Response, body: dict[str, Any]) -> timedelta:
    waits_ms = body.get("retry_after_ms")
    if isinstance(waits_ms, (int, float)) and 0 < waits_ms < 86_400_000:
        return timedelta(milliseconds=waits_ms)
    header = response.headers.get("Retry-After", "")
    if re.fullmatch(r"[1-9][0-9]{0,4}", header):
        return timedelta(seconds=int(header))
    return timedelta(seconds=5)


def server_date(headers: Mapping[str, str]) -> datetime | None:
    """When the server says an answer was sent, in whole seconds; None if it does not say."""
    try:
        return parsedate_to_datetime(headers["Date"]).astimezone(UTC)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


async def read_whole(
    chunks: AsyncIterator[bytes], headers: Mapping[str, str], *, most: int
) -> bytes:
    """A body that comes in pieces, as it came: what is packed is not unpacked.

    We ask for `Accept-Encoding: identity`: 250 kB of gzip can unpack to half a gigabyte.

    Raises:
        HomeserverUnreachable: it is packed all the same, or has more than `most` bytes.
    """
    if headers.get("Content-Encoding", "").strip().lower() not in ("", "identity"):
        raise HomeserverUnreachable("it is compressed, which I had not asked for")
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > most:
            raise HomeserverUnreachable(f"it is longer than {most // 2**20} MiB")
    return bytes(body)


class _ServerClock:
    """How far the homeserver's clock is ahead of ours."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def note(self, date: datetime | None) -> None:
        if date is not None and abs(date - now()) < _ABSURD:
            self.ahead = date - now()


class HttpClient:
    """Requests to one homeserver with one default access token, in the header only."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        token: Secret | None = None,
        *,
        patience: timedelta = timedelta(seconds=60),
        clock: "_ServerClock | None" = None,
    ) -> None:
        self._http = http
        self._clock = clock or _ServerClock()
        self.token = token
        self._patience = patience

    def acting_with(self, token: Secret) -> "HttpClient":
        """The same connections with another access token."""
        return HttpClient(self._http, token, patience=self._patience, clock=self._clock)

    def server_time(self) -> datetime:
        """The homeserver's present: what it means by a time that we name."""
        return now() + self._clock.ahead

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        once: bool = False,
        needs: Needs = _NOTHING,
        within: timedelta | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Send one request; returns (HTTP status, JSON object) of a 2xx answer.

        An answer without what it `needs` (name → type) is no usable answer: something between
        us and the homeserver made it up. A request that may be repeated without harm is repeated
        for up to `patience` when no usable answer comes. With `once` it is sent once, and
        HomeserverUnreachable means: look up what happened before you try again. One try takes
        35 s at most; all of it `within` that time, for who cannot wait, instead of `patience`.

        Raises: as `decipher`.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + (within or self._patience).total_seconds()
        limit = min(_DEADLINE, within or _DEADLINE)  # the first try may outlast our patience
        for pause in (*_BACKOFF_S, *([30] * 100)):
            try:
                return await self._ask_once(method, path, body, needs, limit)
            except HomeserverUnreachable as exc:
                left = timedelta(seconds=give_up - loop.time() - pause)
                if once or left <= timedelta():
                    raise
                log.warning("no usable answer, trying again in_s=%s why=%s", pause, exc)
                await asyncio.sleep(pause)
                limit = min(_DEADLINE, left)
        raise HomeserverUnreachable("no answer")

    async def look(self, path: str) -> Look:
        """One GET without token, repetition or redirects: for finding out what is there."""
        try:
            async with (
                asyncio.timeout(_LOOK_S),
                self._http.stream("GET", path, follow_redirects=False) as response,
            ):
                content = await _read_some(response)
        except (httpx.HTTPError, TimeoutError) as exc:
            return Look(failure=_reason(exc))
        short = httpx.Response(response.status_code, content=content)
        location = response.headers.get("Location", "")
        page = content.decode("latin-1")
        return Look(response.status_code, _json_object(short), page, location)

    async def _ask_once(
        self, method: str, path: str, body: Any, needs: Needs, limit: timedelta
    ) -> tuple[int, dict[str, Any]]:
        headers = {"Authorization": f"Bearer {self.token.reveal()}"} if self.token else {}
        try:
            async with asyncio.timeout(limit.total_seconds()):
                response = await self._exchange(method, path, body, headers)
        except TimeoutError:
            told = f"no answer within {limit.total_seconds():.2g} s"
            raise HomeserverUnreachable(told) from None
        except httpx.HTTPError as exc:
            raise HomeserverUnreachable(type(exc).__name__) from None
        except UnicodeEncodeError:
            raise HomeserverError("That holds a character that cannot be sent.") from None
        self._clock.note(server_date(response.headers))
        answer = decipher(response)
        for name, kind in needs.items():
            if not isinstance(answer.get(name), kind):
                raise HomeserverUnreachable(f"an answer without {name}")
        return response.status_code, answer

    async def _exchange(
        self, method: str, path: str, body: Any, headers: dict[str, str]
    ) -> httpx.Response:
        """The answer with its body read, as far as that may go. Follows no redirect."""
        asked = self._http.stream(method, path, json=body, headers=headers, follow_redirects=False)
        async with asked as response:
            content = await read_whole(response.aiter_bytes(), response.headers, most=_MOST_BYTES)
        return httpx.Response(response.status_code, headers=response.headers, content=content)


async def _read_some(response: httpx.Response) -> bytes:
    """A short body; nothing of a packed or a long one, which is none that we look for."""
    try:
        return await read_whole(response.aiter_bytes(), response.headers, most=_LOOK_BYTES)
    except HomeserverUnreachable:
        return b""


def _reason(exc: BaseException) -> BaseException:
    """What the system or TLS said, below what httpx makes of it."""
    below: BaseException | None = exc
    while below is not None:
        if isinstance(below, OSError) and below.errno is not None:
            return below
        below = below.__cause__ or below.__context__
        if isinstance(below, BaseExceptionGroup):
            below = below.exceptions[0]
    return TimeoutError() if isinstance(exc, (httpx.TimeoutException, TimeoutError)) else exc


@asynccontextmanager
async def open_http(
    homeserver: str,
    token: Secret | None = None,
    *,
    transport: httpx.AsyncBaseTransport | None = None,
    patience: timedelta = timedelta(seconds=60),
    ca_file: Path | None = None,
) -> AsyncIterator[HttpClient]:
    """Connections to `homeserver` (a base URL) until the block ends."""
    # The same certificates and no proxy variables, exactly as matrix-nio's connections.
    async with httpx.AsyncClient(
        base_url=homeserver,
        timeout=TIMEOUT,
        transport=transport,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
        limits=httpx.Limits(max_connections=None),  # no request waits for those that hang
        verify=tls_context(ca_file) if homeserver.startswith("https") else False,
    ) as http:
        yield HttpClient(http, token, patience=patience)
